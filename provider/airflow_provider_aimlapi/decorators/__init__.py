"""Tasks written as functions: `@task.claude_completion`. Thin; the work is the operator's."""

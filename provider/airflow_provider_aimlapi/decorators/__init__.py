"""Tasks written as functions: `@task.claude_completion`. The operator does the work."""

"""The only home of tasks and queues. Read `run` first."""

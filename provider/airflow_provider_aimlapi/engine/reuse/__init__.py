"""Answers that are paid for already: by an earlier run, or for another row of this one."""

"""What each path answers. Opens no socket."""

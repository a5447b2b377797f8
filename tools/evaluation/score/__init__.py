"""Right or wrong, by kind of task."""

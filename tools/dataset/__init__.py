"""samples -> sealed splits: import, review, freeze, read."""

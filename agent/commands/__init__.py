"""The commands, one module for each part of the way from a goal to a served model."""

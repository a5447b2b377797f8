"""A teacher behind an endpoint: what is asked of it, at what pace, for how much money."""

"""What every stage must agree on about text: which inputs are the same or alike, its language, its encoding."""

"""What records look like, on the page and in a terminal."""

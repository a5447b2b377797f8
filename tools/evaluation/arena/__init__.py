"""Two answers to one row: asked, judged, ranked."""

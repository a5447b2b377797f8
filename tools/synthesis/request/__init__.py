"""What a teacher is asked: for which cell, from which passage, in which words."""

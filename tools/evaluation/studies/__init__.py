"""Questions beyond a score: more data, a look by hand, what was forgotten, what the teacher can do."""

"""The student: found by its reference, spoken to in its template, read in its tokens, and made to answer."""

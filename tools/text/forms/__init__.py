"""Written forms: the values that a text may stand for, and the one way in which an answer writes each of them."""

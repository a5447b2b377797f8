"""Where a quote stands in its passage: the passage's own characters, found again whatever happened to its spaces."""

import re

_SPACES = re.compile(r"\s+")


def flat(text: str) -> str:
    """The text on one line with single spaces."""
    return _SPACES.sub(" ", text).strip()


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Where the quote begins and ends in the text, white space aside; None when it does not stand there."""
    words = quote.split()
    if not words:
        return None
    start = text.find(quote.strip())
    if start >= 0:
        return start, start + len(quote.strip())
    # Line breaks of a document fall anywhere, in Chinese between any two letters.
    letters = r"\s*".join(re.escape(char) for word in words for char in word)
    pattern = letters if not quote.isascii() else r"\s+".join(map(re.escape, words))
    found = re.search(pattern, text)
    return found.span() if found else None

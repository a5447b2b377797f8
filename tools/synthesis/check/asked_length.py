"""Whether a text is anything like as long as was asked for."""

import re

from tools.text.length import words

MOST_WORDS = 3000  # of one message; more is a teacher running away
_WAY_OFF = 6  # times longer or shorter than asked for: a count of words is a wish, nonsense is not


def read_range(text: str) -> tuple[int, int] | None:
    """'8-30' as (8, 30); None for a length said otherwise."""
    match = re.fullmatch(r"\s*(\d+)\s*(?:-|–|to|到|至)\s*(\d+)\s*(?:words|词)?\s*", text)
    return (int(match[1]), int(match[2])) if match and int(match[1]) <= int(match[2]) else None


def unlike(text: str, asked: str) -> str:
    """Why this is far from the length asked for, or nothing."""
    found = words(text)
    if found > MOST_WORDS:
        return f"it has {found} words; at most {MOST_WORDS} are allowed"
    wanted = read_range(asked)
    if wanted and not wanted[0] / _WAY_OFF <= found <= wanted[1] * _WAY_OFF:
        return f"it has {found} words where {asked} were asked for"
    return ""

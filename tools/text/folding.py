"""Texts as a person compares them: which quotation mark, dash or space it is, what nobody sees, and how a letter is
composed do not count.

`folded` is for comparing; `locate` finds the same words in a text and says where, so that the text's own characters
are kept. Case counts: "Us" is not "us".
"""

import re
import unicodedata
from functools import lru_cache

APOSTROPHES = "‘’‚‛‹›ʼ′´"
QUOTES = "“”„‟″«»「」『』〝〞〟"
DASHES = "‐‑‒–—―−"
SOFT_HYPHEN = "\u00ad"
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff\u180e]")
_PLAIN = re.compile(r"[!-~]+(?=[ -~])")  # all but the last: something may sit upon that
_MARKS = {ord(mark): plain for marks, plain in ((APOSTROPHES, "'"), (QUOTES, '"'), (DASHES, "-")) for mark in marks}

Span = tuple[int, int]


def folded(text: str) -> str:
    """The text on one line with single spaces, in plain marks and composed letters (NFKC)."""
    return " ".join(text.split()) if text.isascii() else _fold(text)[0]


def locate(words: str, text: str) -> Span | None:
    """Where the words begin and end in the text, compared as folded; None when they do not stand there.

    A text's line breaks fall anywhere, in Chinese between any two letters: where the words are not plain ASCII, spaces
    do not count at all.
    """
    wanted = words.strip()
    if not wanted:
        return None
    start = text.find(wanted)
    if start >= 0:
        return start, start + len(wanted)
    plain = folded(wanted)
    line, spans = _fold(text)
    if plain and not plain.isascii():
        spans = tuple(span for char, span in zip(line, spans, strict=True) if char != " ")
        plain, line = plain.replace(" ", ""), line.replace(" ", "")
    start = line.find(plain) if plain else -1
    return (spans[start][0], spans[start + len(plain) - 1][1]) if start >= 0 else None


@lru_cache(maxsize=256)  # a passage is asked about by each of its samples
def _fold(text: str) -> tuple[str, tuple[Span, ...]]:
    """The folded text, and for each of its characters the place in `text` that it stands for."""
    chars: list[str] = []
    spans: list[Span] = []
    start = 0
    while start < len(text):
        if plain := _PLAIN.match(text, start):
            chars += plain[0]
            spans += [(at, at + 1) for at in range(start, plain.end())]
            start = plain.end()
            continue
        end = start + 1
        while end < len(text) and _composes(text[start:end], text[end]):
            end += 1
        if text[start] == SOFT_HYPHEN:  # it stands where a line may break, so the break goes with it
            while end < len(text) and text[end].isspace():
                end += 1
        for char in _folded_letter(text[start:end]):
            if not char.isspace() or (chars and chars[-1] != " "):
                chars.append(" " if char.isspace() else char)
                spans.append((start, end))
        start = end
    if chars and chars[-1] == " ":
        chars.pop()
        spans.pop()
    return "".join(chars), tuple(spans)


@lru_cache(maxsize=4096)
def _folded_letter(letter: str) -> str:
    """One letter with whatever composes with it. Marks come before NFKC too: it takes "´" for a space and an accent."""
    if letter.isascii():
        return letter
    if letter.startswith(SOFT_HYPHEN):
        return ""
    return unicodedata.normalize("NFKC", _INVISIBLE.sub("", letter).translate(_MARKS)).translate(_MARKS)


@lru_cache(maxsize=4096)
def _composes(before: str, char: str) -> bool:
    """Whether the character changes the letter before it, or sits upon it: an accent, a vowel of Korean."""
    if char.isascii():
        return False
    together = unicodedata.normalize("NFKC", before + char)
    return bool(unicodedata.combining(char)) or together != (
        unicodedata.normalize("NFKC", before) + unicodedata.normalize("NFKC", char)
    )

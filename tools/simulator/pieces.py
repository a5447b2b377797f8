"""Runs of an input: values, which nothing may change, and the words around them, which may be written any way."""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

SLOT = re.compile(r"\{(\w+)\}")
_ENDS = ".!?。！？…"


class Piece(NamedTuple):
    """A run of the input. `fixed` is a value, or a word that the task itself gave: nothing may change it."""

    text: str
    fixed: bool = False


Pieces = list[Piece]


def fill(template: str, slots: Mapping[str, Piece]) -> Pieces:
    """The template with its `{slots}` filled."""
    found: Pieces = []
    for number, part in enumerate(SLOT.split(template)):
        piece = slots[part] if number % 2 else Piece(part)
        found += [piece] if piece.text else []
    return found


def text_of(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def joined(parts: Sequence[Pieces], *separators: str) -> Pieces:
    """The parts with the separators between them in turn, the last one again and again."""
    found: Pieces = []
    for number, part in enumerate(part for part in parts if part):
        found += [Piece(separators[min(number, len(separators)) - 1]), *part] if number else part
    return found


def capital(pieces: Pieces) -> Pieces:
    """With a capital at the beginning, unless a value stands there."""
    if not pieces or pieces[0].fixed:
        return pieces
    first = pieces[0].text
    return [Piece(first[:1].upper() + first[1:]), *pieces[1:]]


def recased(pieces: Pieces, case: Callable[[str], str]) -> Pieces:
    """All words in this case; values keep theirs."""
    return [piece if piece.fixed else Piece(case(piece.text)) for piece in pieces]


def ended(pieces: Pieces, stop: str) -> Pieces:
    """With a full stop, unless one is there."""
    return pieces if not pieces or text_of(pieces[-1:]).rstrip()[-1:] in _ENDS else [*pieces, Piece(stop)]


def unpunctuated(pieces: Pieces) -> Pieces:
    """The words as speech is written down by a machine: in lower case and without marks."""
    return recased(pieces, lambda text: re.sub(r"\s+", " ", re.sub(r"[^\w\s'’]", " ", text.lower())))


def quoted(pieces: Pieces, mark: str) -> Pieces:
    """Every line after the mark."""
    return [Piece(mark), *recased(pieces, lambda text: text.replace("\n", f"\n{mark}"))]


def misspelt(pieces: Pieces, rng: random.Random) -> Pieces:
    """Two letters swapped, one lost or one doubled in one word around the values."""
    places = [
        (number, at)
        for number, piece in enumerate(pieces)
        if not piece.fixed
        for at in range(1, len(piece.text) - 2)
        if piece.text[at - 1 : at + 2].isalpha() and piece.text[at].isascii()
    ]
    if not places:
        return pieces
    number, at = rng.choice(places)
    text = pieces[number].text
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    wrong = rng.choice((swapped, text[:at] + text[at + 1 :], text[: at + 1] + text[at:]))
    return [*pieces[:number], Piece(wrong), *pieces[number + 1 :]]

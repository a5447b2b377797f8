"""Cells of variety: each request names another mix of length, tone and situation, so that samples spread out."""

import itertools
import random
from functools import lru_cache

_LENGTHS = ("very short, a few words", "one sentence", "two or three sentences", "a short paragraph", "a list or form")
_TONES = (
    "neutral",
    "hurried",
    "polite and formal",
    "casual with small typos",
    "terse, notes only",
    "chatty, off topic",
)
_SITUATIONS = (
    "a usual case",
    "much is missing",
    "everything is there",
    "an unusual order of the parts",
    "irrelevant details around the point",
    "a correction of something said before",
    "rare or foreign names and formats",
    "a case that is easily mistaken for another",
)


def cell(number: int, seed: str) -> str:
    """The cell of request `number`: all cells in a shuffled order, then all again."""
    turn, place = divmod(number, len(_LENGTHS) * len(_TONES) * len(_SITUATIONS))
    length, tone, situation = _shuffled(f"{seed}/{turn}")[place]
    return f"length: {length}; tone: {tone}; situation: {situation}"


@lru_cache(4)
def _shuffled(seed: str) -> list[tuple[str, str, str]]:
    cells = list(itertools.product(_LENGTHS, _TONES, _SITUATIONS))
    random.Random(seed).shuffle(cells)
    return cells

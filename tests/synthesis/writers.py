"""What the tests of the simulator share: a task about parcels, and the words of a text outside its values."""

import re
from collections.abc import Iterator, Sequence

from tests.synthesis.tasks import named
from tools.records import Task
from tools.simulator.pieces import Piece


def shipping(language: str = "en") -> Task:
    """The demo's task: nobody says whose phone and whose city, only the name has a role."""
    task = named("recipient", "phone", "city", "tracking_number", language=language)
    return task.model_copy(update={"input_description": "shipping messages"})


def word_runs(pieces: Sequence[Piece]) -> Iterator[str]:
    """What stands between values, in small letters; wherever two phrases meet, what they say together."""
    run = ""
    for piece in pieces:
        if piece.fixed and piece.text:
            yield run.lower()
            run = ""
        else:
            run += piece.text
    yield run.lower()


def four_words(pieces: Sequence[Piece], *, spaced: bool) -> set[str]:
    """All runs of four words outside the values; in Chinese of eight signs, two to a word."""
    pattern, length = (r"\w+", 4) if spaced else (r"\w", 8)
    found: set[str] = set()
    for run in word_runs(pieces):
        words = re.findall(pattern, run)
        found.update(" ".join(words[at : at + length]) for at in range(len(words) - length + 1))
    return found

"""Rows of a split that the training rows give away: scores on them would prove nothing."""

import unicodedata
from collections.abc import Sequence

from tools.dataset.splits import Row

NEARLY = 95.0  # per cent of characters that need no edit; two fresh inputs of one template stay below


def find_leaks(train: Sequence[Row], rows: Sequence[Row]) -> tuple[str, ...]:
    """Ids of the rows whose input stands in train: word for word, or nearly and with the same answer.

    A near match with another answer is no leak: inputs of sums or of one template differ in little but what matters.
    """
    from rapidfuzz import fuzz, process

    known = {_input(row) for row in train}
    by_answer: dict[str, list[str]] = {}
    for row in train:
        by_answer.setdefault(row.answer.strip(), []).append(_input(row))

    def leaks(row: Row) -> bool:
        said, same = _input(row), by_answer.get(row.answer.strip(), [])
        return said in known or process.extractOne(said, same, scorer=fuzz.ratio, score_cutoff=NEARLY) is not None

    return tuple(row.id for row in rows if leaks(row))


def _input(row: Row) -> str:
    """All that is said before the answer but the system prompt, without case, width and spacing."""
    said = "\n".join(message.text for message in row.prompt if message.role != "system")
    return " ".join(unicodedata.normalize("NFKC", said).casefold().split())

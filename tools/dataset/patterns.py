"""Of how many patterns simulated rows are made, by label or field: of fewer than three no test can be split off."""

import json
from collections.abc import Iterable, Sequence

from tools.records import Sample, Task

FEWEST = 3  # one to learn from, one to choose on, one to be tested on


def thin(task: Task, samples: Sequence[Sample], test: Iterable[Sample]) -> dict[str, int]:
    """The labels, or fields, that a simulated test says nothing about, with the number of their patterns.

    A pattern is the words that a row is written in: a phrase book, a varied example, a pattern of the user's. None is
    told where no test row is simulated.
    """
    if not any(one.source.startswith("simulator") for one in test):
        return {}
    found: dict[str, set[str]] = {}
    for one in samples:
        if one.source.startswith("simulator"):
            for name in _told(task, one):
                found.setdefault(name, set()).add(one.family or one.origin)
    return {name: len(patterns) for name, patterns in found.items() if len(patterns) < FEWEST}


def _told(task: Task, sample: Sample) -> list[str]:
    """What the row teaches: its label, or the fields that it fills."""
    if task.kind == "classification":
        return [sample.answer]
    if task.kind != "extraction":
        return []
    try:
        answer = json.loads(sample.answer)
    except (ValueError, RecursionError):
        return []
    return [name for name, value in answer.items() if value is not None] if isinstance(answer, dict) else []

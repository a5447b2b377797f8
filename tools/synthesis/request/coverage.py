"""The coverage table: what samples spread over, what each cell has so far, and which cell the next request asks for.

Axes are topics, personas, difficulties, lengths and languages, and what the kind adds: labels to choose, functions to
call. Every axis is drawn evenly by itself, the emptiest value first, in an order that no other axis follows.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import Field

from tools.records import Sample, Task, Value
from tools.synthesis.check.calls import name_of

Cell = dict[str, str]

NO_CALL = "none of them: a request that no function serves"
MUCH_MISSING, ALL_THERE = "much is missing", "everything is there"
BESIDE, CORRECTED = "irrelevant details around the point", "a correction of something said before"
UNTOLD = "a question that fits the passage but that it does not answer"
_LENGTHS = ("1-12", "8-30", "25-80")
_QUESTION_LENGTHS = ("4-12", "8-25")
_PERSONAS = (
    "someone neutral",
    "someone in a hurry",
    "someone polite and formal",
    "someone casual, with small typos",
    "someone terse, in notes",
    "someone chatty, who drifts off topic",
)
_DIFFICULTIES = (
    "a usual case",
    MUCH_MISSING,
    ALL_THERE,
    "an unusual order of the parts",
    BESIDE,
    CORRECTED,
    "rare or foreign names and formats",
    "easily mistaken for another case",
)
_QUESTION_DIFFICULTIES = (
    "one fact",
    "two facts put together",
    "a reason or a consequence",
    "in other words than the passage uses",
    UNTOLD,
)


class Tally(Value):
    """One line of the table."""

    axis: str
    value: str
    good: int = Field(0, ge=0, description="Samples that may be trained on, drafts included.")
    rejected: int = Field(0, ge=0)


def axes(task: Task) -> dict[str, tuple[str, ...]]:
    """What this task's samples spread over; an axis with one value or none says nothing and is left out."""
    said, asking = task.coverage, task.kind == "answering"
    found: dict[str, tuple[str, ...]] = {
        "topic": said.topics,
        "persona": said.personas or (() if asking else _PERSONAS),
        "difficulty": said.difficulties or (_QUESTION_DIFFICULTIES if asking else _DIFFICULTIES),
        "length": said.lengths or (_QUESTION_LENGTHS if asking else _LENGTHS),
        "language": said.languages,
    }
    if task.kind == "classification":
        found["label"] = (*task.labels, *((task.out_of_scope,) if task.out_of_scope else ()))
    if task.kind == "calling":
        found["function"] = (*(name_of(tool) for tool in task.tools), NO_CALL)
    return {axis: values for axis, values in found.items() if len(values) > 1 or (axis == "language" and values)}


def table(task: Task, samples: Iterable[Sample]) -> list[Tally]:
    """Every value of every axis with its samples; values that the task no longer names come last in their axis."""
    good: Counter[tuple[str, str]] = Counter()
    rejected: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        (rejected if sample.state == "rejected" else good).update(sample.cell.items())
    named = [(axis, value) for axis, values in axes(task).items() for value in values]
    former = sorted((good.keys() | rejected.keys()) - set(named))
    return [Tally(axis=a, value=v, good=good[a, v], rejected=rejected[a, v]) for a, v in [*named, *former]]


class Spread:
    """The cells of a job's requests, by their numbers."""

    def __init__(self, task: Task, seed: str, made: Mapping[tuple[str, str], int]) -> None:
        """`made` counts the good samples there were before, by axis and value: what they lack is asked for first."""
        self._axes = {
            axis: _Axis(values, [made.get((axis, value), 0) for value in values], f"{seed}/{axis}")
            for axis, values in axes(task).items()
        }

    def cell(self, number: int) -> Cell:
        return {axis: drawn.value(number) for axis, drawn in self._axes.items()}


class _Axis:
    """One axis drawn evenly: always a value with the fewest, which one of them by lot."""

    def __init__(self, values: Sequence[str], made: Sequence[int], seed: str, each: int = 5) -> None:
        self._values = values
        self._counts = list(made)
        self._random = random.Random(seed)
        self._each = each  # samples of one request
        self._drawn: list[str] = []

    def value(self, number: int) -> str:
        while len(self._drawn) <= number:
            fewest = min(self._counts)
            place = self._random.choice([at for at, count in enumerate(self._counts) if count < fewest + self._each])
            self._counts[place] += self._each
            self._drawn.append(self._values[place])
        return self._drawn[number]


def in_words(cell: Cell) -> str:
    """The cell as a line of a request."""
    told = {
        "length": "length of the input in words",
        "persona": "written by",
        "label": "the right answer is",
        "function": "the function it needs",
        "language": "language",
    }
    return "; ".join(f"{told.get(axis, axis)}: {value}" for axis, value in cell.items())

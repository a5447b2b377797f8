"""What a kind of card is: how it looks on the page and in a terminal, and what it is for a program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tools.catalog import Catalog
from tools.records import Project, Record, Value

R = TypeVar("R", bound=Record)
WIDTH = 100  # letters of a line in the terminal


@dataclass(frozen=True)
class Shown:
    """What one card is drawn from."""

    catalog: Catalog
    project: Project
    ids: tuple[str, ...]
    newest: bool = True  # whether a person's numbers count on it
    said: str = ""  # above the card, and not repeated

    def all(self, kind: type[R]) -> list[R]:
        return [self.catalog.get(kind, id_) for id_ in self.ids]


@dataclass(frozen=True)
class Kind:
    """One kind of card in its three forms. Each raises RetortError when a record cannot be read."""

    html: Callable[[Shown], str]
    text: Callable[[Shown], str]
    data: Callable[[Shown], Any]  # as JSON


def records(kind: type[Record]) -> Callable[[Shown], Any]:
    """The data of a card that names records."""
    return lambda shown: dumped(shown.all(kind))


def dumped(values: Sequence[Value]) -> list[Any]:
    return [one.model_dump(mode="json") for one in values]


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with aligned columns; all but the first are aligned right."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[place]) for row in every) for place in range(len(head))]

    def line(row: Sequence[str]) -> str:
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *(line(row) for row in rows)])

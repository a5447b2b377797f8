"""What the reading child hands back to its parent: elements in order, or the reason why there are none."""

from pydantic import Field

from tools.records import Value


class Element(Value):
    """A heading or a paragraph as it stands in the file."""

    text: str
    is_heading: bool = False
    page: int | None = Field(None, ge=1)


class Reading(Value):
    """The whole file, read. With a `problem` there are no elements."""

    elements: tuple[Element, ...] = ()
    note: str = ""
    problem: str = ""
    fix: str = ""

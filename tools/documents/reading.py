"""What the reading child hands back to its parent: elements in order, or the reason why there are none."""

from collections import Counter
from typing import Literal

from pydantic import Field

from tools.records import Value

Aside = Literal["", "header or footer", "table of contents", "repeated"]


class Element(Value):
    """A heading, a paragraph or a whole table (as Markdown), as it stands in the file."""

    text: str
    kind: Literal["heading", "text", "table"] = "text"
    level: int = Field(1, ge=1, le=9, description="Depth of a heading; 1 is the highest.")
    page: int | None = Field(None, ge=1)
    last_page: int | None = Field(None, ge=1, description="Page it ends on, when that is another one.")
    aside: Aside = Field("", description="Why it is no content; empty for content.")


class Reading(Value):
    """The whole file, read. With a `problem` there are no elements."""

    elements: tuple[Element, ...] = ()
    pages: int = Field(0, ge=0, description="Pages or slides; 0 where the format knows none.")
    scans: tuple[int, ...] = Field((), description="Pages without text: pictures that OCR may read.")
    confidence: float | None = Field(None, description="Mean confidence of the OCR, 0 to 1; None without OCR.")
    notes: tuple[str, ...] = Field((), description="What was left out and why, a sentence each.")
    problem: str = ""
    fix: str = ""

    @property
    def content(self) -> list[Element]:
        return [one for one in self.elements if not one.aside]

    @property
    def set_aside(self) -> dict[str, int]:
        """Number of elements that are no content, by the reason."""
        return dict(Counter(one.aside for one in self.elements if one.aside))

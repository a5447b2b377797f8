"""What stands in a deck beside its slides' own texts: the speaker's notes, and a count of what cannot be read."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tools.documents.reading import Element

_PARTS = {
    "comment": re.compile(r"ppt/comments/[^/]+\.xml"),
    "chart": re.compile(r"ppt/charts/chart[^/]*\.xml"),
    "diagram": re.compile(r"ppt/diagrams/data[^/]*\.xml"),
    "embedded file": re.compile(r"ppt/embeddings/(?!Microsoft_Excel)[^/]+"),  # a chart's own numbers are no file
}


def with_notes(source: Path, elements: Sequence[Element]) -> tuple[list[Element], Counter[str]]:
    """The elements, each slide's followed by its notes; and how many of each kind were left out."""
    from pptx import Presentation

    left_out: Counter[str] = Counter()
    with ZipFile(source) as package:
        for what, part in _PARTS.items():
            left_out[what] = sum(map(bool, map(part.fullmatch, package.namelist())))
    notes = []
    for number, slide in enumerate(Presentation(str(source)).slides, start=1):
        left_out["text beside its slide"] += sum(map(_is_beside, _shapes(slide.shapes)))
        frame = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if frame is not None and (text := frame.text.replace("\v", "\n").strip()):
            notes.append(Element(text=f"Notes: {text}", page=number))
    return sorted([*elements, *notes], key=lambda one: one.page or 0), left_out


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        yield shape
        yield from _shapes(getattr(shape, "shapes", ()))


def _is_beside(shape: Any) -> bool:
    """Placed above or left of its slide, where nobody sees it; unstructured leaves these out too."""
    placed = shape.top and shape.left and (shape.top < 0 or shape.left < 0)
    return bool(placed and shape.has_text_frame and shape.text_frame.text.strip())

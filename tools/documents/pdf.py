"""PDFs: the text layer through pdfium, line by line with its place; pages that are pictures are told as scans."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tools.documents.boilerplate import contents_lines, running_lines
from tools.documents.layout import GAP_EMS, Line, elements_of
from tools.documents.reading import Aside, Element, Reading

_ARABIC = "\u0600-\u06ff"
_GLUED = re.compile(rf"(?<=[A-Za-z])(?=[{_ARABIC}])|(?<=[{_ARABIC}])(?=[A-Za-z])")

STAMP_CHARS = 100  # a stamp, a page number or a date over a picture make no page of text
PICTURE_SHARE = 0.6  # of the page
_LAM_ALEF = re.compile("[آأإا]ل")


def read_pdf(source: Path) -> Reading:
    """The text layer of every page."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            return Reading(problem="it is locked with a password", fix="Save it without the password and add it again.")
        return Reading(problem=f"it is a broken PDF ({error})", fix="Export it again from its source.")
    pages, scans = [], []
    for number, page in enumerate(document, 1):
        lines = list(_lines(page.get_textpage()))
        pages.append(lines)
        if not lines or (sum(len(line.text) for line in lines) < STAMP_CHARS and _is_picture(page)):
            scans.append(number)
    content, aside = [], []
    for number, (lines, why) in enumerate(zip(pages, _asides(pages), strict=True), 1):
        content.append((number, [line for place, line in enumerate(lines) if place not in why]))
        aside += [Element(text=lines[place].text, page=number, aside=why[place]) for place in sorted(why)]
    return Reading(elements=(*elements_of(content), *aside), pages=len(pages), scans=tuple(scans))


def _is_picture(page: Any) -> bool:
    """Whether one picture covers most of the page."""
    from pypdfium2 import raw

    width, height = page.get_size()
    for found in page.get_objects(filter=(raw.FPDF_PAGEOBJ_IMAGE,), max_depth=2):
        left, bottom, right, top = found.get_bounds()
        if (right - left) * (top - bottom) > PICTURE_SHARE * width * height:
            return True
    return False


def _asides(pages: Sequence[Sequence[Line]]) -> list[dict[int, Aside]]:
    """For each page, the places of its lines that are no content, and why."""
    downwards = [sorted(range(len(lines)), key=lambda place: -lines[place].base) for lines in pages]
    ordered = [[lines[place] for place in down] for lines, down in zip(pages, downwards, strict=True)]
    running = running_lines([[(line.text, line.size) for line in lines] for lines in ordered])
    found: list[dict[int, Aside]] = []
    for lines, down, places in zip(pages, downwards, running, strict=True):
        entries = contents_lines([line.text for line in lines])
        why: dict[int, Aside] = dict.fromkeys(entries, "table of contents")
        found.append(why | dict.fromkeys((down[place] for place in places), "header or footer"))
    return found


def _lines(page: Any) -> Iterator[Line]:
    """The page's lines. Boxes are asked for at the ends of words only: asking for each letter's takes most time.

    pdfium leaves out the line break after a word that it found hyphenated, and puts U+FFFE for its hyphen. The Arabic
    ligature of lam and alef comes as two letters in the wrong order, with one box.
    """
    text = page.get_text_range()
    box_at = _Boxes(page, len(text))
    text = _LAM_ALEF.sub(lambda two: two[0][::-1] if box_at(two.start()) == box_at(two.start() + 1) else two[0], text)
    for found in re.finditer(r"[^\r\n\ufffe]+\ufffe?", text):
        if raw := found[0].strip():
            yield _line(raw, found.start() + found[0].index(raw), box_at)


def _line(text: str, first: int, box_at: "_Boxes") -> Line:
    left, _, base, top = box_at(first)
    last = first + len(text.rstrip("\ufffe")) - 1
    _, right, bottom, ceiling = box_at(last)
    size = max(min(top - base, ceiling - bottom), 1.0)  # one larger letter makes no larger line
    cells: list[tuple[float, str]] = []
    begin, edge = 0, left
    for space in re.finditer(r"\s+", text):
        before, after = box_at(first + space.start() - 1)[1], box_at(first + space.end())[0]
        if after - before > GAP_EMS * size:
            cells.append((edge, text[begin : space.start()]))
            begin, edge = space.end(), after
    cells.append((edge, text[begin:]))
    bold = box_at.bold(first) and box_at.bold(last)
    return Line(_GLUED.sub(" ", text), left, right, base, size, bold, tuple(cells) if len(cells) > 1 else ())


class _Boxes:
    """Places of letters by their index in the page's text."""

    def __init__(self, page: Any, length: int) -> None:
        from pypdfium2 import raw

        self._raw, self._page = raw, page.raw
        self._same = page.count_chars() == length  # else letters that are no text shift the count
        self._box = raw.FS_RECTF()

    def __call__(self, index: int) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of the letter's line box, in points."""
        box = self._box
        self._raw.FPDFText_GetLooseCharBox(self._page, self._at(index), ctypes.byref(box))
        return box.left, box.right, box.bottom, box.top

    def bold(self, index: int) -> bool:
        name = ctypes.create_string_buffer(128)
        flags = ctypes.c_int()
        self._raw.FPDFText_GetFontInfo(self._page, self._at(index), name, 128, ctypes.byref(flags))
        return bool(re.search(rb"bold|black|heavy|semibold|-bd|cmbx", name.value, re.IGNORECASE))

    def _at(self, index: int) -> int:
        return index if self._same else int(self._raw.FPDFText_GetCharIndexFromTextIndex(self._page, index))

"""Lines of a page, with their places -> paragraphs, titles and tables. What pdfium gives are lines in reading order."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from tools.documents.outline import LONGEST_TITLE, number_of
from tools.documents.reading import Element
from tools.documents.tables import to_markdown

BULLET = re.compile(r"[•▪●◦‣–—*·■□➢-]\s+\S|\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s+\S|[（(][一二三四五六七八九十]+[）)]")
_SENTENCE_END = re.compile(r"[.!?:;。！？：；][\"'”’)\]]*$")
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f"
_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}])\n(?=[{_CJK}])")
BETWEEN_CJK_SPACE = re.compile(rf"(?<=[{_CJK}]) (?=[{_CJK}])")
GAP_EMS = 1.3  # a space wider than this divides cells


@dataclass(frozen=True)
class Line:
    """One line of text; lengths in points, y from the bottom of the page."""

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool = False
    cells: tuple[tuple[float, str], ...] = ()  # left edge and text of each cell; one cell is no table row


@dataclass
class Block:
    """Lines that belong together."""

    page: int
    lines: list[Line]
    last_page: int | None = None
    rows: list[list[str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Lines joined: words hyphenated at a line's end are whole again, Chinese needs no space between lines."""
        joined = "\n".join(line.text.strip() for line in self.lines)
        joined = joined.replace("\ufffe\n", "").replace("\ufffe", "-")
        return _BETWEEN_CJK.sub("", joined).replace("\n", " ").strip()


def elements_of(pages: Sequence[tuple[int, Sequence[Line]]]) -> list[Element]:
    """Pages of lines (numbers from 1) as elements in order."""
    blocks = [block for number, lines in pages for block in _blocks(number, lines)]
    blocks = _across_pages(blocks)
    body = _body_size(blocks)
    ranks = _title_sizes(blocks, body)
    return [one for block in blocks if (one := _element(block, body, ranks))]


def _element(block: Block, body: float, ranks: dict[float, int]) -> Element | None:
    place = {"page": block.page, "last_page": block.last_page}
    if block.rows:
        return Element(text=to_markdown(block.rows), kind="table", **place)
    text = block.text
    if not text:
        return None
    if _is_title(block, body):
        number = number_of(text)
        level = number.level if number and number.text[0].isdigit() else ranks.get(_rounded(block.lines[0].size), 6)
        return Element(text=text, kind="heading", level=level, **place)
    return Element(text=text, **place)


# --- paragraphs --------------------------------------------------------------------------------------------------


def _blocks(page: int, lines: Sequence[Line]) -> Iterator[Block]:
    """Lines -> tables first, then paragraphs of what lies between them."""
    pitch = _pitch(lines)
    start = 0
    while start < len(lines):
        rows, end = _table(lines, start)
        if rows:
            yield Block(page, list(lines[start:end]), rows=rows)
            start = end
            continue
        end = start + 1
        while end < len(lines) and not _begins(lines[end], lines[start:end], pitch) and not _table(lines, end)[0]:
            end += 1
        yield Block(page, list(lines[start:end]))
        start = end


def _begins(line: Line, before: Sequence[Line], pitch: float) -> bool:
    """Whether a new paragraph begins with this line."""
    last = before[-1]
    down = last.base - line.base
    overlap = min(last.base + last.size, line.base + line.size) - max(last.base, line.base)
    if overlap > 0.4 * min(last.size, line.size) and line.left > last.right - line.size:
        return False  # the same line, cut by a gap or by a raised number
    if abs(line.size - last.size) > 0.15 * max(line.size, last.size) or line.bold != last.bold:
        return True
    if down < 0 or down > 4 * pitch:  # another column: only a sentence under way goes on there
        return not _goes_on(last.text, line.text)
    if down > 1.3 * max(pitch, line.size) or BULLET.match(line.text.strip()):
        return True
    short = last.right < max(one.right for one in (*before, line)) - 4 * line.size
    indented = line.left > last.left + 0.8 * line.size and len(before) > 1
    return bool(_SENTENCE_END.search(last.text.strip())) and (short or indented)


def _goes_on(last: str, following: str) -> bool:
    start = following.strip()[:1]
    return not _SENTENCE_END.search(last.strip()) and (start.islower() or bool(re.match(rf"[{_CJK}]", start)))


def _pitch(lines: Sequence[Line]) -> float:
    steps = [a.base - b.base for a, b in pairwise(lines) if 2 < a.base - b.base < 40]
    return median(steps) if steps else 12.0


def _across_pages(blocks: Sequence[Block]) -> list[Block]:
    """A paragraph that the page's end cuts in the middle of a sentence is one paragraph."""
    found: list[Block] = []
    for block in blocks:
        before = found[-1] if found else None
        if before and not before.rows and not block.rows and block.page == (before.last_page or before.page) + 1:
            same = abs(before.lines[-1].size - block.lines[0].size) < 0.5
            if same and _goes_on(before.lines[-1].text, block.lines[0].text) and len(before.lines) > 1:
                before.lines += block.lines
                before.last_page = block.page
                continue
        found.append(block)
    return found


# --- titles ------------------------------------------------------------------------------------------------------


def _is_title(block: Block, body: float) -> bool:
    text, line = block.text, block.lines[0]
    if len(text) > LONGEST_TITLE or len(block.lines) > 3 or not re.search(r"[^\W\d_]", text) or block.last_page:
        return False
    if line.size > 1.12 * body:
        return len(text) > 1
    bold = all(one.bold for one in block.lines)
    return bold and len(block.lines) <= 2 and text[-1] not in ".,;。，；" and not BULLET.match(text)


def _body_size(blocks: Sequence[Block]) -> float:
    counted: Counter[float] = Counter()
    for block in blocks:
        for line in block.lines:
            counted[_rounded(line.size)] += len(line.text)
    return counted.most_common(1)[0][0] if counted else 10.0


def _title_sizes(blocks: Sequence[Block], body: float) -> dict[float, int]:
    """Size of a title -> its level: the largest is 1; bold lines of the body's size stand lowest."""
    sizes = {_rounded(block.lines[0].size) for block in blocks if not block.rows and _is_title(block, body)}
    return {size: min(level, 6) for level, size in enumerate(sorted(sizes, reverse=True), 1)}


def _rounded(size: float) -> float:
    return round(size * 2) / 2


# --- tables ------------------------------------------------------------------------------------------------------


def _table(lines: Sequence[Line], start: int) -> tuple[list[list[str]], int]:
    """A table that begins at this line, and where it ends: three rows or more whose cells stand under each other."""
    if len(lines[start].cells) < 2:
        return [], start
    edges: list[float] = []
    rows: list[list[str]] = []
    full, end = 0, start
    for line in lines[start:]:
        places = _places(line, edges)
        if places is None or (rows and not _near(lines[end - 1], line)):
            break
        if len(line.cells) < 2 and places[0] > 0 and rows:  # a cell that runs on over the next line
            rows[-1] += [""] * (places[0] + 1 - len(rows[-1]))
            rows[-1][places[0]] = f"{rows[-1][places[0]]} {line.text.strip()}".strip()
        elif len(line.cells) < 2:
            break
        else:
            row = [""] * len(edges)
            for place, (_, text) in zip(places, line.cells, strict=True):
                row[place] = f"{row[place]} {text}".strip()
            rows.append(row)
            full += 1
        end += 1
    return (rows, end) if full >= 3 else ([], start)


def _places(line: Line, edges: list[float]) -> list[int] | None:
    """The column of each cell, by its left edge; the first row sets the columns, later ones may add at the right."""
    cells = line.cells or ((line.left, line.text),)
    found: list[int] = []
    for left, _ in cells:
        close = [place for place, edge in enumerate(edges) if abs(edge - left) < 1.5 * line.size]
        if close:
            found.append(min(close, key=lambda place: abs(edges[place] - left)))
        elif not edges or (left > edges[-1] and len(cells) > 1):
            edges.append(left)
            found.append(len(edges) - 1)
        else:
            return None
    return found


def _near(before: Line, line: Line) -> bool:
    return 0 < before.base - line.base < 3.5 * line.size

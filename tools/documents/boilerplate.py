"""What is in the file and no content: running headers and footers, tables of contents, a line on every slide."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tools.documents.outline import number_of
from tools.documents.reading import Aside, Element

CONTENTS = re.compile(
    r"(?:table of )?contents|list of (?:figures|tables)|目\s*录|目\s*次|inhalt(?:sverzeichnis)?|table des matières"
    r"|sommaire|índice(?: de contenidos)?|indice|目次|목\s*차|содержание|оглавление",
    re.IGNORECASE,
)
_ENTRY_END = re.compile(r"(?:\.\s?){3,}\s*[\divxlc]+$|…+\s*\d+$|\s{2,}\d{1,4}$|\t\d{1,4}$", re.IGNORECASE)
_DOTTED = re.compile(r"(?:\.\s?){4,}\s*[\divxlc]+$|…+\s*\d+$", re.IGNORECASE)
REPEATS = 3  # times until a line or a paragraph is no content any more


def running_lines(pages: Sequence[Sequence[tuple[str, float]]], edge: int = 3) -> list[set[int]]:
    """For each page, the places of its lines that are a running header, a footer or a page number.

    A line counts when it stands within the first or last `edge` lines, at the same side, on three pages or more, and
    nothing else stands between it and the rim. Digits are all alike, sizes are not: a title is no header. `pages` hold
    lines from the top down, each with its size in points.
    """

    def look(lines: Sequence[tuple[str, float]], place: int) -> tuple[str, int, bool]:
        return _shape(lines[place][0]), round(lines[place][1]), place < len(lines) / 2

    counted = Counter(one for lines in pages for one in {look(lines, place) for place in _edges(lines, edge)})
    found = []
    for lines in pages:
        running = {place for place in _edges(lines, edge) if counted[look(lines, place)] >= REPEATS}
        found.append(_joined_to_the_rim(running, len(lines)))
    return found


def contents_lines(lines: Sequence[str]) -> list[int]:
    """The places of a page's lines that lead by dots to a page number; three at least make a table of contents."""
    places = [place for place, line in enumerate(lines) if _DOTTED.search(line.rstrip())]
    return places if len(places) >= REPEATS else []


def _edges(lines: Sequence[object], edge: int) -> list[int]:
    return [place for place in range(len(lines)) if place < edge or place >= len(lines) - edge]


def _joined_to_the_rim(places: set[int], count: int) -> set[int]:
    """Only lines that nothing else separates from the page's top or bottom."""
    top = next((place for place in range(count) if place not in places), count)
    bottom = next((place for place in reversed(range(count)) if place not in places), -1)
    return {place for place in places if place < top or place > bottom}


def _shape(line: str) -> str:
    return re.sub(r"\b[ivxlc]+\b", "#", re.sub(r"\d+", "#", " ".join(line.casefold().split())))


def mark(elements: Sequence[Element]) -> list[Element]:
    """The same elements, those marked that are a table of contents or stand on most pages."""
    return list(_repeated(list(_contents(elements))))


def _contents(elements: Sequence[Element]) -> Iterator[Element]:
    """A table of contents begins with its title or with dotted lines, and ends where a number comes again."""
    inside, seen = False, set[str]()
    for one in elements:
        if one.aside or one.kind == "table":
            inside = inside and one.kind != "table"
            yield one
            continue
        lines = [line for line in one.text.splitlines() if line.strip()]
        if CONTENTS.fullmatch(lines[0].strip(" #:*")) and len(lines) == 1:
            inside, seen = True, set()
            yield _aside(one, "table of contents")
            continue
        dotted = sum(bool(_ENTRY_END.search(line.rstrip())) for line in lines)
        if dotted >= 3 and dotted > 0.6 * len(lines):
            yield _aside(one, "table of contents")
            continue
        inside = inside and _is_entry(one, lines, dotted, seen)
        yield _aside(one, "table of contents") if inside else one


def _is_entry(one: Element, lines: Sequence[str], dotted: int, seen: set[str]) -> bool:
    numbers = [found.text for line in lines if (found := number_of(line.strip("-* ")))]
    if any(number in seen for number in numbers) or one.kind == "heading":
        return False
    seen.update(numbers)
    said = " ".join(one.text.split())
    return bool(dotted or (numbers and len(said) < 100 * len(lines) and said[-1] not in ".。;；"))


def _repeated(elements: Sequence[Element]) -> Iterator[Element]:
    """Paragraphs that stand on most pages or slides; the first stays. Under several titles they may well be meant."""
    pages = {one.page for one in elements if one.page}
    places: dict[str, set[int]] = {}
    for one in elements:
        if one.page and one.kind == "text":
            places.setdefault(_shape(one.text), set()).add(one.page)
    told: set[str] = set()
    for one in elements:
        on_pages = len(places.get(_shape(one.text), ())) if one.page and one.kind == "text" and not one.aside else 0
        again = on_pages >= REPEATS and on_pages > len(pages) / 2
        yield _aside(one, "repeated") if again and _shape(one.text) in told else one
        told.update({_shape(one.text)} if again else ())


def _aside(one: Element, why: Aside) -> Element:
    return one.model_copy(update={"aside": why})

"""Titles and their numbers: '3.2.1 Purpose', 'Chapter 4', 'Article 7', '第五条', '（二）'; what stands under what."""

import re
from collections.abc import Sequence

from tools.documents.reading import Element
from tools.records import Value

_CHINESE = "一二三四五六七八九十百零〇两0-9"
_NUMBERS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"((?:part|book)\s+(?:\d+|[ivxlc]+))\b[.:]?", re.IGNORECASE), 1),
    (re.compile(r"((?:chapter|appendix|annex|title)\s+(?:\d+|[ivxlc]+|[a-z]))\b[.:]?", re.IGNORECASE), 1),
    (re.compile(r"((?:article|section|§)\s*\d+(?:\.\d+)*)\b[.:]?", re.IGNORECASE), 2),
    (re.compile(rf"(第[{_CHINESE}]+[编部])"), 1),
    (re.compile(rf"(第[{_CHINESE}]+章)"), 1),
    (re.compile(rf"(第[{_CHINESE}]+节)"), 2),
    (re.compile(rf"(第[{_CHINESE}]+条)"), 3),
    (re.compile(r"([一二三四五六七八九十]+)、"), 2),
    (re.compile(r"([（(][一二三四五六七八九十]+[）)])"), 3),
    (re.compile(r"(\d{1,3}(?:\.\d{1,3}){1,5})[.)]?(?=[\s\u4e00-\u9fff])"), 0),  # level by its parts
)
_PLAIN = re.compile(r"(\d{1,3}|[IVXLC]+|[A-Z])[.)]\s")
_WORDED = re.compile(rf"(?:chapter|appendix|annex|part|article|section)\b|§|第[{_CHINESE}]+[编部章节]", re.IGNORECASE)
LONGEST_TITLE = 120


class Number(Value):
    """A clause's number and how deep it stands."""

    text: str
    level: int


def number_of(text: str) -> Number | None:
    """The number that a title or a clause begins with."""
    start = text.lstrip("# \t*")
    for pattern, level in _NUMBERS:
        if match := pattern.match(start):
            return Number(text=match[1], level=level or match[1].count(".") + 1)
    return Number(text=plain[1], level=1) if (plain := _PLAIN.match(start)) else None


def is_title(text: str) -> bool:
    """Whether a paragraph of plain text can only be a title: short, numbered in parts or by a word, no sentence."""
    line = " ".join(text.split())
    if not line or len(line) > LONGEST_TITLE or text.strip().count("\n") > 1 or line[-1] in ".,;:。，；：、…":
        return False
    found = number_of(line)
    if found is None or (not _WORDED.match(line) and "." not in found.text):
        return False
    rest = line[len(found.text) :].lstrip(" .:)")
    return not rest or not rest[0].islower()


class Path:
    """The titles that stand above the place we are at."""

    def __init__(self) -> None:
        self._above: list[tuple[int, str]] = []

    def enter(self, heading: Element) -> None:
        title = " ".join(heading.text.split())
        self._above = [one for one in self._above if one[0] < heading.level] + [(heading.level, title)]

    def __str__(self) -> str:
        return " > ".join(title for _, title in self._above)

    @property
    def number(self) -> str:
        """The number of the lowest title; empty when it has none."""
        found = number_of(self._above[-1][1]) if self._above else None
        return found.text if found else ""


def with_titles(elements: Sequence[Element]) -> list[Element]:
    """Paragraphs that can only be titles become headings; numbers, where headings have them, tell their depth."""
    found: list[Element] = []
    for one in elements:
        if one.kind == "text" and not one.aside and is_title(one.text):
            number = number_of(one.text)
            found.append(one.model_copy(update={"kind": "heading", "level": number.level if number else 1}))
        else:
            found.append(one)
    return found

"""Elements -> the document's text and its passages: each passage is a slice of that text, with its place."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import Field

from tools.catalog import Catalog
from tools.documents.outline import Path, number_of
from tools.documents.reading import Element
from tools.documents.tables import columns_of
from tools.documents.tokens import Count
from tools.records import Passage, Project, Value
from tools.text.length import guessed_tokens

PASSAGE_TOKENS = 400
TABLE_TOKENS = 4 * PASSAGE_TOKENS  # tables stay whole up to here
LETTERS_AHEAD = 8  # for each token of a passage: longer tokens than that are rare
GLUE = "\n\n"


class Piece(Value):
    """A passage before it belongs to a document: `text` is the document's text from `start` to `end`."""

    text: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    heading: str = ""
    clause: str = ""
    page: int | None = None
    last_page: int | None = None
    tokens: int = Field(ge=0)


class Packed(Value):
    """The document's text, as Markdown, and its pieces in order."""

    text: str
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class _Part:
    """A stretch of the text that is not divided any further."""

    start: int
    end: int
    tokens: int
    page: int | None
    last_page: int | None


def pack(elements: Sequence[Element], limit: int = PASSAGE_TOKENS, count: Count = guessed_tokens) -> Packed:
    """Join neighbours under one title up to `limit` tokens; a title begins a new piece, longer elements are cut."""
    text, places = _text_of(elements)
    pieces: list[Piece] = []
    path, parts = Path(), list[_Part]()

    def close(note: str = "") -> None:
        if not parts:
            return
        start, end = parts[0].start, parts[-1].end
        said = text[start:end]
        number = number_of(said)
        pieces.append(
            Piece(
                text=said,
                start=start,
                end=end,
                heading=" > ".join(one for one in (str(path), note) if one),
                clause=path.number or (number.text if number else ""),
                page=parts[0].page,
                last_page=parts[-1].last_page or parts[-1].page,
                tokens=count(said),
            )
        )
        parts.clear()

    for one, where in zip(elements, places, strict=True):
        if one.kind == "heading":
            close()
            path.enter(one)
            continue
        cuts = list(_cut(text, where, TABLE_TOKENS if one.kind == "table" else limit, count))
        for place, (begin, stop) in enumerate(cuts):
            part = _Part(begin, stop, count(text[begin:stop]), one.page, one.last_page)
            if parts and sum(known.tokens + 1 for known in parts) + part.tokens > limit:  # 1: the glue
                close()
            parts.append(part)
            if one.kind == "table" and len(cuts) > 1:  # the head stands in its first part only: the others name it
                close(f"table of {columns_of(one.text)}" if place else "")
    close()
    return Packed(text=text, pieces=tuple(pieces) or tuple(_titles_alone(text, elements, limit, count)))


def _text_of(elements: Sequence[Element]) -> tuple[str, list[tuple[int, int]]]:
    """The whole as Markdown, and where each element's own text stands in it."""
    text, places = "", []
    parts: list[str] = []
    at = 0
    for one in elements:
        mark = f"{'#' * min(one.level, 6)} " if one.kind == "heading" else ""
        said = " ".join(one.text.split()) if mark else one.text
        at += len(mark)
        places.append((at, at + len(said)))
        parts.append(f"{mark}{said}")
        at += len(said) + len(GLUE)
    text = GLUE.join(parts)
    return text, places


def _cut(text: str, place: tuple[int, int], limit: int, count: Count) -> Iterator[tuple[int, int]]:
    """Cut what stands there at the last line, sentence or word that fits."""
    start, end = place
    while True:
        ahead = text[start : min(end, start + LETTERS_AHEAD * limit)]  # all of it would be counted at every cut
        tokens = count(ahead)
        if tokens <= limit and start + len(ahead) == end:
            break
        width = max(1, int(len(ahead) * min(1, limit / tokens)))
        while count(text[start : start + width]) > limit and width > 1:  # tokens are not evenly spread
            width = width * 9 // 10
        window = text[start : start + width]
        ends = (_last(r"\n", window), _last(r"[.!?][\"')\]]?\s+|[。！？；]", window), _last(r"\s", window))
        cut = next((place for place in ends if place > width // 3), width)
        yield start, start + len(window[:cut].rstrip())
        start += cut + len(text[start + cut : end]) - len(text[start + cut : end].lstrip())
    if start < end:
        yield start, end


def _last(pattern: str, text: str) -> int:
    """Where the last match ends; 0 without one."""
    return max((match.end() for match in re.finditer(pattern, text)), default=0)


def _titles_alone(text: str, elements: Sequence[Element], limit: int, count: Count) -> Iterator[Piece]:
    """A file of titles only still holds text."""
    page = min((one.page for one in elements if one.page), default=None)
    for start, end in _cut(text, (0, len(text)), limit, count):
        yield Piece(text=text[start:end], start=start, end=end, page=page, tokens=count(text[start:end]))


# --- what a new version changed -------------------------------------------------------------------------------------


VERSION_SHARE = 0.5  # of the smaller text's letters: with less in common two files only share a name
SHOWN_LETTERS = 90


class Change(Value):
    """Paragraphs of two texts, compared without regard to order and spacing."""

    same: int
    same_letters: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Of the smaller text's letters those in paragraphs that both have, 0 to 1."""
        alone = min(sum(map(len, self.added)), sum(map(len, self.removed)))
        return self.same_letters / max(1, self.same_letters + alone)

    @property
    def is_a_version(self) -> bool:
        return self.share > VERSION_SHARE

    @property
    def sentence(self) -> str:
        """'Changed since you last added it: 2 paragraphs are new ("…"), 1 is gone ("…"), 40 are as before.'"""
        told = [
            f"{len(found)} {'paragraphs are' if len(found) > 1 else 'paragraph is'} {what} (“{_start(found[0])}”)"
            for found, what in ((self.added, "new"), (self.removed, "gone"))
            if found
        ]
        return f"Changed since you last added it: {', '.join([*told, f'{self.same} as before'])}."


def compare(before: str, after: str) -> Change:
    old, new = (Counter(" ".join(one.split()) for one in text.split(GLUE) if one.strip()) for text in (before, after))
    both = old & new
    return Change(
        same=sum(both.values()),
        same_letters=sum(map(len, both.elements())),
        added=tuple((new - old).elements()),
        removed=tuple((old - new).elements()),
    )


def _start(paragraph: str) -> str:
    return paragraph if len(paragraph) <= SHOWN_LETTERS else f"{paragraph[:SHOWN_LETTERS].rstrip()}…"


def current_passages(catalog: Catalog, project: Project) -> list[Passage]:
    """The passages of all documents as they are now; those of replaced versions rest."""
    return [one for one in catalog.find(Passage, project.id) if one.state == "current"]

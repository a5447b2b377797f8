"""Elements -> passages: pieces of about a screenful, each under its heading and on its page."""

import re
from collections.abc import Iterator, Sequence

from tools.documents.reading import Element
from tools.records import Value

PASSAGE_CHARACTERS = 1200


class Piece(Value):
    """A passage before it belongs to a document."""

    text: str
    heading: str = ""
    page: int | None = None


def pack(elements: Sequence[Element], limit: int = PASSAGE_CHARACTERS) -> list[Piece]:
    """Join neighbours up to `limit` characters; a heading or a new page starts a new piece, long elements are split."""
    pieces: list[Piece] = []
    heading = ""
    texts: list[str] = []
    page: int | None = None

    def close() -> None:
        if texts:
            pieces.append(Piece(text="\n".join(texts), heading=heading, page=page))
            texts.clear()

    for element in elements:
        if element.is_heading:
            close()
            heading, page = " ".join(element.text.split()), element.page
            continue
        for text in split(element.text, limit):
            if texts and (element.page != page or len("\n".join(texts)) + 1 + len(text) > limit):
                close()
            page = element.page
            texts.append(text)
    close()
    return pieces or _headings_alone(elements)


def split(text: str, limit: int) -> Iterator[str]:
    """Pieces of at most `limit` characters, cut at the last line, sentence or word end that fits."""
    text = text.strip()
    while len(text) > limit:
        window = text[:limit]
        ends = (_last(r"\n", window), _last(r"[.!?。！？]\s*", window), _last(r"\s", window))
        cut = next((end for end in ends if end > limit // 3), limit)
        yield text[:cut].strip()
        text = text[cut:].strip()
    if text:
        yield text


def _last(pattern: str, text: str) -> int:
    """Where the last match ends; 0 without one."""
    return max((match.end() for match in re.finditer(pattern, text)), default=0)


def _headings_alone(elements: Sequence[Element]) -> list[Piece]:
    """A file of headings only still holds text."""
    texts = [element.text for element in elements if element.text.strip()]
    return [Piece(text=text) for text in split("\n".join(texts), PASSAGE_CHARACTERS)] if texts else []

"""Plain text and Markdown as elements."""

import re
from collections.abc import Iterator

from tools.documents.reading import Element

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def read_text(text: str) -> Iterator[Element]:
    """Paragraphs between empty lines; a form feed is a new page."""
    pages = text.split("\f")
    for number, page in enumerate(pages, 1):
        for part in re.split(r"\n[ \t]*\n", page):
            if part.strip():
                yield Element(text=_without_rim(part), page=number if len(pages) > 1 else None)


def read_markdown(text: str) -> Iterator[Element]:
    """The blocks of CommonMark with tables; headings without their marks, everything else as it is written."""
    from markdown_it import MarkdownIt

    text = _FRONT_MATTER.sub("", text)
    lines = text.splitlines()
    level = 0
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        if token.type == "heading_open" and token.level == 0:
            level = int(token.tag[1])
        elif token.type == "inline" and level:
            if token.content.strip():
                yield Element(text=token.content.strip(), kind="heading", level=level)
            level = 0
        elif token.level == 0 and token.map and token.type != "heading_open":
            part = "\n".join(lines[token.map[0] : token.map[1]])
            if token.type == "html_block":
                part = re.sub(r"<!--.*?-->|<[^>]*>", "", part, flags=re.DOTALL)
            if part.strip():
                yield Element(text=_without_rim(part), kind="table" if token.type == "table_open" else "text")


def _without_rim(part: str) -> str:
    """Without empty lines around it; the first line keeps its indentation, which may mean something."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", part).rstrip()

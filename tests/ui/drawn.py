"""A drawn card as a browser reads it: its tables, marked words and summaries, whatever tags stand around them."""

from lxml import html
from lxml.html import HtmlElement


def parsed(card: str) -> HtmlElement:
    return html.fromstring(f"<div>{card}</div>")


def rows(card: str) -> list[list[str]]:
    """The cells of every table's rows as text; a bar reads as its width, `[40%]`."""
    return [[_cell(cell) for cell in row.iterchildren("th", "td")] for row in parsed(card).iter("tr")]


def texts(card: str, tag: str) -> list[str]:
    """What stands in each element of this tag, as a reader sees it."""
    return [element.text_content() for element in parsed(card).iter(tag)]


def around_mark(card: str) -> list[tuple[str, str, str]]:
    """Each marked word with the text before and after it, up to the next element."""
    found = []
    for mark in parsed(card).iter("mark"):
        before = mark.getprevious()
        head = mark.getparent().text if before is None else before.tail
        found.append((head or "", mark.text_content(), mark.tail or ""))
    return found


def _cell(cell: HtmlElement) -> str:
    bars = [style.partition("width:")[2] for style in cell.xpath(".//i/@style")]
    return f"{cell.text_content()}{''.join(f'[{width}]' for width in bars)}"

"""HTML as its reader sees it: every text of the body in order, by headings, paragraphs, list items and tables."""

import re
from collections import Counter
from typing import Any

from tools.documents.reading import Element, Reading
from tools.documents.tables import from_html

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "li",
    "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre", "search", "section", "select", "summary", "table",
    "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = ("ul", "ol", "menu", "dir")
_NO_CONTENT = ("head", "script", "style", "template", "datalist", "rp")
_LEFT_OUT = {
    **dict.fromkeys(("iframe", "frame", "object", "embed"), "embedded page"),
    **dict.fromkeys(("video", "audio", "canvas"), "piece of media"),
    "svg": "drawing",
    "noscript": "text for browsers without scripts",
}
_SIGNS = {"br": "\n", "rt": "("}
_ROOMS = ("h1", "h2", "h3", "h4", "h5", "h6", "table", "form", "hr", "article", "section", "nav", "header", "footer")
_BULLET = re.compile(r"^[•▪●◦‣·]\s+")
_SPACE = re.compile(r"[ \t\r\n\f\xa0]+")


def read_html(html: str) -> Reading:
    """The elements of a page, and how many of what was left out."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True, no_network=True)
    root = etree.fromstring(html.encode("utf-8", "replace"), parser) if html.strip() else None
    if root is None:
        return Reading()
    page = _Page()
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, node in walker:
        if event == "end":
            page.leave(node)
        elif not page.enter(node):
            walker.skip_subtree()
    page.close()
    return Reading(elements=tuple(page.elements), notes=told(page.left_out))


def told(left_out: Counter[str]) -> tuple[str, ...]:
    """A sentence for what was not read, each kind with its count; none where there is nothing."""
    counts = [f"{count} {_several(what) if count > 1 else what}" for what, count in left_out.items() if count]
    return (f"Not read: {', '.join(counts)}.",) if counts else ()


def _several(what: str) -> str:
    """'pieces of media', 'embedded pages'."""
    noun, joint, more = re.fullmatch(r"(.+?)((?: (?:of|for|with|beside) )|$)(.*)", what).groups()  # type: ignore[union-attr]
    return f"{noun}s{joint}{more}"


class _Page:
    """What was read so far; words are gathered until a block begins or ends."""

    def __init__(self) -> None:
        self.elements: list[Element] = []
        self.left_out: Counter[str] = Counter()
        self._words: list[str] = []
        self._heading = 0  # level of the title that we are in; 0 outside of one
        self._lists, self._verbatim = 0, 0
        self._mark = ""  # of a list item, before its first words

    def enter(self, node: Any) -> bool:
        """Whether what the node holds is to be walked."""
        if node.tag in _NO_CONTENT:
            return False
        if node.tag in _LEFT_OUT:
            self.left_out[_LEFT_OUT[node.tag]] += node.tag != "svg" or any(text.strip() for text in node.itertext())
            return False
        if node.tag in _SIGNS:
            self._words.append(_SIGNS[node.tag])
        elif node.tag == "img":
            self._say(node.get("alt"))
        elif node.tag == "table" and _is_data(node):
            self.close()
            self._table(node)
            return False
        elif node.tag in _BLOCKS or node.tag in _HEADINGS:
            self.close()
            self._open(node.tag)
        self._say(node.text)
        return True

    def leave(self, node: Any) -> None:
        if node.tag in _BLOCKS or node.tag in _HEADINGS:
            self.close()
            self._shut(node.tag)
        elif node.tag == "rt":
            self._words.append(")")
        self._say(node.tail)

    def close(self) -> None:
        """What was gathered becomes an element."""
        said, self._words = "".join(self._words), []
        if self._verbatim:
            parts = [said.strip("\n")]
        else:
            said = re.sub(r" *\n *", "\n", re.sub(r" {2,}", " ", said)).strip()
            parts = [said.replace("\n", " ")] if self._heading else re.split(r"\n{2,}", said)
        for text in filter(str.strip, parts):
            if self._heading:
                self.elements.append(Element(text=text, kind="heading", level=self._heading))
                continue
            self.elements.append(Element(text=f"{self._mark}{_BULLET.sub('- ', text)}"))
            self._mark = ""

    def _open(self, tag: str) -> None:
        self._heading = _HEADINGS.get(tag, self._heading)
        self._lists += tag in _LISTS
        self._verbatim += tag in ("pre", "textarea")
        if tag in ("li", "option"):
            self._mark = f"{'  ' * max(self._lists - 1, 0)}- "

    def _shut(self, tag: str) -> None:
        self._heading = 0 if tag in _HEADINGS else self._heading
        self._lists -= tag in _LISTS
        self._verbatim -= tag in ("pre", "textarea")
        if tag in ("li", "option"):
            self._mark = ""

    def _table(self, node: Any) -> None:
        from lxml import etree

        for caption in node.findall("caption"):
            self._say(" ".join(caption.itertext()))
            self.close()
        table = from_html(etree.tostring(node, encoding="unicode", method="html", with_tail=False))
        if table:
            self.elements.append(Element(text=table, kind="table" if "\n" in table else "text"))

    def _say(self, text: str | None) -> None:
        if text:
            self._words.append(text if self._verbatim else _SPACE.sub(" ", text))


def _is_data(table: Any) -> bool:
    """Whether it holds rows of values. Many pages and mails are laid out by tables: of these the cells are read."""
    if (table.get("role") or "").lower() in ("presentation", "none"):
        return False
    rows = [row for row in table.iter("tr") if next(row.iterancestors("table")) is table]
    cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
    if max(map(len, cells), default=0) < 2:
        return False
    flat = [cell for row in cells for cell in row]
    if any(cell.tag == "th" for cell in flat) or table.find("caption") is not None:
        return True
    one_row = sum(sum(bool(_length(cell)) for cell in row) > 1 for row in cells) < 2
    rooms = (cell for cell in flat if _is_room(cell) or (one_row and len(cell.findall(".//p")) > 1))
    return 2 * sum(map(_length, rooms)) < sum(map(_length, flat))


def _is_room(cell: Any) -> bool:
    """Whether it holds a part of the page, with titles or tables of its own."""
    return next(cell.iter(*_ROOMS), None) is not None


def _length(cell: Any) -> int:
    """Letters of its text."""
    return sum(len(text.strip()) for text in cell.itertext())

"""Tables as Markdown: from rows of cells, from HTML, from delimited text."""

import csv
import re
from collections.abc import Sequence
from typing import Any

DELIMITERS = ",;\t|"


def to_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a pipe table whose head is the first row; empty rows go, short ones are filled up."""
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    if not cells:
        return ""
    if len(cells) == 1 and len(cells[0]) == 1:
        return cells[0][0]  # a box around a text is no table
    width = max(map(len, cells))
    lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in cells]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])


def from_html(html: str) -> str:
    """The first table of the HTML; a cell that spans several rows or columns stands in each of them."""
    from bs4 import BeautifulSoup

    table = BeautifulSoup(html, "lxml").table
    rows = _own_rows(table) if table else []
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, with what
    for row in rows:
        line: list[str] = []
        for cell in row.find_all(["td", "th"], recursive=False):
            _fill(line, hanging)
            text = cell.get_text(" ")
            for _ in range(_span(cell, "colspan")):
                if (down := _span(cell, "rowspan") - 1) > 0:
                    hanging[len(line)] = (down, text)
                line.append(text)
        _fill(line, hanging)
        grid.append(line)
    return to_markdown(grid)


def from_delimited(text: str) -> str:
    """CSV and its relatives as a Markdown table."""
    return to_markdown(cells_of(text))


def cells_of(text: str) -> list[list[str]]:
    """CSV and its relatives; the delimiter is the one that cuts the first lines most evenly."""
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # 131,072 letters unless told
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    best = max(DELIMITERS, key=lambda delimiter: evenness(lines, delimiter))
    return list(csv.reader(text.splitlines(keepends=True), delimiter=best))


def _own_rows(table: Any) -> list[Any]:
    """The rows of this table, not those of a table inside one of its cells."""
    groups = [table, *table.find_all(["thead", "tbody", "tfoot"], recursive=False)]
    return [row for group in groups for row in group.find_all("tr", recursive=False)]


def _fill(line: list[str], hanging: dict[int, tuple[int, str]]) -> None:
    """Cells that hang down from rows above into the next places of this row."""
    while len(line) in hanging:
        left, text = hanging.pop(len(line))
        if left > 1:
            hanging[len(line)] = (left - 1, text)
        line.append(text)


def _span(cell: Any, name: str) -> int:
    said = re.match(r"\d+", str(cell.get(name, "")))
    return min(max(1, int(said[0])), 1000) if said else 1


def evenness(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    """How many rows have as many cells as most do, and how many cells these are; a single column is no evidence."""
    widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    common = max(set(widths), key=widths.count) if widths else 1
    share = widths.count(common) / len(widths) if common > 1 else 0.0
    return share, common


def columns_of(markdown: str) -> str:
    """The head of a Markdown table as 'A | B | C'."""
    return markdown.split("\n", 1)[0].strip("| ")

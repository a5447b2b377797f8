"""CSV, TSV and XLSX: a header, and the rows under it as records."""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import Field

from tools.dataset.pieces import MOST_CHARS, Piece
from tools.documents.tables import DELIMITERS, evenness
from tools.documents.workbooks import told_valueless, valueless_formulas
from tools.errors import RetortError
from tools.records import Value
from tools.text.encoding import is_broken

LOOKED_AT = 50  # records, to see where the header is
_SEPARATOR = re.compile(r"\ufeff?\"?sep=(.)\"?\s*$", re.IGNORECASE)  # Excel's own first line
MOST_UNPACKED_BYTES = 1_000_000_000  # a workbook that unpacks to more is refused before it fills the memory
Record: TypeAlias = tuple[int, list[str] | str]  # its line, and its cells or what is wrong with it


class Table(Value):
    """A table's columns and its rows, each with its line, as cells by column or with what is wrong."""

    kind: str
    header: tuple[str, ...]
    pieces: tuple[Piece, ...]
    note: str = Field("", description="What of the file was not read.")


def read_text_table(text: str, name: str) -> Table:
    """A table as text, whatever separates its cells. Raises RetortError for a header that cannot be read."""
    lines = list(io.StringIO(text, newline=""))
    first = next(place for place, line in enumerate(lines) if line.strip())
    told = _SEPARATOR.match(lines[first])
    start = first + 1 if told else first
    delimiter = told[1] if told else _delimiter(lines[start:])
    while start < len(lines) and _is_remark(lines[start]):
        start += 1
    records = list(_records(lines, delimiter, start))
    if records and isinstance(reason := records[0][1], str):
        raise RetortError(f"The header of {name} cannot be read: {reason}.", "Correct its first line.")
    return _table("TSV" if delimiter == "\t" else "CSV", records)


def is_text_table(text: str) -> bool:
    """Whether most lines have as many cells as each other: a table, whatever its file is called."""
    lines = [line for line in text.splitlines()[:LOOKED_AT] if line.strip()]
    return len(lines) > 1 and max(evenness(lines, delimiter)[0] for delimiter in DELIMITERS) > 0.9


def read_workbook(path: Path, name: str) -> Table:
    """The first sheet of a workbook that holds rows. Raises RetortError when it is locked, broken or empty."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > MOST_UNPACKED_BYTES:
            raise RetortError(
                f"{name} unpacks to {unpacked / 1e9:.1f} GB, which is too much.",
                "Save the rows as CSV and add that file.",
            )
        merged = _has_merged_cells(path)
        book = load_workbook(io.BytesIO(path.read_bytes()), read_only=not merged, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise RetortError(
            f"{name} cannot be opened as a workbook: it is locked with a password, an old .xls, or broken.",
            "Save it as .xlsx without a password, or as CSV.",
        ) from error
    try:
        for sheet in book.worksheets:
            cells = [[*map(_cell, row)] for row in sheet.iter_rows(values_only=True)]
            filled_in = _fill_merged(sheet, cells) if merged else ""
            records: list[Record] = [(number, row) for number, row in enumerate(cells, 1) if any(row)]
            if len(records) > 1:
                others = [other.title for other in book.worksheets if other.title != sheet.title]
                only = f"Only the sheet {sheet.title!r} was read, not {', '.join(others)}." if others else ""
                valueless = valueless_formulas(path)
                table = _table("XLSX", records)
                notes = (only, table.note, filled_in, told_valueless(valueless) if valueless else "")
                return table.model_copy(update={"note": " ".join(filter(None, notes))})
    finally:
        book.close()
    raise RetortError(f"{name} has no sheet with a header and rows.", "Choose a file with at least one row.")


def _table(kind: str, records: Sequence[Record]) -> Table:
    """The header, found by how many cells records have, and the records under it."""
    place = _header_place(records)
    header = records[place][1] if records else []
    columns = tuple(cell.strip() for cell in header)
    skipped = [line for line, cells in records[:place] if isinstance(cells, str) or any(map(str.strip, cells))]
    return Table(
        kind=kind,
        header=columns,
        pieces=tuple(_pieces(columns, records[place + 1 :])),
        note=_told_title(skipped, records[place][0]) if skipped else "",
    )


def _pieces(columns: Sequence[str], records: Iterable[Record]) -> Iterator[Piece]:
    for line, cells in records:
        if isinstance(cells, str):
            yield Piece(line, None, cells)
        elif len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            yield Piece(line, None, f"it has {len(cells)} cells, but the header has {len(columns)}")
        elif any(is_broken(cell) for cell in cells):
            yield Piece(line, None, "it is not UTF-8")
        elif any(cell.strip() for cell in cells):
            yield Piece(line, dict(zip(columns, cells, strict=False)))


def _header_place(records: Sequence[Record]) -> int:
    """The first record that has more than half of the cells that most have; a title above it has one or two."""
    filled = [
        0 if isinstance(cells, str) else sum(map(bool, map(str.strip, cells))) for _, cells in records[:LOOKED_AT]
    ]
    usual = max(Counter(filter(None, filled)).items(), key=lambda one: (one[1], one[0]), default=(1, 0))[0]
    return next((place for place, count in enumerate(filled) if count > usual / 2), 0)


def _told_title(skipped: Sequence[int], header: int) -> str:
    these = f"Line {skipped[0]} looks" if len(skipped) == 1 else f"Lines {skipped[0]} to {skipped[-1]} look"
    return f"{these} like a title; the header is line {header}."


def _has_merged_cells(path: Path) -> bool:
    """Only a workbook that is read whole knows its merged cells."""
    with zipfile.ZipFile(path) as packed:
        sheets = [name for name in packed.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return any(b"<mergeCell " in packed.read(name) for name in sheets)


def _fill_merged(sheet: Any, cells: list[list[str]]) -> str:
    """Cells merged downwards say their value for each row; those merged sideways are titles."""
    count = 0
    for one in sheet.merged_cells.ranges:
        if one.max_row > one.min_row and (value := cells[one.min_row - 1][one.min_col - 1]):
            count += 1
            for row in cells[one.min_row : one.max_row]:
                row[one.min_col - 1] = value
    return f"{count} merged cells count for each of their rows." if count else ""


def _delimiter(lines: Sequence[str]) -> str:
    """The separator that the first line uses most, unless another cuts the lines more evenly: that line is a title.

    (csv.Sniffer judges by the text's letters and errs on prose.)
    """
    some = [line for line in lines[:LOOKED_AT] if line.strip() and not _is_remark(line)]
    bare = re.sub(r'"[^"]*"', "", some[0]) if some else ""
    first = max(DELIMITERS, key=bare.count)
    best = max(DELIMITERS, key=lambda delimiter: evenness(some, delimiter))
    return first if bare.count(first) and evenness(some, first)[0] >= evenness(some, best)[0] else best


def _is_remark(line: str) -> bool:
    """A line about the table; a column may be called '#' or '#text' too."""
    header = line.startswith("#") and line[1:2] not in " #" and any(one in line for one in DELIMITERS)
    return not line.strip() or (line.startswith("#") and not header)


def _records(lines: Sequence[str], delimiter: str, start: int) -> Iterator[Record]:
    """(number of its first line, cells) of each record, or the reason in place of the cells.

    After a broken record reading goes on at the next line, so one quote that is never closed costs one record.
    """
    csv.field_size_limit(MOST_CHARS)
    while start < len(lines):
        reader = csv.reader((lines[index] for index in range(start, len(lines))), delimiter=delimiter, strict=True)
        used = 0
        try:
            for cells in reader:
                yield start + used + 1, cells
                used = reader.line_num
            return
        except csv.Error as error:
            yield start + used + 1, f"its quotes are broken ({error})"
            start += used + 1


def _cell(value: object) -> str:
    """A workbook's value as a person sees it; whole numbers come as floats, days as midnights."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, bool):
        return str(value).upper()
    return "" if value is None else str(value)

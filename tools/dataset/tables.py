"""CSV, TSV and XLSX: a header, and the rows under it as records."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from tools.dataset.pieces import MOST_CHARS, Piece
from tools.errors import RetortError
from tools.records import Value
from tools.text.encoding import is_broken

DELIMITERS = ",;\t|"
MOST_UNPACKED_BYTES = 1_000_000_000  # a workbook that unpacks to more is refused before it fills the memory


class Table(Value):
    """A table's columns and its rows, each with its line, as cells by column or with what is wrong."""

    kind: str
    header: tuple[str, ...]
    pieces: tuple[Piece, ...]
    note: str = Field("", description="What of the file was not read.")


def read_text_table(text: str, name: str) -> Table:
    """A table as text, whatever separates its cells. Raises RetortError for a header that cannot be read."""
    lines = list(io.StringIO(text, newline=""))
    delimiter = _delimiter(next(line for line in lines if line.strip()))
    records = _records(lines, delimiter)
    header = next((cells for _, cells in records if cells), [])
    if isinstance(header, str):
        raise RetortError(f"The header of {name} cannot be read: {header}.", "Correct its first line.")
    return _table("TSV" if delimiter == "\t" else "CSV", header, records)


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
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise RetortError(
            f"{name} cannot be opened as a workbook: it is locked with a password, an old .xls, or broken.",
            "Save it as .xlsx without a password, or as CSV.",
        ) from error
    try:
        for sheet in book.worksheets:
            rows = (
                (number, list(map(_cell, cells))) for number, cells in enumerate(sheet.iter_rows(values_only=True), 1)
            )
            records = [(number, cells) for number, cells in rows if any(cells)]
            if len(records) > 1:
                others = [other.title for other in book.worksheets if other.title != sheet.title]
                note = f"Only the sheet {sheet.title!r} was read, not {', '.join(others)}." if others else ""
                table = _table("XLSX", records[0][1], records[1:])
                return table.model_copy(update={"note": note})
    finally:
        book.close()
    raise RetortError(f"{name} has no sheet with a header and rows.", "Choose a file with at least one row.")


def _table(kind: str, header: Sequence[str], records: Iterable[tuple[int, list[str] | str]]) -> Table:
    columns = tuple(cell.strip() for cell in header)
    pieces = []
    for line, cells in records:
        if isinstance(cells, str):
            pieces.append(Piece(line, None, cells))
        elif len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            pieces.append(Piece(line, None, f"it has {len(cells)} cells, but the header has {len(columns)}"))
        elif any(is_broken(cell) for cell in cells):
            pieces.append(Piece(line, None, "it is not UTF-8"))
        elif any(cell.strip() for cell in cells):
            pieces.append(Piece(line, dict(zip(columns, cells, strict=False))))
    return Table(kind=kind, header=columns, pieces=tuple(pieces))


def _delimiter(header: str) -> str:
    """The separator that the header uses most. (csv.Sniffer judges by the text's letters and errs on prose.)"""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(number of its first line, cells) of each record, or the reason in place of the cells.

    After a broken record reading goes on at the next line, so one quote that is never closed costs one record.
    """
    csv.field_size_limit(MOST_CHARS)
    start = 0
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
    """A workbook's value as a person sees it; whole numbers come as floats."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value)

"""CSV and TSV with a header: which column is the input and which the answer, and the rows as messages."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence

from tools.dataset.rows import FileRow, FileRows, flaw
from tools.errors import RetortError
from tools.records import Message

NAMES = {
    "input": ("input", "question", "text", "prompt", "query", "instruction", "问题", "输入"),
    "output": ("output", "answer", "label", "completion", "response", "答案", "输出", "标签"),
    "system": ("system",),
}
REQUIRED = ("input", "output")
DELIMITERS = ",;\t|"


def read_table(data: bytes, name: str, system_prompt: str, column_map: Mapping[str, str] | None = None) -> FileRows:
    """The rows of UTF-8 `data`. `column_map` maps input, output and (optional) system to column names.

    Raises RetortError when the text is no UTF-8 or when it is not clear which columns are meant.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RetortError(
            f"{name} is not UTF-8 (line {line}, byte 0x{data[error.start]:02x}).",
            "Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8'), then add it again.",
        ) from error
    lines = list(io.StringIO(text, newline=""))
    delimiter = _delimiter(next(line for line in lines if line.strip()))
    records = _records(lines, delimiter)
    header = next(cells for _, cells in records if cells)
    if isinstance(header, str):
        raise RetortError(f"The header of {name} cannot be read: {header}.", "Correct its first line.")
    header = [cell.strip() for cell in header]
    chosen = _columns(header, name, column_map)
    places = {part: header.index(column) for part, column in chosen.items()}
    rows: list[FileRow] = []
    skipped: list[tuple[int, str]] = []
    for line, cells in records:
        if isinstance(cells, str):
            skipped.append((line, cells))
        elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            skipped.append((line, f"it has {len(cells)} cells, the header {len(header)}"))
        elif any(cell.strip() for cell in cells):
            messages = _messages(cells, places, system_prompt)
            reason = flaw(messages)
            if reason:
                skipped.append((line, reason))
            else:
                rows.append(FileRow(line=line, messages=messages))
    kind = "TSV" if delimiter == "\t" else "CSV"
    return FileRows(format=kind, rows=tuple(rows), skipped=tuple(skipped), column_map=chosen)


def _delimiter(header: str) -> str:
    """The separator that the header uses most. (csv.Sniffer judges by the text's letters and errs on prose.)"""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(DELIMITERS, key=bare.count)


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """(number of its first line, cells) of each record, or the reason in place of the cells.

    After a broken record reading goes on at the next line, so one quote that is never closed costs one record.
    """
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


def _columns(header: Sequence[str], name: str, column_map: Mapping[str, str] | None) -> dict[str, str]:
    """Which column plays which part: as told, else by its name when exactly one fits."""
    chosen: dict[str, str] = {}
    for part, column in (column_map or {}).items():
        if part not in NAMES:
            raise _unclear(header, name, f"a column is input, output or system, not {part!r}")
        exact = [found for found in header if found == column]
        fitting = exact or [found for found in header if found.casefold() == column.casefold()]
        if len(fitting) != 1:
            raise _unclear(header, name, f"it has {len(fitting) or 'no'} columns {column!r}")
        if fitting[0] in chosen.values():
            raise _unclear(header, name, f"the column {column!r} cannot be two parts at once")
        chosen[part] = fitting[0]
    for part, names in NAMES.items():
        fitting = [column for column in header if column.casefold() in names and column not in chosen.values()]
        if part in chosen or (part not in REQUIRED and not fitting):
            continue
        if len(fitting) != 1:
            found = " and ".join(fitting) if fitting else "none"
            raise _unclear(header, name, f"which column is the {part} is not clear ({found} could be)")
        chosen[part] = fitting[0]
    return chosen


def _unclear(header: Sequence[str], name: str, why: str) -> RetortError:
    return RetortError(
        f"{name} cannot be read as input and output: {why}. Its columns: {', '.join(header)}.",
        "Say which column is the input and which the output, e.g. 'input is text, output is intent'.",
    )


def _messages(cells: Sequence[str], places: Mapping[str, int], system_prompt: str) -> tuple[Message, ...]:
    """The row's messages; a short row has empty cells at its end. Space around a cell is no part of it."""

    def cell(part: str) -> str:
        place = places.get(part, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    system = cell("system") or system_prompt
    turns = [Message(role="user", content=cell("input")), Message(role="assistant", content=cell("output"))]
    return (Message(role="system", content=system), *turns) if system else tuple(turns)

"""A user's file as rows, whatever it is: what holds the records and which layout they have is found by looking."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tools.dataset.columns import LOOKED_AT, Columns, find_columns, unclear
from tools.dataset.layouts import Read, layout_of, read_chat, read_columns, why_other
from tools.dataset.padding import Padding
from tools.dataset.pieces import Piece, json_pieces, parquet_pieces
from tools.dataset.rows import FileRow, FileRows, flaw
from tools.dataset.tables import is_text_table, read_text_table, read_workbook
from tools.dataset.turns import Unfit
from tools.dataset.unwrapping import TURN_LISTS, holds_turns, plain
from tools.errors import RetortError
from tools.records import JsonObject
from tools.text.encoding import decode, marked, told_doubt

TEXT_TABLES = (".csv", ".tsv", ".tab")
OTHER_PACKAGES = (".docx", ".docm", ".pptx", ".pptm", ".odt", ".epub", ".zip", ".doc", ".ppt", ".msg")  # of ZIP or OLE
JSON_ENDINGS = (".json", ".jsonl", ".ndjson", ".txt", "")
_JSON_FILE, _JSON_RECORD = re.compile(r"\s*[{\[]"), re.compile(r"\s*(?:\[\s*)?\{")
PARQUET, ZIP, OLE = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
CHAT_NAMES = {"messages": "chat messages", "conversations": "ShareGPT conversations"}


class Opened(NamedTuple):
    """A file taken apart into records."""

    holder: str
    encoding: str
    pieces: Sequence[Piece]
    header: Sequence[str] | None  # of a table
    note: str


def read_file(path: Path, name: str, told: Mapping[str, str] | None = None) -> FileRows:
    """All rows of a file called `name`; `told` maps parts (input, output ...) to columns.

    Raises RetortError when the file is of no kind that rows are read from, is empty, or its columns are unclear.
    """
    opened = _plain(_open(path, name))
    values = [piece.value for piece in opened.pieces if piece.value is not None]
    layouts = Counter("columns" if told or opened.header else layout_of(value) for value in values)
    flat = [value for value in values if told or opened.header or layout_of(value) == "columns"][:LOOKED_AT]
    header = opened.header or list(dict.fromkeys(key for row in flat for key in row))
    mostly = opened.header is not None or 2 * layouts["columns"] > len(values)
    columns: Columns | None = None
    if mostly:
        columns = find_columns(header, flat, name, told)
    elif flat:  # a few rows of a chat file: read if their keys say it all
        with suppress(RetortError):
            found_columns = find_columns(header, flat, name)
            columns = found_columns if found_columns.certain else None
    found = _rows(opened, columns, bool(told))
    if not found.rows and columns and not columns.certain:
        raise unclear(header, name, "no two of them look like a question and its answer")
    return found


def _plain(opened: Opened) -> Opened:
    """The records without what exports put around them. A column of conversations makes a table a list of records."""
    pieces = [one if one.value is None else one._replace(value=plain(one.value)) for one in opened.pieces]
    padding = Padding([one.value for one in pieces if one.value is not None])
    pieces = [one if one.value is None else one._replace(value=padding.without(one.value)) for one in pieces]
    header = None if opened.header and holds_turns(opened.header) else opened.header
    note = " ".join(filter(None, (opened.note, *padding.notes())))
    return opened._replace(pieces=tuple(pieces), header=header, note=note)


def _rows(opened: Opened, columns: Columns | None, told: bool) -> FileRows:
    read = _reader(opened, columns, told)
    rows: list[FileRow] = []
    skipped: list[tuple[int, str]] = []
    left_out: Counter[str] = Counter()
    unread: dict[str, None] = {}
    names: Counter[str] = Counter()
    for piece in opened.pieces:
        if piece.value is None:
            skipped.append((piece.line, piece.problem))
            continue
        try:
            found = read(piece.value)
        except Unfit as unfit:
            skipped.append((piece.line, str(unfit)))
            continue
        if reason := flaw(found.messages, found.tools):
            skipped.append((piece.line, reason))
            continue
        rows.append(FileRow(line=piece.line, messages=found.messages, tools=found.tools))
        left_out.update(found.left_out)
        unread |= dict.fromkeys(found.unused)
        names[_name_of(piece.value, columns)] += 1
    notes = [columns.why if columns else "", opened.note]
    notes += [f"The {what} of {count} rows was left out." for what, count in left_out.items()]
    unused = list(unread)
    if columns and not names.keys() & CHAT_NAMES.values():
        named = filter(str.strip, opened.header or _keys(opened.pieces))
        unused = [column for column in named if column not in columns.parts.values()]
    notes.append(f"These columns are not used: {', '.join(map(str, unused[:20]))}." if unused else "")
    notes.append(told_doubt(opened.encoding, rows[0].question) if rows else "")
    layout = " and ".join(name for name, _ in names.most_common()) or "an unknown layout"
    return FileRows(
        format=f"{layout} in {opened.holder}",
        encoding=opened.encoding,
        rows=tuple(rows),
        skipped=tuple(skipped),
        column_map=columns.parts if columns else {},
        certain=columns.certain if columns else True,
        notes=tuple(filter(None, notes)),
    )


def _reader(opened: Opened, columns: Columns | None, told: bool) -> Callable[[JsonObject], Read]:
    """How a record of this file is read. A table with a history column is a tool's: its spaces are meant."""
    parts = columns.parts if columns else {}
    strip = opened.header is not None and "history" not in parts

    def read(row: JsonObject) -> Read:
        layout = "columns" if told or opened.header is not None else layout_of(row)
        if layout == "chat":
            return read_chat(row)
        if layout == "other" or not parts:
            raise Unfit(why_other(row))
        return read_columns(row, parts, strip=strip)

    return read


def _name_of(row: JsonObject, columns: Columns | None) -> str:
    key = next((key for key in TURN_LISTS if isinstance(row.get(key), list)), "")
    if key:
        return CHAT_NAMES.get(key, f"turns in {key!r}")
    parts = columns.parts if columns else {}
    return "Alpaca instructions" if "instruction" in parts else f"{parts.get('input')} and {parts.get('output')}"


def _keys(pieces: Sequence[Piece]) -> list[str]:
    return list(dict.fromkeys(key for piece in pieces[:LOOKED_AT] for key in piece.value or ()))


def _open(path: Path, name: str) -> Opened:
    ending = Path(name).suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head == PARQUET:
            return Opened("parquet", "", tuple(parquet_pieces(path, name)), None, "")
        if head in (ZIP, OLE):
            if ending in OTHER_PACKAGES:
                raise _unknown_type(name, ending)
            table = read_workbook(path, name)
            return Opened(table.kind, "", table.pieces, table.header, table.note)
        data = path.read_bytes()
    except OSError as error:
        raise RetortError(f"{name} cannot be read: {error.strerror}.", "Add the file again.") from error
    text, encoding = _decoded(data, name)
    begins = _JSON_FILE if ending in JSON_ENDINGS else _JSON_RECORD
    if begins.match(text) or ending in (".jsonl", ".ndjson"):
        holder, pieces = json_pieces(text)
        return Opened(holder, encoding, tuple(pieces), None, "")
    if ending in TEXT_TABLES or is_text_table(text):  # whatever it is called: rows were asked for
        table = read_text_table(text, name)
        return Opened(table.kind, encoding, table.pieces, table.header, table.note)
    raise _unknown_type(name, ending)


def _decoded(data: bytes, name: str) -> tuple[str, str]:
    """The file's text and its encoding. Raises RetortError for one that is empty, binary, or not what its mark says."""
    found = decode(data)
    if found is None:
        named = marked(data).upper()
        raise RetortError(
            f"{name} begins like {named} but cannot be read as such a file."
            if named
            else f"{name} is a binary file, not text.",
            "Save it as UTF-8 and add it again." if named else "Choose rows as JSON, JSON lines, CSV, XLSX or parquet.",
        )
    if not found.text.strip():
        raise RetortError(f"{name} is empty.", "Choose a file with at least one row.")
    return found


def _unknown_type(name: str, ending: str) -> RetortError:
    return RetortError(
        f"{name} is not a kind of file that rows can be read from ({ending or 'no ending'}).",
        "Give rows as JSON, JSON lines, CSV, TSV, XLSX or parquet; add other files as documents.",
    )

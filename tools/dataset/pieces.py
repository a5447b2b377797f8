"""A file's records one by one, whatever holds them: JSON lines, an array, JSON values after one another, parquet."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools.dataset.strict import loads, plain_spaces
from tools.dataset.unwrapping import rows_under
from tools.errors import RetortError
from tools.records import JsonObject
from tools.text.encoding import is_broken
from tools.text.strict_json import DECODER

MOST_CHARS = 2_000_000  # of one record; a longer one is no training sample, and its page would not open
_BETWEEN = re.compile(r"[\s,]*")


class Piece(NamedTuple):
    """One record: its line (or its number, where a file has no lines), and its value or what is wrong with it."""

    line: int
    value: JsonObject | None
    problem: str = ""


def json_pieces(text: str) -> tuple[str, Iterator[Piece]]:
    """What holds the records, and the records."""
    if (found := _wrapped(text)) is not None:
        return found
    if _are_lines(text):
        return "JSON lines", _lines(text)
    if text.lstrip().startswith("["):
        return "a JSON array", _values(text)
    return "JSON values", _values(text)


def _wrapped(text: str) -> tuple[str, Iterator[Piece]] | None:
    """The rows of one JSON object over all of them, or of lists without names, numbered from 1."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        found = rows_under(loads(text.strip()))
    except (ValueError, RecursionError):
        return None  # lines, or values one after another
    if found is None:
        return None
    rows, where = found
    return f"the rows under {where!r}", (_row(number, row) for number, row in enumerate(rows, start=1))


def _row(number: int, row: JsonObject | str) -> Piece:
    return Piece(number, None, row) if isinstance(row, str) else Piece(number, row)


def parquet_pieces(path: Path, name: str) -> Iterator[Piece]:
    """Rows of a parquet file, numbered from 1."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield _of_parquet(number, row)
    except (ArrowException, OSError) as error:
        raise RetortError(f"{name} cannot be read as a parquet file: {error}.", "Save it again.") from error


def _of_parquet(number: int, row: dict[str, Any]) -> Piece:
    """pandas writes a missing value as NaN."""
    written = json.dumps(row, default=str)
    try:
        return Piece(number, loads(written))
    except ValueError:
        return _piece(number, "", json.dumps(_without_nan(row), default=str))


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124  NaN alone differs from itself


def _are_lines(text: str) -> bool:
    """Whether the first line, or most of those after it, is an object by itself; in a pretty-printed file none is."""
    lines = [line for line in text[:MOST_CHARS].split("\n") if line.strip()][:50]
    whole = [_is_object(line) for line in lines]
    return whole[0] or 2 * sum(whole) > len(whole)


def _is_object(line: str) -> bool:
    """Whether a line alone is an object, by its brackets: its numbers may be ones that no sample may have."""
    try:
        return isinstance(json.loads(plain_spaces(line)), dict)
    except (ValueError, RecursionError):
        return False


def _lines(text: str) -> Iterator[Piece]:
    """Lines end at a line feed only: JSON strings may hold other separators."""
    start, number = 0, 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        if end - start > MOST_CHARS:
            yield Piece(number, None, _too_long(end - start))
        elif line := text[start:end].strip():
            yield _piece(number, "it is not UTF-8" if is_broken(line) else "", line)
        start = end + 1


def _piece(number: int, problem: str, line: str) -> Piece:
    value, wrong = (None, problem) if problem else _parse(line)
    return Piece(number, value, wrong)


def _parse(line: str) -> tuple[JsonObject | None, str]:
    try:
        value = loads(line)
    except (ValueError, RecursionError) as error:
        return None, _said(error)
    return _object(value)


def _values(text: str) -> Iterator[Piece]:
    """The values of an array, or one after another; after the first that is broken nothing can be trusted."""
    text = plain_spaces(text)
    place, line, counted, in_array = 0, 1, 0, False
    while (place := _after(text, place)) < len(text):
        line, counted = line + text.count("\n", counted, place), place
        if text[place] in "[]" and in_array == (text[place] == "]"):
            in_array, place = not in_array, place + 1
            continue
        try:
            value, end = DECODER.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            yield Piece(line, None, f"{_said(error)}; nothing after it was read")
            return
        broken = "it is not UTF-8" if is_broken(text[place:end]) else ""
        too_long = _too_long(end - place) if end - place > MOST_CHARS else ""
        found, wrong = _object(value)
        problem = broken or too_long or wrong
        yield Piece(line, None if problem else found, problem)
        place = end
    if in_array:
        yield Piece(line, None, "the array is not closed here: the file may have been cut off")


def _after(text: str, place: int) -> int:
    match = _BETWEEN.match(text, place)
    return match.end() if match else place


def _object(value: Any) -> tuple[JsonObject | None, str]:
    return (value, "") if isinstance(value, dict) else (None, "it is not a JSON object")


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is not valid JSON ({error.msg} at character {error.colno})"
    return f"it cannot be read as JSON ({error})"  # numbers of thousands of digits, thousands of brackets, NaN


def _too_long(chars: int) -> str:
    return f"it has {chars:,} characters, more than the {MOST_CHARS:,} that a sample may have"

"""Records out of what exports wrap around them: a key over the rows, a viewer's or pandas' layout, turns as text."""

import ast
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeAlias

from pydantic import JsonValue

from tools.dataset.columns import NAMES
from tools.dataset.strict import loads
from tools.records import JsonObject

TURN_LISTS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns")
_OVER_ROWS = (
    *(
        "data",
        "rows",
        "train",
        "training",
        "test",
        "validation",
        "valid",
        "dev",
        "eval",
        "examples",
        "samples",
        "items",
    ),
    *("records", "results", "entries", "dataset", "questions"),
)
_SAID_ONCE = {*TURN_LISTS, "tools", "functions"}  # keys of a chat record, whatever their case
Rows: TypeAlias = list[JsonObject | str]  # a text says why a row cannot be used


def rows_under(value: JsonValue) -> tuple[Rows, str] | None:
    """The rows that one JSON object holds and what they lie under; None for an object that is a row itself."""
    if not isinstance(value, dict) or any(key.casefold() in TURN_LISTS for key in value):
        return None
    if isinstance(tree := value.get("mapping"), dict) and _is_conversation(tree):
        return None
    if isinstance(columns := value.get("columns"), list) and isinstance(rows := value.get("data"), list):
        names = list(map(str, columns))  # pandas, orient="split"
        return [_of_split(names, row) for row in rows], "data"
    if not _is_row(value) and (beside := _row_lists(value)):
        found: Rows = []
        for rows in beside.values():
            found += [_unviewed(row) for row in rows] if isinstance(rows, list) else []
        return found, " and ".join(beside)
    if len(value) == 1:
        ((key, inner),) = value.items()
        deeper = ([*map(_unviewed, inner)], "") if isinstance(inner, list) and _are_rows(inner) else rows_under(inner)
        return (deeper[0], " > ".join(filter(None, (key, deeper[1])))) if deeper else None
    return _of_numbered(value)


def plain(row: JsonObject) -> JsonObject:
    """The record with its turns as a list under a known key, whether they came as text, as a tree, or in capitals."""
    if isinstance(tree := row.get("mapping"), dict) and _is_conversation(tree):
        return {"messages": _along(tree, row.get("current_node"))}
    if isinstance(turns := row.get("chat_messages"), list):
        return {"messages": [_of_claude(turn) for turn in turns]}
    if not any(key.casefold() in _SAID_ONCE for key in row):
        return row
    row = {key.casefold() if key.casefold() in _SAID_ONCE else key: value for key, value in row.items()}
    for key in TURN_LISTS:
        if isinstance(told := row.get(key), str) and isinstance(turns := _written_out(told), list):
            row[key] = turns
    return row


def holds_turns(header: Sequence[str]) -> bool:
    """Whether a table's column holds whole conversations."""
    return any(name.strip().casefold() in TURN_LISTS for name in header)


def _is_conversation(tree: JsonObject) -> bool:
    """A ChatGPT export's tree of turns; a row may have a column of that name."""
    return bool(tree) and all(isinstance(node, dict) and "message" in node for node in tree.values())


def _is_row(value: JsonObject) -> bool:
    """Whether an object has an input and an answer itself, whatever lists of objects stand beside them."""
    told = {key.casefold() for key, one in value.items() if isinstance(one, str)}
    return bool(told & {*NAMES["input"]}) and bool(told & {*NAMES["output"]})


def _row_lists(value: JsonObject) -> dict[str, JsonValue]:
    """Lists of rows under the keys that exports use, and those beside them, of whatever name, whose rows are alike."""
    lists = {key: rows for key, rows in value.items() if _are_rows(rows)}
    known = {key: rows for key, rows in lists.items() if key.casefold() in _OVER_ROWS}
    names = {name for rows in known.values() for name in _names_of(rows)}
    return {key: rows for key, rows in lists.items() if key in known or names & set(_names_of(rows))} if known else {}


def _names_of(rows: JsonValue) -> Sequence[str]:
    first = rows[0] if isinstance(rows, list) else None
    return [*first] if isinstance(first, dict) else []


def _of_split(names: Sequence[str], row: JsonValue) -> JsonObject | str:
    if not isinstance(row, list):
        return "it is no list"
    if len(row) != len(names):
        return f"it has {len(row)} cells, but there are {len(names)} columns"
    return dict(zip(names, row, strict=True))


def _are_rows(rows: JsonValue) -> bool:
    return isinstance(rows, list) and len(rows) > 0 and all(isinstance(row, dict) for row in rows)


def _unviewed(row: JsonValue) -> JsonObject | str:
    """A row as the hub's viewer gives it: {"row_idx": 0, "row": {...}, "truncated_cells": []}."""
    if not isinstance(row, dict):
        return "it is not a JSON object"
    if set(row) <= {"row_idx", "row", "truncated_cells"} and isinstance(inner := row.get("row"), dict):
        if cut := row.get("truncated_cells"):
            return f"the viewer cut {_listed(cut)} short: take the file itself"
        return inner
    return row


def _listed(cut: JsonValue) -> str:
    return ", ".join(map(str, cut)) if isinstance(cut, list) else str(cut)


def _of_numbered(value: JsonObject) -> tuple[Rows, str] | None:
    """pandas' orient="index", {"0": {"text": ...}}, and "columns", {"text": {"0": ...}}."""
    inner = [one for one in value.values() if isinstance(one, dict)]
    if len(inner) < max(1, len(value)):
        return None
    if all(key.isdigit() for key in value):
        return [*inner], "numbers"
    numbers = list(inner[0])
    if numbers and all(number.isdigit() for number in numbers) and all(list(one) == numbers for one in inner):
        return [{key: one[number] for key, one in zip(value, inner, strict=True)} for number in numbers], "columns"
    return None


def _along(tree: JsonObject, last: JsonValue) -> list[JsonValue]:
    """ChatGPT's export keeps every branch; the turns are those from its current node up to the root."""
    at: JsonValue = last if isinstance(last, str) else next(reversed(tree), None)
    turns: list[JsonValue] = []
    seen: set[str] = set()
    while isinstance(at, str) and at not in seen and (node := _node(tree, at)):
        seen.add(at)
        if turn := _of_chatgpt(node.get("message")):
            turns.append(turn)
        at = node.get("parent")
    return turns[::-1]


def _node(tree: JsonObject, key: str) -> JsonObject:
    found = tree.get(key)
    return found if isinstance(found, dict) else {}


def _of_chatgpt(message: JsonValue) -> JsonObject | None:
    """A turn that a person saw; hidden ones, empty ones and the tools' own are none."""
    if not isinstance(message, dict) or not isinstance(author := message.get("author"), dict):
        return None
    content, about = message.get("content"), message.get("metadata")
    hidden = isinstance(about, dict) and about.get("is_visually_hidden_from_conversation")
    parts = content.get("parts") if isinstance(content, dict) else None
    texts = [part for part in parts if isinstance(part, str)] if isinstance(parts, list) else []
    if hidden or author.get("role") not in ("user", "assistant", "system") or not "".join(texts).strip():
        return None
    if isinstance(parts, list) and len(texts) < len(parts):
        return {"role": author["role"], "content": [{"type": "image"}]}  # refused by line as what it is
    return {"role": author["role"], "content": "\n".join(texts)}


def _of_claude(turn: JsonValue) -> JsonValue:
    if not isinstance(turn, dict):
        return turn
    return {"role": turn.get("sender"), "content": turn.get("text")}


def _written_out(text: str) -> JsonValue:
    """A list as JSON, or as Python writes it; the text itself where it is neither."""
    if not text.lstrip().startswith("["):
        return text
    found: JsonValue = text
    try:
        found = loads(text)
    except (ValueError, RecursionError):
        with suppress(ValueError, SyntaxError, RecursionError, MemoryError):
            found = ast.literal_eval(text)
    return found

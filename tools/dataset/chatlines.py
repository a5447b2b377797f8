"""JSONL with chat `messages` (the OpenAI layout), read line by line; other layouts are refused with their reason."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from tools.dataset.rows import FileRow, FileRows, flaw
from tools.records import Message

ROLES = ("system", "user", "assistant")
# A row that needs these to be understood would teach something else without them.
UNSUPPORTED_KEYS = ("tools", "functions", "tool_calls", "function_call", "images", "audios", "videos")


class Unfit(Exception):
    """This line is no chat sample; the text says why."""


def read_chat_lines(data: bytes) -> FileRows:
    """All lines of UTF-8 JSONL `data`. Lines end at a line feed only: JSON strings may hold other separators."""
    rows: list[FileRow] = []
    skipped: list[tuple[int, str]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(FileRow(line=number, messages=_messages(line)))
        except Unfit as unfit:
            skipped.append((number, str(unfit)))
    return FileRows(format="chat JSONL", rows=tuple(rows), skipped=tuple(skipped))


def _messages(line: bytes) -> tuple[Message, ...]:
    row = _parse(line)
    if not isinstance(row, dict):
        raise Unfit('it is not a JSON object with "messages"')
    turns = row.get("messages")
    if not isinstance(turns, list):
        keys = ", ".join(sorted(row)[:8]) or "none"
        raise Unfit(f'it has no "messages" list (its keys: {keys})')
    _refuse_unsupported(row)
    messages = tuple(_message(turn) for turn in turns)
    reason = flaw(messages)
    if reason:
        raise Unfit(reason)
    return messages


def _parse(line: bytes) -> JsonValue:
    try:
        found: JsonValue = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise Unfit(f"it is not UTF-8 (byte {error.start + 1} of the line)") from error
    except json.JSONDecodeError as error:
        raise Unfit(f"it is not valid JSON ({error.msg} at character {error.pos + 1})") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise Unfit(f"it is no JSON that can be read ({error})") from error
    return found


def _message(turn: JsonValue) -> Message:
    if not isinstance(turn, dict):
        raise Unfit("a message is not an object with role and content")
    role = turn.get("role")
    if role not in ROLES:
        raise Unfit(f"the role {role!r} is not supported, only system, user and assistant are")
    _refuse_unsupported(turn)
    return Message.model_validate({"role": role, "content": _text(turn.get("content"))})


def _text(content: JsonValue) -> str:
    """A message's text; the list form of the OpenAI layout is taken when all its parts are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if content and len(texts) == len(content) and all(isinstance(text, str) for text in texts):
            return "".join(str(text) for text in texts)
        raise Unfit("a message holds something other than text (an image?)")
    raise Unfit("a message has no text content")


def _refuse_unsupported(holder: Mapping[str, JsonValue]) -> None:
    for key in UNSUPPORTED_KEYS:
        if holder.get(key):
            raise Unfit(f'it has "{key}", which is not supported yet')

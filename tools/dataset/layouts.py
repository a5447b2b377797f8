"""One record as a sample: which layout it has, told from its keys, and its messages and tools."""

import json
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from tools.dataset.strict import loads
from tools.dataset.turns import Unfit, read_calls, read_tools, read_turns, text_of
from tools.dataset.unwrapping import TURN_LISTS
from tools.records import JsonObject, Message, Value

Layout: TypeAlias = Literal["chat", "columns", "other"]
SYSTEM_KEYS = ("system", "system_prompt", "system_message")
_USED = (*SYSTEM_KEYS, "tools", "functions", "label", "kto_tag")  # of a chat record, beside its turns
PREFERENCE = ("rejected", "rejected_response", "rejected_messages")
MEDIA = ("images", "image", "videos", "video", "audios", "audio", "image_bytes")


class Read(Value):
    """A record that could be read."""

    messages: tuple[Message, ...]
    tools: tuple[JsonObject, ...] = ()
    left_out: frozenset[str] = Field(frozenset(), description="What of the record was left out on purpose: reasoning.")
    unused: tuple[str, ...] = Field((), description="Keys of a chat record that nothing was taken from.")


def layout_of(row: JsonObject) -> Layout:
    """`chat` holds a list of turns, `columns` flat values, `other` what no sample can be read from."""
    if any(row.get(key) for key in (*PREFERENCE, *MEDIA)) or row.get("kto_tag") is False:
        return "other"
    if any(isinstance(row.get(key), list) for key in TURN_LISTS):
        return "chat"
    return "columns" if len(row) > 1 and _why_not(row) == "" else "other"


def read_chat(row: JsonObject) -> Read:
    """A record with a list of turns. Raises Unfit."""
    key = next(key for key in TURN_LISTS if isinstance(row.get(key), list))
    turns = row[key]
    if row.get("label") is False:
        raise Unfit("it is marked as a bad answer (label false)")
    messages, left_out = read_turns(turns if isinstance(turns, list) else [])
    known = [name for name in SYSTEM_KEYS if isinstance(row.get(name), str) and row[name]]
    told = messages[:1] and messages[0].role == "system"
    if known and not told:
        messages.insert(0, Message(role="system", content=str(row[known[0]])))
    tools = read_tools(row.get("tools") or row.get("functions"))
    unread = known if told else known[1:]
    unused = [
        name for name, value in row.items() if name in unread or (name not in (key, *_USED) and value is not None)
    ]
    return Read(messages=tuple(messages), tools=tools, left_out=frozenset(left_out), unused=tuple(unused))


def read_columns(row: JsonObject, parts: Mapping[str, str], *, strip: bool = False) -> Read:
    """A flat record; `parts` says where input, output and the rest stand. Raises Unfit."""
    left_out: set[str] = set()

    def cell(part: str) -> JsonValue:
        value = row.get(parts[part]) if part in parts else None
        return value.strip() if strip and isinstance(value, str) else value

    messages: list[Message] = []
    if system := cell("system"):
        messages.append(Message(role="system", content=_text(system)))
    messages += _history(cell("history"))
    tools = read_tools(cell("tools"))
    given = [one for one in (cell("instruction"), cell("input")) if one not in (None, "")]
    if len(given) == 1 and isinstance(given[0], list):  # TRL: a prompt of messages
        asked, out = read_turns(given[0])
        messages += asked
        left_out |= out
    else:
        messages.append(Message(role="user", content=text_of("\n".join(map(_text, given)), left_out)))
    messages += _answer(cell("output"), tools)
    return Read(messages=tuple(messages), tools=tools, left_out=frozenset(left_out))


def why_other(row: JsonObject) -> str:
    """Why no sample can be read from a record of the layout `other`."""
    if any(row.get(key) for key in PREFERENCE):
        return "it is a preference pair (a chosen and a rejected answer), which teaches ranking, not answering"
    if media := next((key for key in MEDIA if row.get(key)), ""):
        return f'it has "{media}": a student learns from text only'
    if row.get("kto_tag") is False:
        return "it is marked as a bad answer (kto_tag false)"
    return _why_not(row) or f"it has an input but no answer beside it (its keys: {_keys(row)})"


def _why_not(row: JsonObject) -> str:
    """What a flat record is instead of a question and its answer, or nothing."""
    if set(row) == {"text"}:
        return "it is a text without an answer: add it as a document, and a teacher writes samples from it"
    if len(row) == 1 and next(iter(row)) in ("response", "output", "completion", "answer"):
        return "it is an answer without a question"
    if not any(isinstance(value, str) and value.strip() for value in row.values()) and not _is_trl(row):
        return f'it has neither a "messages" list nor one text as input and one as answer (its keys: {_keys(row)})'
    return ""


def _is_trl(row: JsonObject) -> bool:
    return isinstance(row.get("prompt"), list) and isinstance(row.get("completion"), list)


def _history(value: JsonValue) -> list[Message]:
    """Pairs of earlier questions and answers, as a list or as its JSON text."""
    if isinstance(value, str):
        try:
            value = loads(value) if value.strip() else None
        except (ValueError, RecursionError) as error:
            raise Unfit(f'its "history" is not valid JSON ({error})') from error
    messages = []
    for pair in value if isinstance(value, list) else []:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise Unfit('its "history" is not a list of question and answer pairs')
        messages += [Message(role="user", content=str(pair[0])), Message(role="assistant", content=str(pair[1]))]
    return messages


def _answer(value: JsonValue, tools: Sequence[JsonObject]) -> list[Message]:
    """The answer's message; with tools on offer a JSON list of calls is read as these calls (xLAM's layout)."""
    if isinstance(value, list) and all(isinstance(turn, dict) and turn.get("role") for turn in value):
        return read_turns(value)[0]
    if tools:
        offered = {tool["function"]["name"] for tool in tools if isinstance(tool["function"], dict)}
        try:
            calls = read_calls(value)
        except Unfit:
            calls = ()  # it is an answer in words
        if calls and all(call.arguments or call.name in offered for call in calls):
            return [Message(role="assistant", content="", tool_calls=calls)]
    return [Message(role="assistant", content=_text(value))]


def _text(value: JsonValue) -> str:
    """A cell as text; JSON values in one spelling, as extraction answers are written."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _keys(row: JsonObject) -> str:
    return ", ".join(list(row)[:8]) or "none"

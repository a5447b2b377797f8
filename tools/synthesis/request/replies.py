"""What a teacher's reply holds: the items that were asked for, each by itself, and an answer's text."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, JsonValue, ValidationError

from tools.records import JsonObject, Message, Task, ToolCall, in_order
from tools.teacher.protocol import Unusable
from tools.text.model_json import json_in, last_object
from tools.text.plain import spelled
from tools.text.strict_json import parse_json


def _told(value: object) -> object:
    """Nothing said is the empty text; a quote in pieces is one."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return "" if value is None else value


Words = Annotated[str, BeforeValidator(_told)]
Many = BeforeValidator(lambda value: [] if value is None else value)


class Turn(BaseModel):
    input: str
    output: JsonValue
    results: Annotated[list[str], Many] = []
    reply: Words = ""


class TaughtSample(BaseModel):
    input: str
    output: JsonValue
    quote: Words = ""
    reasoning: Words = ""
    history: Annotated[list[Turn], Many] = []


class TaughtAnswer(BaseModel):
    number: int
    output: JsonValue
    quote: Words = ""
    reasoning: Words = ""


class Verdict(BaseModel):
    number: int
    good: bool
    problem: Words = ""


class ToldMessage(BaseModel):
    number: int
    text: str


M = TypeVar("M", bound=BaseModel)
_CALLING = {"calls", "name", "function"}  # keys of an object that calls functions


class Wanted(NamedTuple, Generic[M]):
    """A list that a reply is asked for: its name, what one of it is, and the key that tells one from anything else."""

    name: str
    kind: type[M]
    key: str


SAMPLES = Wanted("samples", TaughtSample, "input")
ANSWERS = Wanted("answers", TaughtAnswer, "output")
VERDICTS = Wanted("verdicts", Verdict, "good")
MESSAGES = Wanted("messages", ToldMessage, "text")


class Misread(NamedTuple):
    """An item that is not what was asked for, as it came, and why."""

    item: JsonValue
    why: str


class Read(NamedTuple, Generic[M]):
    """The items of a reply that can be used, those that cannot, and why a part of it is no JSON, if one is not."""

    good: list[M]
    bad: list[Misread]
    broken: str = ""


def read_items(wanted: Wanted[M], text: str, count: int) -> Read[M]:
    """The list in the text, by its name or without one, as lines or as one object; `count` is how many were asked for.

    Raises Unusable when not one item can be used.
    """
    found = json_in(text)
    rows = _rows(wanted, found.values, count)
    if rows is None:
        why = found.broken or "there is no JSON in it"
        raise Unusable("malformed", f"the teacher's reply is not the JSON that was asked for: {why}", text)
    if not rows and not found.broken:
        raise Unusable("empty", f"the teacher's reply contains no {wanted.name.removesuffix('s')}", text)
    read: Read[M] = Read([], [], found.broken)
    for row in _numbered(wanted, rows, count):
        try:
            read.good.append(wanted.kind.model_validate(row))
        except ValidationError as error:
            read.bad.append(Misread(row, _why(error)))
    if not read.good:
        why = read.bad[0].why if read.bad else found.broken
        raise Unusable("malformed", f"the teacher's reply is not the JSON that was asked for: {why}", text)
    return read


def _rows(wanted: Wanted[M], values: Sequence[JsonValue], count: int) -> list[JsonValue] | None:
    """The items of the last value that names them; without a name the last ones; None when there are none at all."""
    for value in reversed(values):
        if _holds(wanted.name, value):
            return _items(wanted, value) or []
    loose = [item for value in values for item in _items(wanted, value) or []]
    return loose[-count:] or None


def _holds(name: str, value: JsonValue) -> bool:
    """Whether this is an object, or a list of them, that names the list; a list may stand in an object in an object."""
    if isinstance(value, list):
        return any(_holds(name, one) for one in value if isinstance(one, dict))
    if not isinstance(value, dict):
        return False
    return name in _lower(value) or any(_holds(name, one) for one in value.values() if isinstance(one, dict))


def _items(wanted: Wanted[M], value: JsonValue) -> list[JsonValue] | None:
    """The items that a value holds; None when it holds none and is none."""
    if isinstance(value, list):
        inner = [(one, _items(wanted, one) if isinstance(one, dict | list) else None) for one in value]
        return [item for one, items in inner for item in (items if items is not None else [one])]
    if not isinstance(value, dict):
        return None
    known = _lower(value)
    if wanted.name in known:
        listed = known[wanted.name]
        if isinstance(listed, str):
            listed = list(json_in(listed).values)
        return _items(wanted, listed)
    if wanted.key in known:
        return [known]
    found: list[JsonValue] = []
    for name, one in value.items():
        items = _items(wanted, one) if isinstance(one, dict) or _is_table(one) else None
        # {"1": {...}, "2": {...}}: the name is the number
        numbered = len(items or ()) == 1 and name.strip().isdecimal()
        found += [
            {"number": int(name), **item} if numbered and isinstance(item, dict) else item for item in items or ()
        ]
    return found or None


def _is_table(value: JsonValue) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _lower(value: Mapping[str, JsonValue]) -> JsonObject:
    return {name.strip().casefold(): one for name, one in value.items()}


def _numbered(wanted: Wanted[M], rows: Sequence[JsonValue], count: int) -> Sequence[JsonValue]:
    """Where no item tells its number and none is missing, their order does."""
    if "number" not in wanted.kind.model_fields or len(rows) != count:
        return rows
    if any(not isinstance(row, dict) or "number" in row for row in rows):
        return rows
    return [{"number": at, **row} for at, row in enumerate(rows, 1) if isinstance(row, dict)]


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])


# --- one answer -----------------------------------------------------------------------------------------------------


def written(task: Task, output: JsonValue) -> str:
    """The answer's text: JSON with the fields in the task's order, calls as marked text, or the label or text."""
    if task.kind == "calling":
        called = _called(output)
        return called if isinstance(called, str) else with_calls(called).text
    if task.kind == "classification":
        return spelled(_only_text(output), task.every_label)
    if task.kind == "extraction":
        found = last_object(output) if isinstance(output, str) else output
        if isinstance(found, dict):
            return json.dumps(in_order(task.fields, found), ensure_ascii=False)
    if isinstance(output, str):
        return output.strip()
    return json.dumps(output, ensure_ascii=False)


def _called(output: JsonValue) -> JsonObject | list[JsonValue] | str:
    """An answer that may call functions: as it is, or read out of its text; words, where it is no more."""
    if isinstance(output, dict | list):
        return output
    text = output.strip() if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    found = last_object(text) if "<tool_call>" not in text else None
    return found if found and _CALLING & found.keys() else text


def _only_text(output: JsonValue) -> str:
    """A label, alone in an object or a list or by itself."""
    inside = list(output.values()) if isinstance(output, dict) else output if isinstance(output, list) else [output]
    one = inside[0] if len(inside) == 1 else output
    return one.strip() if isinstance(one, str) else json.dumps(one, ensure_ascii=False)


def with_calls(output: JsonObject | list[JsonValue]) -> Message:
    """The assistant's message of {"calls", "reply"}, of one call or of a list of them.

    Raises Unusable when a call has no name or its arguments are none.
    """
    known: JsonObject = {"calls": output} if isinstance(output, list) else output
    calls = [known] if {"name", "function"} & known.keys() and "calls" not in known else known.get("calls") or []
    try:
        made = tuple(ToolCall.model_validate(_call(call)) for call in (calls if isinstance(calls, list) else [calls]))
    except ValueError as error:
        why = _why(error) if isinstance(error, ValidationError) else str(error)
        raise Unusable("malformed", f"a tool call is not valid: {why}", json.dumps(output)) from error
    return Message(role="assistant", content=str(known.get("reply") or "").strip(), tool_calls=made)


def _call(given: JsonValue) -> JsonValue:
    """A call as it is kept, of one as OpenAI's protocol writes it too: inside "function", arguments as a text or none.

    Raises ValueError for arguments that are no JSON.
    """
    inner = given.get("function", given) if isinstance(given, dict) else given
    if not isinstance(inner, dict):
        return inner
    arguments = inner.get("arguments") or {}
    return {"name": inner.get("name"), "arguments": parse_json(arguments) if isinstance(arguments, str) else arguments}

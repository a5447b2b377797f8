"""What an endpoint sends back, in whichever of the dialects of OpenAI's protocol: a completion, or an error in words.

Each part is read by itself: a count that is no number costs the count and not the answer.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, JsonValue

from tools.records import JsonObject, Value
from tools.text.strict_json import parse_json

_CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"}
_FILTERED = {
    "content_filter",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "sensitive",
    "refusal",
}
_SAYING = ("message", "msg", "error_msg", "status_msg", "detail", "error_description", "title", "reason")
_NAMING = ("code", "type", "status", "error_code", "status_code")
_MOST_WORDS = 300  # of a provider's, kept


class Wrong(Value):
    """An error in the provider's own words."""

    message: str
    codes: tuple[str, ...] = Field((), description="Its codes, types and states, as they are named.")
    param: str = Field("", description="The field of the request that it is about.")

    @property
    def status(self) -> int | None:
        """The HTTP status that the error itself names."""
        return next((int(one) for one in self.codes if re.fullmatch(r"[45]\d\d", one)), None)


_STREAMS = re.compile(r"(?:data|event|id|retry)?:")  # how a stream of server-sent events begins


class Completion(Value):
    """What was answered and what is said to be used; None where that is not counted."""

    text: str = Field("", description="The answer, and after it the arguments of calls: some answer in a tool call.")
    thoughts: str = Field("", description="What was thought aloud before, told apart by the endpoint.")
    refusal: str = ""
    ended: Literal["whole", "cut", "filtered"] = "whole"
    error: Wrong | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0


def body_of(data: bytes) -> JsonValue:
    """The body as JSON; one that streams, joined. Raises ValueError when it is neither."""
    text = data.decode("utf-8-sig", "replace").strip()
    return _joined(text) if _STREAMS.match(text) else parse_json(text)


def completion_in(body: JsonValue) -> Completion | None:
    """The completion; None when the body is none and tells of no error."""
    if not isinstance(body, dict):
        told = _first(body)
        return Completion(error=wrong_in(body)) if told.get("error") else None
    counted = _counted(body.get("usage"))
    choices = body.get("choices")
    choice = _first(choices)
    if error := body.get("error") or choice.get("error"):
        begun, thought = _parts(_message(choice).get("content"))
        return Completion(error=wrong_in({"error": error}), text=begun, thoughts=thought, **counted)
    if not isinstance(choices, list):
        wrong = wrong_in(body)
        return Completion(error=wrong, **counted) if wrong.message and wrong.codes else None
    message = _message(choice)
    text, thoughts = _parts(message.get("content"))
    finish = str(choice.get("finish_reason") or "").casefold()
    return Completion(
        text="\n".join(filter(None, [text, _arguments(message)])),
        thoughts="\n".join(filter(None, [thoughts, *(_words(message.get(name)) for name in _THINKING)])),
        refusal=_words(message.get("refusal")) or _refused(message.get("content")),
        ended="cut" if finish in _CUT else "filtered" if finish in _FILTERED else "whole",
        **counted,
    )


_THINKING = ("reasoning_content", "reasoning", "thinking")


def wrong_told(data: bytes) -> Wrong:
    """An error of a whole body, JSON or not."""
    try:
        return wrong_in(body_of(data))
    except ValueError:
        return Wrong(message=data[:200].decode(errors="replace"))


def wrong_in(body: JsonValue) -> Wrong:
    """The provider's own words for what went wrong, wherever the body has them."""
    if isinstance(body, str):
        return _worded(body)
    whole = _first(body) if isinstance(body, list) else _object(body)
    inner = whole.get("error") or whole.get("errors") or whole.get("base_resp") or whole
    if isinstance(inner, str):
        return Wrong(message=inner[:_MOST_WORDS], codes=_codes(whole))
    told = _first(inner) if isinstance(inner, list) else _object(inner)
    said = next((words for name in _SAYING if (words := _words(told.get(name)))), "")
    nested = _worded(said) if said.lstrip().startswith(("{", "[")) else Wrong(message=said)
    upstream = _worded(_words(_object(told.get("metadata")).get("raw")))  # OpenRouter hands on what it was told
    known = [] if upstream.message in nested.message else [upstream.message]
    return Wrong(
        message=": ".join([nested.message, *known])[:_MOST_WORDS],
        codes=tuple(dict.fromkeys((*_codes(told), *_codes(whole), *nested.codes, *upstream.codes))),
        param=_words(told.get("param")) or nested.param,
    )


def _worded(text: str) -> Wrong:
    """An error of a text that may be JSON itself."""
    try:
        inner = parse_json(text)
    except ValueError:
        return Wrong(message=text[:_MOST_WORDS])
    return wrong_in(inner) if isinstance(inner, dict | list) else Wrong(message=text[:_MOST_WORDS])


def _codes(told: Mapping[str, JsonValue]) -> tuple[str, ...]:
    return tuple(str(told[name]) for name in _NAMING if told.get(name) not in (None, ""))


# --- the message ----------------------------------------------------------------------------------------------------


def _parts(content: JsonValue) -> tuple[str, str]:
    """The text of a content and the thoughts in it: a text, parts of several kinds, or the JSON itself."""
    if not isinstance(content, list):
        whole = json.dumps(content, ensure_ascii=False) if isinstance(content, dict) else _words(content)
        return whole, ""
    if content and not any(isinstance(one, str) or (isinstance(one, dict) and "type" in one) for one in content):
        bare = [one.get("text") for one in content if isinstance(one, dict)]
        if not all(isinstance(one, str) for one in bare):
            return json.dumps(content, ensure_ascii=False), ""
    text: list[str] = []
    thoughts: list[str] = []
    for part in content:
        told = part if isinstance(part, dict) else {"text": part}
        kind = str(told.get("type", "text")).casefold()
        inner = next((told[name] for name in ("text", kind, "content") if told.get(name)), None)
        words = "".join(_parts(inner)) if isinstance(inner, list) else _words(inner)
        if kind == "refusal":
            continue
        aloud = "think" in kind or "reason" in kind or told.get("thought") is True
        (thoughts if aloud else text).append(words)
    return "".join(text), "\n".join(thoughts)


def _refused(content: JsonValue) -> str:
    """A refusal that stands among the parts."""
    parts = map(_object, content if isinstance(content, list) else [])
    return "".join(_words(one.get("refusal")) for one in parts if one.get("type") == "refusal")


def _message(choice: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    return _object(choice.get("message")) or _object(choice.get("delta")) or {"content": choice.get("text")}


def _arguments(message: Mapping[str, JsonValue]) -> str:
    """What the answer puts into calls of tools, though none was offered: several are one list."""
    calls = message.get("tool_calls")
    called = [_object(call).get("function") for call in calls] if isinstance(calls, list) else []
    given = [_object(one).get("arguments") for one in [*called, message.get("function_call")]]
    told = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in given if one]
    return told[0] if len(told) == 1 else f"[{', '.join(told)}]" if told else ""


def _joined(text: str) -> JsonObject:
    """One completion of the events of a stream. Raises ValueError when an event is no JSON."""
    # Not splitlines: JSON may hold U+2028 and others that end no line of a stream.
    lines = [line.removeprefix("data:").strip() for line in re.split(r"\r\n|\r|\n", text) if line.startswith("data:")]
    events = [_object(parse_json(line)) for line in lines if line and line != "[DONE]"]
    if not events:
        raise ValueError("a stream without events")
    said: dict[str, str] = {}
    calls: dict[str, str] = {}
    whole: JsonObject = {}
    finish: JsonValue = None
    for event in events:
        whole |= {name: event[name] for name in ("usage", "error") if event.get(name)}
        choice = _first(event.get("choices"))
        finish = choice.get("finish_reason") or finish
        delta = _object(choice.get("delta")) or _object(choice.get("message"))
        for name in ("content", "refusal", *_THINKING):
            said[name] = said.get(name, "") + "".join(_parts(delta.get(name)))
        told = delta.get("tool_calls")
        for call in map(_object, told if isinstance(told, list) else []):
            index = str(call.get("index", 0))
            calls[index] = calls.get(index, "") + _words(_object(call.get("function")).get("arguments"))
    functions: list[JsonValue] = [{"function": {"arguments": one}} for one in calls.values()]
    message: JsonObject = {**said, "tool_calls": functions}
    return {**whole, "choices": [{"message": message, "finish_reason": finish}]}


# --- what is counted ------------------------------------------------------------------------------------------------


def _counted(usage: JsonValue) -> "dict[str, int]":
    """The tokens of each side that are counted: a number above nothing. What was thought counts as output."""
    told = _object(usage)
    read = _count(told, "prompt_tokens", "input_tokens")
    wrote = _count(told, "completion_tokens", "output_tokens")
    if (total := _count(told, "total_tokens")) and read and total > read:
        wrote = max(wrote or 0, total - read)  # some leave the thoughts out of what was written, and count them in all
    elif total and wrote and not read and total > wrote:
        read = total - wrote
    details = _object(told.get("prompt_tokens_details")) or _object(told.get("input_tokens_details"))
    cached = _count(details, "cached_tokens") or _count(told, "prompt_cache_hit_tokens", "cached_tokens") or 0
    found = {"input_tokens": read, "output_tokens": wrote, "cached_tokens": min(cached, read or 0)}
    return {name: number for name, number in found.items() if number is not None}


def _count(told: Mapping[str, JsonValue], *names: str) -> int | None:
    for name in names:
        value = told.get(name)
        text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
        if re.fullmatch(r"\d{1,12}(?:\.0+)?", text) and (number := int(float(text))) > 0:
            return number
    return None


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _first(value: JsonValue) -> JsonObject:
    return _object(value[0]) if isinstance(value, list) and value else {}


def _words(value: JsonValue) -> str:
    if isinstance(value, list):  # FastAPI's details
        return "; ".join(filter(None, (_words(_object(one).get("msg")) or _words(one) for one in value)))
    return value if isinstance(value, str) else ""

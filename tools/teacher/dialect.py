"""How an endpoint wants to be asked: found by asking once, from what it refuses, and remembered for each model.

OpenAI's protocol has many dialects. What a refusal names is what is changed, and the same prompt goes out again: a
refused request costs nothing. What cannot be changed is the provider's to explain, in its own words.
"""

import hashlib
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue, ValidationError

from prompts import render
from tools.files import write_atomic
from tools.records import JsonObject, Message, Value
from tools.teacher.completion import Wrong

Shape = Literal["json_schema", "json_object", "words"]
_WEAKER: dict[Shape, Shape | None] = {"json_schema": "json_object", "json_object": "words", "words": None}
_SHAPES = {
    "json_schema": "JSON by schema (response_format json_schema)",
    "json_object": "JSON with the schema told in words (response_format json_object)",
    "words": "JSON asked for in words",
}
KEPT = timedelta(days=30)  # endpoints learn: what was refused then may be taken now
LEAST_LEFT = 64  # tokens: a shorter answer is none

_SHAPE = re.compile(r"response[_ ]?format|json[_ ]?(?:schema|object|mode)|structured|guided|grammar|schema", re.I)
_THINKING = re.compile(r"enable[_ ]?thinking", re.I)
_STREAM = re.compile(
    r"only supports? stream|stream(?:ing)? (?:mode|is required)|enable the stream|must be streamed", re.I
)
_SIZE = re.compile(r"too large|too long|at most|exceed|maximum|range|less than|greater than|limit", re.I)
_CONTEXT = re.compile(r"(?:context|sequence)[ _](?:length|size|window)\D{0,24}?(\d[\d,]{2,})", re.I)
_NO_SYSTEM = re.compile(r"system[^.]{0,30}(?:not supported|unsupported|not enabled|not allowed)"
                        r"|(?:not|n't) support[^.]{0,20}system|developer instruction", re.I)  # fmt: skip


class Dialect(Value):
    """How one model at one endpoint wants to be asked."""

    shape: Shape = Field("json_schema", description="How the JSON of an answer is asked for.")
    in_words: bool = Field(False, description="Whether the schema is told in words besides: the endpoint ignores it.")
    length: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="The name under which the longest answer is told."
    )
    longest: int = Field(0, ge=0, description="The longest answer that is taken, in tokens; 0: none is known.")
    context: int = Field(0, ge=0, description="Prompt and answer together, in tokens; 0: none is known.")
    strict: bool = Field(True, description="Whether decoding by the schema alone is taken.")
    temperature: bool = Field(True, description="Whether a temperature is taken.")
    system: bool = Field(True, description="Whether a system message is; else it opens the first one of the user.")
    stream: bool = Field(False, description="Whether an answer comes only as a stream.")
    extra: JsonObject = Field({}, description="Fields of its own in every request.")

    @property
    def told(self) -> str:
        """In words, for whoever tests a connection."""
        parts = [_SHAPES[self.shape] + (", the schema in words too" if self.in_words else "")]
        parts += [f"its length as {self.length}"]
        parts += [] if self.temperature else ["no temperature"]
        parts += [] if self.system else ["the system text in the first message"]
        parts += ["as a stream"] if self.stream else []
        parts += [f"{name} = {value}" for name, value in self.extra.items()]
        return ", ".join(parts)

    def body(self, model: str, messages: tuple[Message, ...], schema: JsonObject | None, strict: bool) -> JsonObject:
        """A request without its length. `schema` is what the answer's JSON is; None asks for plain text."""
        told = [{"role": one.role, "content": one.content} for one in messages]
        if schema is not None and (self.in_words or self.shape != "json_schema"):
            told[-1]["content"] += "\n\n" + render("teacher/shape", schema=json.dumps(schema, ensure_ascii=False))
        if not self.system and told[0]["role"] == "system" and len(told) > 1:
            told[1]["content"] = f"{told[0]['content']}\n\n{told[1]['content']}"
            del told[0]
        messages_told: list[JsonValue] = [{**one} for one in told]
        body: JsonObject = {"model": model, "messages": messages_told, **self.extra}
        body |= {"temperature": 1.0} if self.temperature else {}
        body |= {"stream": True, "stream_options": {"include_usage": True}} if self.stream else {}
        if schema is not None and self.shape == "json_schema":
            body["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "samples", "schema": schema, "strict": strict and self.strict},
            }
        elif schema is not None and self.shape == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body


def relearnt(spoken: Dialect, wrong: Wrong, sent: JsonObject) -> Dialect | None:
    """The dialect that leaves out what the refusal of `sent` names; None when it names nothing that can be changed."""
    words = f"{wrong.param} {wrong.message}"
    return next((better for rule in _RULES if (better := rule(spoken, words, sent))), None)


def weaker(spoken: Dialect) -> Dialect | None:
    """The next best way to ask for JSON."""
    shape = _WEAKER[spoken.shape]
    return spoken.model_copy(update={"shape": shape}) if shape else None


def other_length(spoken: Dialect) -> Dialect:
    other = "max_tokens" if spoken.length == "max_completion_tokens" else "max_completion_tokens"
    return spoken.model_copy(update={"length": other})


def _thinking(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    """Thoughts are turned off where they come only as a stream; a model that always thinks is streamed."""
    if not _THINKING.search(words):
        return None
    if "enable_thinking" not in sent and not spoken.stream:
        return spoken.model_copy(update={"extra": {**spoken.extra, "enable_thinking": False}})
    changed = _without(spoken, "enable_thinking")
    unknown = re.search(
        r"unknown|unrecogni[sz]ed|unexpected|extra|not support(?:ed)? param|support parameter", words, re.I
    )
    return changed if unknown else changed.model_copy(update={"stream": True})


def _streamed(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    wanted = "stream" not in sent and _STREAM.search(words)
    return spoken.model_copy(update={"stream": True}) if wanted else None


def _extra(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    named = next((name for name in spoken.extra if name in words), "")
    return _without(spoken, named) if named else None


def _without(spoken: Dialect, name: str) -> Dialect:
    return spoken.model_copy(update={"extra": {one: value for one, value in spoken.extra.items() if one != name}})


def _format(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    """JSON asked for more loosely, where it is the format that is named."""
    if "response_format" not in sent or not re.search(r"response[_ ]?format", words, re.I):
        return None
    loosely = spoken.shape == "json_schema" and spoken.strict and re.search(r"invalid schema|strict", words, re.I)
    return spoken.model_copy(update={"strict": False}) if loosely else weaker(spoken)


def _length(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    """A shorter answer where the length is too large, its other name where the name is not known."""
    asked = sent.get(spoken.length)
    most = asked if isinstance(asked, int) else 0
    if context := _CONTEXT.search(words):
        tokens = int(context[1].replace(",", ""))
        return spoken.model_copy(update={"context": tokens}) if tokens != spoken.context else None
    named = re.findall(r"max_(?:completion_)?tokens", words)
    if not named:
        return None
    numbers = [int(one.replace(",", "")) for one in re.findall(r"(?<![\w.])\d[\d,]*", words)]
    fitting = [one for one in numbers if LEAST_LEFT <= one < most]
    if _SIZE.search(words) and fitting:
        return spoken.model_copy(update={"longest": max(fitting)})
    return other_length(spoken) if spoken.length in named else None


def shorter(wrong: Wrong, sent: JsonObject, length: str) -> int:
    """Half the length that was asked for, where prompt and answer together were too long; 0 where that is not it."""
    asked = sent.get(length)
    half = asked // 2 if isinstance(asked, int) else 0
    return half if half >= LEAST_LEFT and _CONTEXT.search(" ".join((*wrong.codes, wrong.message))) else 0


def _temperature(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    named = "temperature" in sent and "temperature" in words.casefold()
    return spoken.model_copy(update={"temperature": False}) if named else None


def _system(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    return spoken.model_copy(update={"system": False}) if spoken.system and _NO_SYSTEM.search(words) else None


def _shape(spoken: Dialect, words: str, sent: JsonObject) -> Dialect | None:
    return weaker(spoken) if "response_format" in sent and _SHAPE.search(words) else None


_RULES = (_thinking, _streamed, _extra, _format, _length, _temperature, _system, _shape)  # the first that sees its name


# --- remembered -----------------------------------------------------------------------------------------------------


class _Remembered(Value):
    model: str  # not the address: it may hold a password
    learnt_on: date
    dialect: Dialect


def remembered(home: Path, base_url: str, model: str) -> Dialect | None:
    """What this endpoint taught us of this model, not too long ago."""
    try:
        found = _Remembered.model_validate_json(_place(home, base_url, model).read_bytes())
    except (OSError, ValidationError):  # never asked, or by another version of Retort
        return None
    return found.dialect if _today() - found.learnt_on < KEPT else None


def remember(home: Path, base_url: str, model: str, dialect: Dialect) -> None:
    kept = _Remembered(model=model, learnt_on=_today(), dialect=dialect)
    write_atomic(_place(home, base_url, model), kept.model_dump_json().encode())


def _place(home: Path, base_url: str, model: str) -> Path:
    return home / "cache" / f"dialect-{hashlib.sha256(f'{base_url} {model}'.encode()).hexdigest()[:24]}.json"


def _today() -> date:
    return datetime.now(UTC).date()

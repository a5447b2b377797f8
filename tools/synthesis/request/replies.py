"""What a teacher's reply holds: the JSON that was asked for, and an answer's text; anything else is Unusable."""

import json
import re
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from tools.records import JsonObject, Message, Task, ToolCall, in_order
from tools.teacher.protocol import Unusable


class Turn(BaseModel):
    input: str
    output: JsonValue
    results: list[str] = []
    reply: str = ""


class TaughtSample(BaseModel):
    input: str
    output: JsonValue
    quote: str = ""
    reasoning: str = ""
    history: list[Turn] = []


class Samples(BaseModel):
    samples: list[TaughtSample]


class TaughtAnswer(BaseModel):
    number: int
    output: JsonValue
    quote: str = ""
    reasoning: str = ""


class Answers(BaseModel):
    answers: list[TaughtAnswer]


class Verdict(BaseModel):
    number: int
    good: bool
    problem: str = ""


class Verdicts(BaseModel):
    verdicts: list[Verdict]


class _Told(BaseModel):
    number: int
    text: str


class ToldMessages(BaseModel):
    messages: list[_Told]


M = TypeVar("M", bound=BaseModel)


def written(task: Task, output: JsonValue) -> str:
    """The answer's text: JSON with the fields in the task's order, calls as marked text, or the label or text."""
    if isinstance(output, dict) and task.kind == "calling":
        return with_calls(output).text
    if isinstance(output, str):
        return output.strip()
    if isinstance(output, dict) and task.kind == "extraction":
        return json.dumps(in_order(task.fields, output), ensure_ascii=False)
    return json.dumps(output, ensure_ascii=False)


def with_calls(output: JsonObject) -> Message:
    """The assistant's message of {"calls", "reply"}. Raises Unusable when a call has no name or no arguments."""
    calls = output.get("calls")
    try:
        made = tuple(ToolCall.model_validate(call) for call in (calls if isinstance(calls, list) else []))
    except ValidationError as error:
        raise Unusable(
            "malformed", f"a tool call is not valid: {error.errors()[0]['msg']}", json.dumps(output)
        ) from error
    return Message(role="assistant", content=str(output.get("reply") or "").strip(), tool_calls=made)


def parsed(kind: type[M], text: str) -> M:
    try:
        return kind.model_validate_json(_bare(text))
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise Unusable("malformed", f"the teacher's reply is not the JSON that was asked for: {why}", text) from error


def _bare(text: str) -> str:
    """The JSON without the thoughts or the fence that some models put around it."""
    text = text.strip()
    if text.startswith("<think>"):  # elsewhere the mark may stand in a sample
        text = text.partition("</think>")[2].strip()
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.DOTALL)
    return fenced[1] if fenced else text

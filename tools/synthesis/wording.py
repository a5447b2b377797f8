"""A teacher request in words, and the JSON schema of its reply."""

import hashlib
import json

from prompts import render
from tools.records import Example, JsonObject, Message, Task
from tools.synthesis.instructions import system_prompt
from tools.synthesis.teaching import Prompt, TeacherRequest

EXAMPLES_SHOWN = 5


def prompt(request: TeacherRequest) -> Prompt:
    """The whole request; an answer is about as long as the examples shown."""
    shown = [*request.examples, *((request.like,) if request.like else ())]
    each = sum(tokens(one.input + one.output) for one in shown) / len(shown) if shown else 100.0
    return Prompt(
        messages=tuple(messages(request)),
        answer_schema=reply_schema(request),
        strict=is_strict(request.task),
        expected_tokens=int(request.count * (each + 20)),  # the keys and brackets around it
    )


def tokens(text: str) -> float:
    """A guess from characters: four a token in Latin script, one in others."""
    wide = len(text) - len(text.encode("ascii", "ignore"))
    return wide + (len(text) - wide) / 4


def messages(request: TeacherRequest) -> list[Message]:
    """System and user message. Passage and examples stand between markers that they cannot know beforehand."""
    task = request.task
    system = render(
        "teacher/system",
        task=system_prompt(task),
        input=task.input_description,
        language=task.language or "en",
        answer=_answer(task),
    )
    user = render(
        "teacher/request",
        count=str(request.count),
        variety=request.variety or "as you like",
        examples=_examples(request),
        passage=_passage(request),
    )
    return [Message(role="system", content=system), Message(role="user", content=user)]


def reply_schema(request: TeacherRequest) -> JsonObject:
    """JSON schema of `{"samples": [{"input", "output", "quote"?}]}`, with the task's own schema as output."""
    task = request.task
    output: JsonObject = {"type": "string"}
    if task.kind == "extraction":
        output = task.json_schema()
    elif task.kind == "classification":
        output = {"type": "string", "enum": list(task.labels)}
    parts: JsonObject = {"input": {"type": "string"}, "output": output}
    if request.passage is not None:
        parts["quote"] = {"type": "string"}
    sample = _closed(parts)
    return _closed({"samples": {"type": "array", "items": sample}})


def is_strict(task: Task) -> bool:
    """Strict decoding wants every nested shape spelled out, which lists and objects of a task are not."""
    return all(field.kind not in ("list", "object") for field in task.fields)


def _closed(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _answer(task: Task) -> str:
    if task.kind == "extraction":
        return f"a JSON object of this schema: {json.dumps(task.json_schema(), ensure_ascii=False)}"
    if task.kind == "classification":
        return f"exactly one of these labels: {', '.join(task.labels)}"
    return "a text, correct and brief"


def _examples(request: TeacherRequest) -> str:
    lines: list[str] = []
    if request.like is not None:
        lines += ["Write samples like this one in form and difficulty, with other content:", _fenced(request.like)]
    if request.examples:
        shown = "\n".join(_fenced(example) for example in request.examples[:EXAMPLES_SHOWN])
        lines += ["Good samples, to follow in form only:", shown]
    return "\n".join(lines)


def _fenced(example: Example) -> str:
    """As one JSON line: no text of an example can step out of its string."""
    return json.dumps({"input": example.input, "output": example.output}, ensure_ascii=False)


def _passage(request: TeacherRequest) -> str:
    if request.passage is None:
        return ""
    text = request.passage.text
    # A document would have to hold its own hash to close the fence.
    marker = f"=== document {hashlib.sha256(text.encode()).hexdigest()[:16]} ==="
    return render("teacher/passage", marker=marker, text=text)

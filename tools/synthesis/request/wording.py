"""A teacher request in words: the prompts that write, answer or judge samples, and the JSON schema of each reply."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from prompts import render
from tools.records import Example, JsonObject, Message, Rule, Task
from tools.synthesis.check.calls import function_of, name_of
from tools.synthesis.request.coverage import in_words
from tools.synthesis.request.instructions import system_prompt
from tools.teacher.protocol import Drafted, DrawnRecord, Held, Prompt, TeacherRequest
from tools.text.length import guessed_tokens

EXAMPLES_SHOWN = 5
_VERDICT: JsonObject = {"number": {"type": "integer"}, "good": {"type": "boolean"}, "problem": {"type": "string"}}
_MESSAGE: JsonObject = {"number": {"type": "integer"}, "text": {"type": "string"}}
_ASKS = {
    "answering": "questions",
    "roleplay": "what somebody says to the character",
    "identity": "questions and greetings",
}


def prompt(request: TeacherRequest) -> Prompt:
    """The whole request; an answer is about as long as the examples shown."""
    if request.inputs:
        return labelling(request, [passage.text for passage in request.inputs])
    if request.records:
        return telling(request)
    shown = [*request.examples, *((request.like,) if request.like else ())]
    each = sum(guessed_tokens(one.input + one.output) for one in shown) / len(shown) if shown else 100.0
    user = render(
        "teacher/request",
        count=str(request.count),
        variety=in_words(request.cell) or "as you like",
        examples=_examples(request),
        passage=_passage(request),
    )
    schema = _listed("samples", _sample_parts(request))
    return _prompt(request, user, schema, request.count * request.task.turns * (each + 20))


def telling(request: TeacherRequest) -> Prompt:
    """Messages wanted that hold the records; no answer is."""
    user = render(
        "teacher/tell",
        count=str(len(request.records)),
        manner=render(f"teacher/manners/{request.way}"),
        variety=in_words(request.cell) or "as you like",
        examples=_examples(request),
        records="\n".join(_shown(request, at, one) for at, one in enumerate(request.records, 1)),
    )
    return _prompt(request, user, _listed("messages", _MESSAGE), sum(map(_told_tokens, request.records)))


def repairing(request: TeacherRequest, lacking: Mapping[int, tuple[str, Sequence[Held]]]) -> Prompt:
    """Messages that miss something of their records, by number, to be written once more."""
    told = []
    for number, (message, missing) in lacking.items():
        named: JsonObject = {one.name: standing(request, one) for one in missing}
        told.append(_line(_shown(request, number, request.records[number - 1]), {"message": message, "missing": named}))
    user = render(
        "teacher/repair",
        count=str(len(told)),
        manner=render(f"teacher/manners/{request.way}"),
        messages="\n".join(told),
    )
    return _prompt(
        request,
        user,
        _listed("messages", _MESSAGE),
        sum(_told_tokens(request.records[number - 1]) for number in lacking),
    )


def standing(request: TeacherRequest, held: Held) -> str:
    """What stands for it in the message that the teacher writes."""
    return held.slot if request.way == "slots" and held.slot else held.text


def labelling(request: TeacherRequest, inputs: Sequence[str]) -> Prompt:
    """The same task the other way round: these inputs, to be answered."""
    user = render("teacher/label", count=str(len(inputs)), inputs=_numbered(inputs), passage=_passage(request))
    schema = _listed("answers", {"number": {"type": "integer"}, **_answer_parts(request)})
    return _prompt(request, user, schema, len(inputs) * 120.0)


def critique(request: TeacherRequest, drafted: Sequence[Drafted]) -> Prompt:
    """These samples, to be judged."""
    told = [_fenced(Example(input=one.input, output=one.output), number=at) for at, one in enumerate(drafted, 1)]
    user = render("teacher/critique", count=str(len(drafted)), samples="\n".join(told), passage=_passage(request))
    return _prompt(request, user, _listed("verdicts", _VERDICT), len(drafted) * 30.0)


def screening(request: TeacherRequest) -> Prompt:
    """Samples that nobody has looked at, to be judged by the user's rules and by nothing else."""
    told = [_fenced(one, number=at) for at, one in enumerate(request.screened, 1)]
    user = render("teacher/screen", count=str(len(told)), samples="\n".join(told))
    return _prompt(request, user, _listed("verdicts", _VERDICT), len(told) * 30.0)


def is_strict(task: Task) -> bool:
    """Strict decoding wants every nested shape spelled out, which functions and open lists and objects are not."""
    return task.kind != "calling" and all(field.is_closed for field in task.fields)


def _prompt(request: TeacherRequest, user: str, schema: JsonObject, expected_tokens: float) -> Prompt:
    """What all prompts of a job share comes first."""
    task = request.task
    system = render(
        "teacher/system",
        task=system_prompt(task),
        input=task.input_description or _ASKS.get(task.kind or "", "texts"),
        language=task.language or "en",
        answer=_answer(task),
        rules=render(f"teacher/kinds/{task.kind or 'open'}"),
        review="\n".join(line for rule in request.rules for line in _rule(rule)),
    )
    thinking = 2 if task.reasoning != "none" else 1
    return Prompt(
        messages=(Message(role="system", content=system), Message(role="user", content=user)),
        answer_schema=schema,
        strict=is_strict(task),
        expected_tokens=max(1, int(expected_tokens * thinking)),
    )


# --- the shape of a reply ------------------------------------------------------------------------------------------


def _sample_parts(request: TeacherRequest) -> JsonObject:
    """Earlier turns, the input, the teacher's reasoning, the output, the quote: those that the task has."""
    parts: JsonObject = {"input": {"type": "string"}, **_answer_parts(request)}
    if request.task.turns == 1:
        return parts
    turn: JsonObject = {"input": {"type": "string"}, "output": _output(request.task)}
    if request.task.kind == "calling":
        turn |= {"results": {"type": "array", "items": {"type": "string"}}, "reply": {"type": "string"}}
    earlier = request.task.turns - 1
    return {"history": {"type": "array", "items": _closed(turn), "minItems": earlier, "maxItems": earlier}, **parts}


def _answer_parts(request: TeacherRequest) -> JsonObject:
    thought: JsonObject = {"reasoning": {"type": "string"}} if request.task.reasoning != "none" else {}
    quote: JsonObject = {"quote": {"type": "string"}} if request.passage is not None else {}
    return {**thought, "output": _output(request.task), **quote}


def _output(task: Task) -> JsonObject:
    if task.kind == "extraction":
        return task.json_schema()
    if task.kind == "classification":
        return {"type": "string", "enum": list[JsonValue](task.every_label)}
    if task.kind == "calling":
        calls: list[JsonValue] = [
            _closed({"name": {"const": name_of(tool)}, "arguments": function_of(tool).get("parameters") or {}})
            for tool in task.tools
        ]
        return _closed({"calls": {"type": "array", "items": {"anyOf": calls}}, "reply": {"type": "string"}})
    return {"type": "string"}


def _listed(name: str, parts: JsonObject) -> JsonObject:
    return _closed({name: {"type": "array", "items": _closed(parts)}})


def _closed(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# --- words ---------------------------------------------------------------------------------------------------------


def _answer(task: Task) -> str:
    if task.kind == "extraction":
        answer = f"a JSON object of this schema: {json.dumps(task.json_schema(), ensure_ascii=False)}"
    elif task.kind == "classification":
        answer = f"exactly one of these labels: {', '.join(task.labels)}"
        answer += f"; {task.out_of_scope} when none of them fits" if task.out_of_scope else ""
    elif task.kind == "calling":
        listed = "\n".join(json.dumps(function_of(tool), ensure_ascii=False) for tool in task.tools)
        answer = f"calls of these functions, or a reply in words:\n{listed}"
    else:
        answer = f"a text, correct and brief{f'; {task.style}' if task.style else ''}"
    if task.turns > 1:
        answer += f'. Each sample is a conversation of {task.turns} user turns: "history" holds the earlier ones'
    if task.reasoning != "none":
        answer += '. Before each answer think it through in writing, in "reasoning"'
    return answer


def _examples(request: TeacherRequest) -> str:
    lines: list[str] = []
    if request.like is not None:
        lines += ["Write samples like this one in form and difficulty, with other content:", _fenced(request.like)]
    if request.examples:
        shown = "\n".join(_fenced(example) for example in request.examples[:EXAMPLES_SHOWN])
        lines += ["Good samples, to follow in form only:", shown]
    return "\n".join(lines)


def _shown(request: TeacherRequest, number: int, record: DrawnRecord) -> str:
    """A record as one JSON line."""
    parts: JsonObject = {"number": number, "form": record.form}
    parts["tells"] = {one.name: standing(request, one) for one in record.holds if one.must or not one.slot}
    parts["may_hold"] = {one.name: standing(request, one) for one in record.holds if one.slot and not one.must}
    parts["leaves_out"] = list[JsonValue](record.absent)
    return json.dumps({name: part for name, part in parts.items() if part}, ensure_ascii=False)


def _line(shown: str, more: JsonObject) -> str:
    return json.dumps({**json.loads(shown), **more}, ensure_ascii=False)


def _told_tokens(record: DrawnRecord) -> float:
    """Of the message that tells it, as guessed."""
    return 60 + 1.3 * sum(guessed_tokens(one.text) for one in record.holds if one.must)


def _rule(rule: Rule) -> list[str]:
    """What the user found wrong, with samples of it as JSON lines."""
    lines = [f"- The person who reviews your samples rejects this: {json.dumps(rule.text, ensure_ascii=False)}"]
    for pair in rule.pairs:
        shown = {"bad": pair.bad.model_dump(), **({"right": pair.good.model_dump()} if pair.good else {})}
        lines.append(f"  {json.dumps(shown, ensure_ascii=False)}")
    return lines


def _fenced(example: Example, number: int | None = None) -> str:
    """As one JSON line: no text of an example can step out of its string."""
    counted = {} if number is None else {"number": number}
    return json.dumps({**counted, "input": example.input, "output": example.output}, ensure_ascii=False)


def _numbered(inputs: Sequence[str]) -> str:
    return "\n".join(json.dumps({"number": at, "input": one}, ensure_ascii=False) for at, one in enumerate(inputs, 1))


def _passage(request: TeacherRequest) -> str:
    if request.passage is None:
        return ""
    text = request.passage.text
    # A document would have to hold its own hash to close the fence.
    marker = f"=== document {hashlib.sha256(text.encode()).hexdigest()[:16]} ==="
    return render("teacher/passage", marker=marker, text=text)

"""Samples whose answers code drew: messages by the teacher, checked against their records, filled, looked at once more.

A message that misses a value is asked for once more. What the eye of code cannot confirm, as a label, is asked for
without telling the answer: where the teacher then answers otherwise, the sample is bad.
"""

import json
import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from tools.records import Message, Task
from tools.synthesis.request.replies import ANSWERS, MESSAGES, read_items, written
from tools.synthesis.request.wording import labelling, repairing, standing, telling
from tools.teacher.protocol import Ask, Drafted, DrawnRecord, Held, Prompt, TeacherRequest, Unusable
from tools.text.folding import folded
from tools.text.personal import mask
from tools.text.strict_json import parse_json

_BRACKETS = re.compile(r"\[[^\[\]\n]{1,60}\]")
_LIKELY_CHARS = 240  # of a message, for an estimate


async def tell(request: TeacherRequest, ask: Ask) -> tuple[Drafted, ...]:
    """One sample a record. Raises Unusable when the first reply holds no message."""
    messages = _read(request, await ask(telling(request)), len(request.records))
    missing = {at: _missing(request, one, messages.get(at, "")) for at, one in enumerate(request.records, 1)}
    if lacking := {at: (messages.get(at, ""), lacks) for at, lacks in missing.items() if lacks or at not in messages}:
        messages |= await _repaired(request, lacking, ask)
    drafted = [_drafted(request, one, messages.get(at, "")) for at, one in enumerate(request.records, 1)]
    return await _confirmed(request, drafted, ask)


def likely_prompts(request: TeacherRequest) -> list[Prompt]:
    """What is asked when no message misses anything."""
    doubtful = [_stand_in(one) for one in request.records if one.doubtful]
    return [telling(request), *([labelling(request, doubtful)] if doubtful else [])]


def possible_prompts(request: TeacherRequest) -> list[Prompt]:
    """What is asked when every message does, and every answer is doubtful."""
    lacking = {at: (_stand_in(one), one.holds) for at, one in enumerate(request.records, 1)}
    look = labelling(request, [_stand_in(one) for one in request.records])
    return [telling(request), repairing(request, lacking), look]


def _stand_in(record: DrawnRecord) -> str:
    return " ".join(["x" * _LIKELY_CHARS, *(one.text for one in record.holds if one.must)])


# --- messages and their records --------------------------------------------------------------------------------------


def _read(request: TeacherRequest, text: str, count: int) -> dict[int, str]:
    """The messages by number; where all of `count` came without one, their order tells it."""
    found = {one.number: one.text.strip() for one in read_items(MESSAGES, text, count).good}
    known = {at: message for at, message in found.items() if 1 <= at <= len(request.records) and message}
    if not known:
        raise Unusable("empty", "the teacher's reply contains no message", text)
    return known


async def _repaired(
    request: TeacherRequest, lacking: Mapping[int, tuple[str, Sequence[Held]]], ask: Ask
) -> dict[int, str]:
    """The messages asked for once more; a reply that is of no use costs none of those that came."""
    try:
        again = _read(request, await ask(repairing(request, lacking)), 0)
    except Unusable:
        return {}
    return {at: message for at, message in again.items() if at in lacking}


def _missing(request: TeacherRequest, record: DrawnRecord, message: str) -> list[Held]:
    """What must stand in the message and does not. Each value needs a place of its own, so the longest come first."""
    left = folded(message)
    lacks: list[Held] = []
    for held in sorted((one for one in record.holds if one.must), key=lambda one: -len(one.text)):
        place = _place(standing(request, held), left)
        if place is None:
            lacks.append(held)
        else:
            left = f"{left[: place[0]]}\n{left[place[1] :]}"
    return [one for one in record.holds if one in lacks]


def _place(value: str, text: str) -> tuple[int, int] | None:
    """Where the value stands, and not as a part of another word or number."""
    wanted = folded(value)
    before = r"(?<![A-Za-z0-9])(?<!\d[.,])" if wanted[:1].isascii() and wanted[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9])(?![.,]\d)" if wanted[-1:].isascii() and wanted[-1:].isalnum() else ""
    found = re.search(before + re.escape(wanted) + after, text)
    return found.span() if found else None


def _drafted(request: TeacherRequest, record: DrawnRecord, message: str) -> Drafted:
    """The sample as it is after the repair, with its problem if there is one."""
    lacks = _missing(request, record, message)
    text = _filled(record, message) if request.way == "slots" else message
    problem = ""
    if not message:
        problem = "the teacher wrote no message for the record"
    elif lacks:
        problem = f"the message misses {', '.join(f'{one.name} {standing(request, one)!r}' for one in lacks)}"
    elif request.way == "slots" and (left := _left_over(record, message)):
        problem = f"{left} stands for nothing in the record"
    elif alien := _alien(request, record, text):
        problem = f"the message tells {alien!r}, which its record does not hold"
    return Drafted(input=text, output=record.output, problem=problem)


def _filled(record: DrawnRecord, message: str) -> str:
    values = {one.slot: one.text for one in record.holds if one.slot}
    return _BRACKETS.sub(lambda match: values.get(match[0], match[0]), message)


def _left_over(record: DrawnRecord, message: str) -> str:
    known = {one.slot for one in record.holds}
    return next((mark for mark in _BRACKETS.findall(message) if mark not in known), "")


def _alien(request: TeacherRequest, record: DrawnRecord, text: str) -> str:
    """Personal data of a sort that a field asks for and that the record does not hold: it would be an answer too."""
    held = " ".join(folded(one.text) for one in record.holds)
    language = request.cell.get("language", "") or request.task.language
    for mark, value in mask(text, language).values.items() if record.guarded else ():
        if mark.strip("[]").partition("_")[0] in record.guarded and folded(value) not in held:
            return value
    return ""


# --- the second look -------------------------------------------------------------------------------------------------


async def _confirmed(request: TeacherRequest, drafted: Sequence[Drafted], ask: Ask) -> tuple[Drafted, ...]:
    """The samples; where the teacher, not knowing the answer, gives another one, that is the problem."""
    open_ = [at for at, one in enumerate(drafted) if request.records[at].doubtful and not one.problem]
    if not open_:
        return tuple(drafted)
    try:
        told = await ask(labelling(request, [drafted[at].input for at in open_]))
        answers = read_items(ANSWERS, told, len(open_)).good
    except Unusable as unusable:  # the messages are paid for, and are kept to be looked at
        failed = f"the second look failed: {unusable.problem}"
        return tuple(_with(one, failed) if at in open_ else one for at, one in enumerate(drafted))
    given = {open_[one.number - 1]: one.output for one in answers if 1 <= one.number <= len(open_)}
    looked = {at: _differing(request.task, request.records[at], given.get(at)) for at in open_}
    return tuple(_with(one, looked[at]) if looked.get(at) else one for at, one in enumerate(drafted))


def _with(drafted: Drafted, problem: str) -> Drafted:
    return drafted.model_copy(update={"problem": problem})


def _differing(task: Task, record: DrawnRecord, answer: JsonValue) -> str:
    """What the second look says of the doubtful parts, when it is not what the record holds."""
    if answer is None:
        return "the second look gave no answer"
    try:
        theirs, ours = _parts(task, written(task, answer)), _parts(task, record.output)
    except (Unusable, ValueError):
        return f"the second look's answer cannot be read: {json.dumps(answer, ensure_ascii=False)[:100]}"
    for name in record.doubtful:
        if theirs.get(name) != ours.get(name):
            return f"a second look says {name} {_quoted(theirs.get(name))} and not {_quoted(ours.get(name))}"
    return ""


def _parts(task: Task, output: str) -> dict[str, JsonValue]:
    """An answer by its parts. Raises ValueError for one that has none."""
    if task.kind == "classification":
        return {"label": output}
    if task.kind == "extraction":
        found = parse_json(output)
        if not isinstance(found, dict):
            raise ValueError(output)
        return found
    calls = Message.answering(output).tool_calls
    return {**(calls[0].arguments if len(calls) == 1 else {}), "function": [call.name for call in calls]}


def _quoted(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)

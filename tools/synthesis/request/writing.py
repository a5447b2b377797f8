"""From a request to drafted samples: what is asked of the teacher, in one prompt or several, and how it is read."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence

from pydantic import JsonValue

from tools.records import Message, Task
from tools.synthesis.request.replies import (
    ANSWERS,
    SAMPLES,
    VERDICTS,
    Misread,
    TaughtAnswer,
    TaughtSample,
    Turn,
    Verdict,
    read_items,
    with_calls,
    written,
)
from tools.synthesis.request.telling import likely_prompts, tell
from tools.synthesis.request.telling import possible_prompts as tell_prompts
from tools.synthesis.request.wording import critique, labelling, prompt, screening
from tools.teacher.protocol import Ask, Drafted, Prompt, TeacherRequest, Unusable
from tools.text.same_input import same_key
from tools.text.strict_json import parse_json


async def write(request: TeacherRequest, ask: Ask) -> tuple[Drafted, ...]:
    """The samples of one request, unchecked by code. Raises Unusable when the answer holds none."""
    if request.screened:
        return read_screening(request, await ask(screening(request)))
    if request.records:
        drafted = await tell(request, ask)
    else:
        drafted = await _written(request, ask)
    if request.answers_each > 1:
        drafted = await _agreed(request, drafted, ask)
    if request.critique:
        drafted = await _criticised(request, drafted, ask)
    return drafted


def expected_prompts(request: TeacherRequest) -> list[Prompt]:
    """All prompts that `write` will send, as long as they are likely to be: for an estimate."""
    return _prompts(request, likely_prompts(request) if request.records else [])


def possible_prompts(request: TeacherRequest) -> list[Prompt]:
    """All that it may send, repairs included."""
    return _prompts(request, tell_prompts(request) if request.records else [])


def _prompts(request: TeacherRequest, telling: list[Prompt]) -> list[Prompt]:
    if request.screened:
        return [screening(request)]
    first = prompt(request)
    stand_in = Drafted(input="x" * 200, output="x" * 4 * (first.expected_tokens // request.count))
    judged = [critique(request, [stand_in] * request.count)] if request.critique else []
    if telling:
        return [*telling, *judged]
    again = labelling(request, [passage.text for passage in request.inputs] or [stand_in.input] * request.count)
    return [first, *[again] * (request.answers_each - 1), *judged]


async def _written(request: TeacherRequest, ask: Ask) -> tuple[Drafted, ...]:
    """The samples of one reply; of one that was cut off, those before the cut: they are whole, and paid for."""
    try:
        return read(request, await ask(prompt(request)))
    except Unusable as cut:
        if cut.reason != "truncated":
            raise
        try:
            return read(request, cut.text, cut.problem)
        except Unusable:
            raise cut from None


def read(request: TeacherRequest, text: str, cut: str = "") -> tuple[Drafted, ...]:
    """The samples in an answer's text; more than were asked for are dropped. `cut` is why it ends too soon.

    What cannot be read is a sample with that problem; only where there is no other the reply is Unusable.
    """
    if request.inputs:
        return _read_answers(request, text)
    found = read_items(SAMPLES, text, request.count)
    # Of a conversation that cannot be read whole, each earlier turn looks like a sample.
    whole = [one for one in found.good if one.history or request.task.turns == 1 or not found.broken]
    if not whole:
        raise Unusable("malformed", f"the teacher's reply cannot be read: {found.broken}", text)
    drafted = [_drafted(request.task, one) for one in whole[: request.count]]
    bad = [*found.bad, *([Misread(None, found.broken)] if found.broken else [])]
    return (*drafted, *(_misread(one, cut) for one in bad[: request.count - len(drafted)]))


def _drafted(task: Task, sample: TaughtSample) -> Drafted:
    said = {
        "input": sample.input.strip(),
        "quote": sample.quote,
        "reasoning": sample.reasoning.strip(),
    }
    try:
        output = written(task, sample.output)
        history = tuple(message for turn in sample.history for message in _messages(task, turn))
    except Unusable as wrong:  # a call that is none
        return Drafted(**said, output=json.dumps(sample.output, ensure_ascii=False), problem=wrong.problem)
    return Drafted(**said, output=output, history=history)


def _misread(one: Misread, cut: str) -> Drafted:
    item = one.item if isinstance(one.item, dict) else {}
    shown = item.get("input")
    return Drafted(
        input=shown if isinstance(shown, str) else "",
        output=json.dumps(item.get("output", one.item), ensure_ascii=False) if one.item else "",
        problem=cut if cut and one.item is None else f"the teacher's sample cannot be read: {one.why}",
    )


def _read_answers(request: TeacherRequest, text: str) -> tuple[Drafted, ...]:
    """Each answer beside the input of its number; the input stays as the user gave it."""
    found = {answer.number: answer for answer in read_items(ANSWERS, text, len(request.inputs)).good}
    drafted = []
    for number, passage in enumerate(request.inputs, start=1):
        if number in found:
            output, problem = _output(request.task, found[number].output)
            reasoning = found[number].reasoning.strip()
            drafted.append(
                Drafted(input=passage.text, output=output, reasoning=reasoning, passage_id=passage.id, problem=problem)
            )
    if not drafted:
        raise Unusable("empty", "the teacher's reply answers none of the inputs", text)
    return tuple(drafted)


def _output(task: Task, output: JsonValue) -> tuple[str, str]:
    """The answer as it is learnt, or as it came and why that cannot be used: one costs its siblings nothing."""
    try:
        return written(task, output), ""
    except Unusable as wrong:
        return json.dumps(output, ensure_ascii=False), wrong.problem


def _messages(task: Task, turn: Turn) -> list[Message]:
    """One earlier turn; with functions also what they gave back and what was made of it."""
    said = Message(role="user", content=turn.input.strip())
    if not isinstance(turn.output, dict) or task.kind != "calling":
        return [said, Message(role="assistant", content=written(task, turn.output))]
    called = with_calls(turn.output)
    results = [Message(role="tool", content=result) for result in turn.results[: len(called.tool_calls)]]
    closing = [Message(role="assistant", content=turn.reply.strip())] if results and turn.reply.strip() else []
    return [said, called, *results, *closing]


# --- second looks --------------------------------------------------------------------------------------------------


async def _agreed(request: TeacherRequest, drafted: Sequence[Drafted], ask: Ask) -> tuple[Drafted, ...]:
    """The samples with the answer that most of k answers give; where no more than half agree, that is the problem."""
    again = labelling(request, [one.input for one in drafted])
    asked = [ask(again) for _ in range(request.answers_each - 1)]
    replies = await asyncio.gather(*asked, return_exceptions=True)  # what is under way is paid for: it is waited for
    votes = [[one.output] for one in drafted]
    for reply in replies:
        for answer in _ballots(reply, len(drafted)):
            if 1 <= answer.number <= len(votes):
                output, problem = _output(request.task, answer.output)
                votes[answer.number - 1] += [] if problem else [output]
    return tuple(_by_majority(one, cast, request.answers_each) for one, cast in zip(drafted, votes, strict=True))


def _ballots(reply: str | BaseException, count: int) -> list[TaughtAnswer]:
    """One reply's votes; one that cannot be used has none."""
    try:
        if isinstance(reply, BaseException):
            raise reply
        return read_items(ANSWERS, reply, count).good
    except Unusable:
        return []


def _by_majority(drafted: Drafted, votes: Sequence[str], wanted: int) -> Drafted:
    counted = Counter(map(_ballot, votes))
    ballot, number = counted.most_common(1)[0]
    if 2 * number <= wanted:
        return drafted.model_copy(update={"problem": f"only {number} of {wanted} answers agree"})
    return drafted.model_copy(update={"output": next(vote for vote in votes if _ballot(vote) == ballot)})


def _ballot(answer: str) -> str:
    """Answers with one ballot say the same: JSON whatever its layout, text but for case, spaces and punctuation."""
    try:
        return json.dumps(parse_json(answer), sort_keys=True)
    except ValueError:
        return same_key(answer)


async def _criticised(request: TeacherRequest, drafted: Sequence[Drafted], ask: Ask) -> tuple[Drafted, ...]:
    try:
        verdicts = _verdicts(await ask(critique(request, drafted)), len(drafted))
    except Unusable as unusable:  # the samples are paid for, and are kept to be looked at
        return tuple(
            one.model_copy(update={"problem": one.problem or f"the critique failed: {unusable.problem}"})
            for one in drafted
        )
    bad = {one.number: one.problem.strip() or "no reason given" for one in verdicts if not one.good}
    return tuple(
        one.model_copy(update={"problem": f"the critique: {bad[number]}"}) if number in bad and not one.problem else one
        for number, one in enumerate(drafted, start=1)
    )


def _verdicts(text: str, count: int) -> list[Verdict]:
    return read_items(VERDICTS, text, count).good


def read_screening(request: TeacherRequest, text: str) -> tuple[Drafted, ...]:
    """The samples as they were given, each with the problem that the judge found. Raises Unusable when one has none."""
    verdicts = {one.number: one for one in _verdicts(text, len(request.screened))}
    if lacking := [number for number in range(1, len(request.screened) + 1) if number not in verdicts]:
        raise Unusable("malformed", f"the judge left out samples {lacking}", text)
    return tuple(
        Drafted(
            input=one.input,
            output=one.output,
            problem="" if verdicts[number].good else verdicts[number].problem.strip() or "no reason given",
        )
        for number, one in enumerate(request.screened, start=1)
    )

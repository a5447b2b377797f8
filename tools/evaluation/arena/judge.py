"""The judge: a big model that says which of two answers is better, asked twice, with the sides changed.

A verdict counts only when both orders give it; else the two are even. So a judge that favours the left side favours
nobody. What the user has voted on is judged first: that shows whether the judge may speak for the user.
"""

import json
import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ValidationError

from prompts import render
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.evaluation.arena.agreement import agreement
from tools.evaluation.arena.matches import USER, Choice, Meeting, ballots, contestants, keep, key, matches, meetings
from tools.jobs import Work
from tools.records import Estimate, JsonObject, JudgingOrder, Match, Message, Project
from tools.synthesis.request.instructions import system_prompt
from tools.teacher.asking import Told, ask_each, need_teacher
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Prompt
from tools.text.personal import mask
from tools.text.plain import spelled

SPREAD, SECONDS = (0.6, 1.6), (0.5, 6.0)  # tokens over the guess; seconds of one verdict
_VERDICT_TOKENS = 60
_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"reason": {"type": "string"}, "better": {"type": "string", "enum": ["A", "B", "tie"]}},
    "required": ["reason", "better"],
    "additionalProperties": False,
}


class _Verdict(BaseModel):
    reason: str = ""
    better: Annotated[Literal["A", "B", "tie"], BeforeValidator(lambda said: spelled(str(said), ("A", "B", "tie")))]


def the_judge() -> Endpoint:
    return need_teacher("judge answers")


def name_of(judge: Endpoint) -> str:
    return f"judge:{judge.model}"


def rubric_of(project: Project) -> str:
    """The project's own, else the one that is shipped."""
    return project.rubric.strip() or render("teacher/rubric")


def worth_judging(catalog: Catalog, project: Project, count: int) -> tuple[Match, ...]:
    """So many matches that the judge has not judged, those first that the user has voted on."""
    voted = {key(one) for one in ballots(catalog, project, USER)}
    done = {key(one) for one in ballots(catalog, project, name_of(the_judge()))}
    every = [match for match in matches(catalog, project, contestants(catalog, project)) if key(match) not in done]
    return tuple(sorted(every, key=lambda match: key(match) not in voted)[:count])


def unjudged(catalog: Catalog, project: Project, order: JudgingOrder) -> list[Meeting]:
    """What is left of the order."""
    done = {key(one) for one in ballots(catalog, project, name_of(the_judge()))}
    return meetings(catalog, project, [match for match in order.matches if key(match) not in done])


def question(project: Project, met: Meeting, *, swapped: bool) -> Prompt:
    """One verdict wanted. All that was said stands in one JSON line: no text of it can step out of its string."""
    a, b = (met.b, met.a) if swapped else (met.a, met.b)
    told = json.dumps({"input": met.question, "reference": met.reference, "A": a, "B": b}, ensure_ascii=False)
    if project.task.pii == "mask":
        told = mask(told, project.task.language).text
    rules = render("teacher/judge", task=system_prompt(project.task), rubric=rubric_of(project))
    messages = (Message(role="system", content=rules), Message(role="user", content=told))
    return Prompt(messages=messages, answer_schema=_SCHEMA, expected_tokens=_VERDICT_TOKENS)


def estimate(catalog: Catalog, project: Project, order: JudgingOrder) -> Estimate:
    """Calls, money and minutes of the verdicts that are missing."""
    judge = the_judge()
    found = unjudged(catalog, project, order)
    prompts = [question(project, met, swapped=swapped) for met in found for swapped in (False, True)]
    usages = [judge.expect_of(prompt) for prompt in prompts]
    used, usd = sum(one.input_tokens + one.output_tokens for one in usages), sum(one.usd for one in usages)
    dearest = max((judge.most_usd_of(prompt) for prompt in prompts), default=0.0)  # the last one must fit too
    rounds = math.ceil(len(prompts) / judge.concurrency)
    assumed = () if judge.price_is_known else (f"the price of {judge.model} is assumed; set it in RETORT_PRICES",)
    return Estimate(
        what=f"{len(found)} verdicts of {judge.model} on pairs of answers, each asked in both orders",
        calls_low=len(prompts),
        calls_high=len(prompts),
        tokens_low=int(used * SPREAD[0]),
        tokens_high=int(used * SPREAD[1]),
        usd_low=usd * SPREAD[0],
        usd_high=usd * SPREAD[1] + 2 * dearest,
        minutes_low=rounds * SECONDS[0] / 60,
        minutes_high=rounds * SECONDS[1] / 60,
        notes=assumed,
    )


def run(work: Work) -> str:
    """Judge the order's matches that are not judged yet; the closing sentence tells how far the user agrees.

    Raises Stopped when asked to stop or at the limit of money, RetortError when the judge cannot go on.
    """
    order = work.job.order
    if not isinstance(order, JudgingOrder):
        raise TypeError(f"a judging job was given a {order.kind} order")
    judge = the_judge()
    found = unjudged(work.catalog, work.project, order)
    questions = {
        (at, side): question(work.project, met, swapped=side) for at, met in enumerate(found) for side in (False, True)
    }
    told: dict[tuple[int, bool], Told] = {}
    kept = 0
    spent = work.spent_usd()

    def report(message: str = "") -> None:
        work.report(len(told) // 2, len(found), "verdicts", message)

    answers = ask_each(
        judge, questions, max_usd=order.max_usd, spent_usd=spent, should_stop=work.should_stop, retrying=report
    )
    for (at, side), one in answers:
        work.book("verdicts of the judge", kind="teacher", **one.usage.model_dump())
        told[at, side] = one
        if (at, not side) not in told:
            continue
        verdict = _settled(told[at, False], told[at, True])
        if verdict is not None:
            choice, reason = verdict
            keep(work.catalog, found[at].match, choice, name_of(judge), reason)
            kept += 1
        report()
    if found and not kept:
        last = next(iter(told.values()))
        raise RetortError(
            f"None of {judge.model}'s verdicts could be read: {last.problem or last.text[:200]}",
            "Say 'resume' to ask again.",
        )
    return _closing(work.catalog, work.project, name_of(judge), kept, len(found) - kept)


def _settled(straight: Told, swapped: Told) -> tuple[Choice, str] | None:
    """The verdict that both orders give; a tie where they differ; None when one of the two is none."""
    first, second = _read(straight), _read(swapped)
    if first is None or second is None:
        return None
    turned = {"A": "B", "B": "A", "tie": "tie"}[second.better]
    if first.better != turned:
        return "tie", f"The verdict changed with the order of the two answers: {first.reason}"
    choices: dict[str, Choice] = {"A": "a", "B": "b", "tie": "tie"}
    return choices[first.better], first.reason


def _read(told: Told) -> _Verdict | None:
    try:
        return _Verdict.model_validate_json(told.text)
    except ValidationError:
        return None


def _closing(catalog: Catalog, project: Project, by: str, kept: int, lost: int) -> str:
    found = agreement(ballots(catalog, project, USER), ballots(catalog, project, by))
    missing = f"; {lost} could not be read" if lost else ""
    voted = (
        found.sentence if found else "Say 'arena' to vote yourself: your votes show whether you can rely on the judge."
    )
    return f"{kept} verdicts are in{missing}. {voted} Say 'ranking' to see which candidate is best."

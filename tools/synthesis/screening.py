"""Samples that nobody has looked at, judged by a confirmed rule: several in a request, through the engine."""

import asyncio
import math
from collections import deque
from collections.abc import Iterable, Sequence
from statistics import fmean

from tools import jobs
from tools.catalog import Catalog, now
from tools.errors import NotFound, RetortError
from tools.jobs import Stopped, Work
from tools.records import (
    Answer,
    Estimate,
    Example,
    Expense,
    Job,
    Project,
    Rule,
    Sample,
    ScreeningOrder,
)
from tools.settings import settings
from tools.synthesis.bill import Bill
from tools.synthesis.check.rules import rejected, screening_of, unseen
from tools.synthesis.engine import Engine
from tools.synthesis.making import Finished, Kept, answer_of, expenses
from tools.synthesis.request.showing import Showing
from tools.synthesis.teacher import OpenAITeacher
from tools.teacher.protocol import Teacher, TeacherRequest, Usage

GUESSED_FROM = 8  # requests, for an estimate


class Reader(OpenAITeacher):
    """The teacher asked for verdicts: they are short, so that one request holds more of them."""

    samples_per_request = 10

    @property
    def source(self) -> str:
        return f"judge:{self.model}"


def estimate(catalog: Catalog, project: Project, rule: Rule) -> Estimate:
    """What it takes to have the teacher judge all samples not looked at."""
    reader = Reader(settings().teachers[0])
    waiting = [one for one in catalog.each(Sample, project.id) if unseen(one)]
    what = f"Judge the {len(waiting):,} samples that you have not reviewed by the rule “{rule.text}”"
    if not waiting:
        return Estimate(
            what=what, notes=("There are none now, so the rule only applies to what is generated from now on.",)
        )
    screener = Screener(catalog, project, reader, rule, waiting)
    size = min(len(waiting), reader.samples_per_request)
    requests = math.ceil(len(waiting) / size)
    looked_at = [screener.request(number, size) for number in range(min(GUESSED_FROM, len(waiting) // size))]
    expected, slots = [reader.expect(one) for one in looked_at], min(reader.concurrency, requests)
    used = fmean(one.input_tokens + one.output_tokens for one in expected)
    usd = fmean(one.usd for one in expected)
    return Estimate(
        what=what,
        calls_low=requests,
        calls_high=math.ceil(requests * 1.3),
        tokens_low=round(requests * used * 0.6),
        tokens_high=round(requests * used * 1.6),
        usd_low=requests * usd * 0.6,
        usd_high=requests * usd * 1.6 + max(map(reader.most_usd, looked_at)),
        minutes_low=requests * 1.0 / slots / 60,
        minutes_high=(requests / slots + 1) * 10.0 / 60,
        notes=(
            "This is a guess from the length of a few requests. Say 'undo' to bring back whatever the rule rejects.",
        ),
    )


def start(catalog: Catalog, project: Project, rule: Rule, max_usd: float, max_minutes: float) -> Job | None:
    """Put the rule in force and have the teacher judge what nobody has looked at; None when there is nothing."""
    waiting = tuple(one.id for one in catalog.each(Sample, project.id) if unseen(one))
    confirmed = rule.but(state="confirmed", judge="teacher", enforced_at=now())
    if not waiting:
        catalog.add_all([screening_of(rule, rule.id, proposed=rule)], changed=[confirmed])
        return None
    order = ScreeningOrder(rule_id=rule.id, samples=waiting, max_usd=max_usd, max_minutes=max_minutes)
    catalog.save(confirmed)  # before the job looks at it
    try:
        job = jobs.launch(catalog, project, order)
    except RetortError:
        catalog.save(rule)
        raise
    catalog.add(screening_of(rule, job.id, proposed=rule))
    return job


def run(work: Work) -> str:
    """The job. A resumed one goes on with the samples that have no verdict yet.

    Raises Stopped when asked to stop or when money or minutes are used up, RetortError when the teacher cannot go on.
    """
    order, catalog = work.job.order, work.catalog
    if not isinstance(order, ScreeningOrder):
        raise TypeError(f"{work.job.id} is no screening order but {order.kind}")
    rule = catalog.get(Rule, order.rule_id)
    if rule.state != "confirmed":
        raise RetortError(f"The rule {rule.text!r} was withdrawn, so it screens nothing.", "Confirm it again.")
    bill = Verdicts.of_job(catalog, work.project.id, work.job.id)
    answers = (one for one in catalog.each(Answer, work.project.id) if one.job_id == work.job.id)
    judged = {id_ for answer in answers for id_ in answer.judged}
    left = _still_unseen(catalog, [id_ for id_ in order.samples if id_ not in judged])
    order = order.model_copy(update={"samples": (*judged, *(one.id for one in left))})

    def report(_kept: Kept | None = None) -> None:
        told = [*engine.retries, f"{bill.rejected} rejected by the rule"]
        work.report(bill.done, order.count, "samples", "; ".join(told))

    reader = Reader(settings().teachers[0])
    screener = Screener(catalog, work.project, reader, rule, left, work.job.id)
    engine = Engine([reader], screener, order, bill, should_stop=work.should_stop, stored=report, retrying=report)
    report()
    try:
        asyncio.run(engine.run())
    except Stopped as stopped:
        raise Stopped(f"{stopped}. {_told(bill, order.count, rule)}; say 'resume' to continue from there.") from None
    return f"{_told(bill, order.count, rule)}. Say 'undo' to withdraw the rule and restore them."


class Verdicts(Bill):
    """The bill of a screening: a verdict counts, whichever way it went."""

    @property
    def done(self) -> int:
        return self.good + self.rejected

    def add(self, kept: Kept) -> None:
        super().add(kept)
        self.barren = 0 if kept.answer.judged else self.barren


class Screener:
    """Asks about samples that nobody has looked at, and rejects those that the rule finds bad."""

    done = "judged"
    when_barren = (
        "Choose another teacher with RETORT_TEACHER_MODEL, then say 'resume'; or say 'undo' to withdraw the rule."
    )

    def __init__(  # noqa: PLR0917  of one screening, built in two places
        self,
        catalog: Catalog,
        project: Project,
        reader: Reader,
        rule: Rule,
        samples: Iterable[Sample],
        job_id: str = "",
    ) -> None:
        self.catalog = catalog
        self.project = project
        self.reader = reader
        self.rule = rule
        self.job_id = job_id
        self._showing = Showing(catalog, project)
        self._waiting = deque(samples)
        self._asked: dict[int, list[Sample]] = {}

    def request(self, number: int, count: int, teacher: Teacher | None = None) -> TeacherRequest:
        some = [self._waiting.popleft() for _ in range(count)]
        self._asked[number] = some
        examples = [Example(input=one.question, output=one.answer) for one in some]
        return TeacherRequest(
            task=self.project.task,
            number=number,
            first=0,
            count=count,
            rules=(self._showing.rule(self.rule),),
            screened=tuple(map(self._showing.example, examples)),
        )

    def keep(self, some: Sequence[Finished], limit: int) -> list[Kept]:
        """Store the verdicts. A sample that somebody judged meanwhile keeps that judgement."""
        return [self._kept(finished) for finished in some]

    def pay(self, usages: Sequence[Usage], source: str) -> None:
        """Book what requests cost that did not come to their end."""
        self.catalog.add_all([expense for usage in usages for expense in self._paid(usage)])

    def _kept(self, finished: Finished) -> Kept:
        asked = self._asked.pop(finished.request.number)
        if finished.state != "usable":
            self._waiting.extend(asked)
        bad: list[Sample] = []
        passed: list[Sample] = []
        before: list[Sample] = []
        for sample, drafted in zip(asked, finished.samples, strict=finished.state == "usable"):
            current = _still_unseen(self.catalog, [sample.id])
            if drafted.problem and current:
                before += current
                bad.append(rejected(current[0], self.rule, drafted.problem))
            else:
                passed.append(sample)
        answer = answer_of(finished, self.project, self.job_id, self.reader.source).but(
            good=len(passed),
            rejected=len(bad),
            judged=tuple(one.id for one in asked) if finished.state == "usable" else (),
        )
        history = [screening_of(self.rule, self.job_id, before)] if before else []
        self.catalog.add_all([*history, *self._paid(finished.usage), answer], changed=bad)
        return Kept(answer=answer, usage=finished.usage, good=tuple(passed), rejected=tuple(bad))

    def _paid(self, usage: Usage) -> list[Expense]:
        return expenses(self.project, self.job_id, usage, f"screening by {self.reader.source}")


def _still_unseen(catalog: Catalog, ids: Sequence[str]) -> list[Sample]:
    found: list[Sample] = []
    for id_ in ids:
        try:
            found.append(catalog.get(Sample, id_))
        except NotFound:
            continue
    return [one for one in found if unseen(one)]


def _told(bill: Bill, count: int, rule: Rule) -> str:
    costs = f" ({', '.join(bill.costs)})" if bill.costs else ""
    return (
        f"{bill.rejected} of {count} samples that you had not reviewed are now rejected by the rule "
        f"“{rule.text}”{costs}"
    )

"""From a teacher's samples to stored ones: what is asked, what is judged, what is written in one transaction."""

import hashlib
import random
from collections.abc import Sequence

from tools.catalog import Catalog
from tools.documents.finding import current_passages
from tools.records import (
    Aim,
    Answer,
    AnswerState,
    Example,
    Expense,
    Message,
    Project,
    Record,
    Sample,
    SampleState,
    Value,
    new_id,
)
from tools.synthesis.checks import check, check_quote, duplicate_key
from tools.synthesis.instructions import system_prompt
from tools.synthesis.teaching import Drafted, Teacher, TeacherRequest, Usage
from tools.synthesis.variety import cell

SHOTS = 4  # approved samples shown to a teacher
KEPT_TEXT = 4000  # characters of an answer set aside that are kept for a person to look at


class Finished(Value):
    """A request that has come to its end, not yet judged or stored."""

    request: TeacherRequest
    samples: tuple[Drafted, ...] = ()
    state: AnswerState = "usable"
    problem: str = ""
    text: str = ""
    usage: Usage = Usage()
    calls: int = 0
    seconds: float = 0.0


class Kept(Value):
    """What is stored of one finished request."""

    answer: Answer
    usage: Usage
    good: tuple[Sample, ...] = ()
    rejected: tuple[Sample, ...] = ()

    @property
    def reason(self) -> str:
        """Why nothing, or less than asked, came of it."""
        if self.answer.problem or self.rejected:
            return self.answer.problem or self.rejected[-1].reason
        return "the inputs repeat what is there" if self.answer.duplicates else ""


class Maker:
    """Asks for one project's samples and stores what comes, each input once."""

    def __init__(
        self,
        catalog: Catalog,
        project: Project,
        teacher: Teacher,
        *,
        seed: str,
        state: SampleState,
        job_id: str = "",
        like: Sample | None = None,
        aim: Aim | None = None,
    ) -> None:
        self.catalog = catalog
        self.project = project
        self.teacher = teacher
        self.seed = seed
        self.state = state
        self.job_id = job_id
        self.like = Example(input=like.question, output=like.answer) if like else None
        self.aim = aim
        aimed = [catalog.get(Sample, id_) for id_ in aim.examples] if aim else []
        self._aimed = [Example(input=one.question, output=one.answer) for one in aimed]
        self.prompt = system_prompt(project.task)
        self.passages = current_passages(catalog, project) if teacher.reads_documents else []
        if aim:  # only what train rows rest on: other documents may be those of dev or the test
            grounds = {one.document_id for one in aimed}
            self.passages = [one for one in self.passages if one.document_id in grounds]
        self._keys: set[bytes] = set()
        self._shots = [*project.task.examples, *self._aimed]
        for sample in catalog.each(Sample, project.id):
            self._keys.add(_key(sample.question))
            if sample.state in ("approved", "edited") and not sample.job_id and not aim:
                self._shots.append(Example(input=sample.question, output=sample.answer))

    def request(self, number: int, count: int) -> TeacherRequest:
        """Request `number` of the job: another cell, other examples, the next passage."""
        rng = random.Random(f"{self.seed}/request/{number}")
        return TeacherRequest(
            task=self.project.task,
            number=number,
            first=number * self.teacher.samples_per_request,
            count=count,
            variety=cell(number, self.seed) + (f"; case: {self.aim.focus}" if self.aim else ""),
            passage=self.passages[number % len(self.passages)] if self.passages else None,
            examples=tuple(rng.sample(self._shots, min(SHOTS, len(self._shots)))),
            like=self._aimed[number % len(self._aimed)] if self._aimed else self.like,
        )

    def keep(self, some: Sequence[Finished], limit: int) -> list[Kept]:
        """Judge and store finished requests with what they cost, all in one transaction.

        At most `limit` good samples are taken, counted over all of them; the rest is dropped unseen.
        """
        kept: list[Kept] = []
        left = limit
        for finished in some:
            one = self._judged(finished, left)
            left -= len(one.good)
            kept.append(one)
        records: list[Record] = []
        for one in kept:
            records += [*one.good, *one.rejected, *self._expense(one.usage), one.answer]
        self.catalog.add_all(records)
        return kept

    def pay(self, usages: Sequence[Usage]) -> None:
        """Book what requests cost that did not come to their end; they will be asked again."""
        self.catalog.add_all([expense for usage in usages for expense in self._expense(usage)])

    def _judged(self, finished: Finished, limit: int) -> Kept:
        good: list[Sample] = []
        rejected: list[Sample] = []
        duplicates = 0
        for drafted in finished.samples:
            if len(good) >= limit:
                break
            key = _key(drafted.input)
            if key and key in self._keys:
                duplicates += 1
                continue
            sample = self._sample(finished.request, drafted)
            (rejected if sample.state == "rejected" else good).append(sample)
            self._keys.add(key)
        answer = Answer(
            id=new_id("answer"),
            owner=self.catalog.owner,
            project_id=self.project.id,
            job_id=self.job_id,
            number=finished.request.number,
            source=self.teacher.source,
            state=finished.state,
            good=len(good),
            rejected=len(rejected),
            duplicates=duplicates,
            calls=finished.calls,
            seconds=finished.seconds,
            problem=finished.problem,
            text=finished.text[:KEPT_TEXT],
        )
        return Kept(answer=answer, usage=finished.usage, good=tuple(good), rejected=tuple(rejected))

    def _sample(self, request: TeacherRequest, drafted: Drafted) -> Sample:
        """The sample, rejected with its reason when a check fails."""
        passage = request.passage
        sample = Sample(
            id=new_id("sample"),
            owner=self.catalog.owner,
            project_id=self.project.id,
            messages=(
                Message(role="system", content=self.prompt),
                Message(role="user", content=drafted.input),
                Message(role="assistant", content=drafted.output),
            ),
            state=self.state,
            split="train" if self.aim else "",
            source=f"{self.teacher.source}:{drafted.style}" if drafted.style else self.teacher.source,
            job_id=self.job_id,
            document_id=passage.document_id if passage else "",
            passage_id=passage.id if passage else "",
            quote=drafted.quote if passage else "",
        )
        reason = check(self.project.task, sample) or (check_quote(sample, passage) if passage else "")
        return sample.but(state="rejected", reason=reason) if reason else sample

    def _expense(self, usage: Usage) -> list[Expense]:
        if not (usage.input_tokens or usage.output_tokens):
            return []
        expense = Expense(
            id=new_id("expense"),
            owner=self.catalog.owner,
            project_id=self.project.id,
            job_id=self.job_id,
            kind="teacher",
            usd=usage.usd,
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            what=f"samples by {self.teacher.source}",
        )
        return [expense]


def _key(text: str) -> bytes:
    """The input's duplicate key in 12 bytes: among a million inputs a false meeting has odds of 1 in 10^17."""
    key = duplicate_key(text)
    return hashlib.blake2b(key.encode(), digest_size=12).digest() if key else b""

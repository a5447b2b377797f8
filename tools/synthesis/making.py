"""From a teacher's samples to stored ones: what is asked, what is judged, what is written in one transaction."""

import math
import random
from collections import Counter
from collections.abc import Sequence

from tools.catalog import Catalog
from tools.documents.passages import current_passages
from tools.errors import RetortError
from tools.records import (
    NO_CARE,
    Aim,
    Answer,
    AnswerState,
    Care,
    Document,
    Example,
    Expense,
    Passage,
    Project,
    Record,
    Sample,
    SampleState,
    Task,
    Value,
    Way,
    new_id,
)
from tools.synthesis.check.judging import Judge
from tools.synthesis.check.rules import in_force
from tools.synthesis.check.shelf import Shelf
from tools.synthesis.request.coverage import Spread
from tools.synthesis.request.drawing import Recorder
from tools.synthesis.request.framing import asked
from tools.synthesis.request.showing import Showing
from tools.synthesis.request.sources import Sources
from tools.synthesis.yields import Yields
from tools.teacher.protocol import Drafted, Teacher, TeacherRequest, Usage
from tools.text.same_input import input_key

VOTED = ("extraction", "classification", "calling")  # answers that are equal or not
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
        return "the inputs repeat what is already there" if self.answer.duplicates else ""


class Maker:
    """Asks for one project's samples and stores what comes, each input once."""

    done = "made"
    when_barren = (
        "Go on with these samples; or give more or different examples or a broader description of "
        "the task, then generate again."
    )

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
        care: Care = NO_CARE,
        count: int = 0,
    ) -> None:
        """`teacher` is the first of those who are asked; `count` is how many samples the job makes in all;
        0 asks it for nothing but whole samples."""
        self.catalog = catalog
        self.project = project
        self.teacher = teacher
        self.seed = seed
        self.state = state
        self.job_id = job_id
        self.like = Example(input=like.question, output=like.answer) if like else None
        self.aim = aim
        aimed = [catalog.get(Sample, id_) for id_ in aim.examples] if aim else []
        self._aimed = [Example(input=asked(one.question), output=one.answer) for one in aimed]
        self.care = care
        _need_votes(project.task, care)
        rules = in_force(catalog, project)
        self._showing = Showing(catalog, project)
        self.judge = Judge(
            project,
            source=teacher.source,
            state=state,
            split="train" if aim else "",
            job_id=job_id,
            sealed=self._showing.sealed,
            rules=[one for one in rules if one.judge == "code"],
            real=[one.id for one in catalog.find(Document, project.id) if one.split == "real"],
        )
        self._rules = tuple(map(self._showing.rule, rules))
        self._critique = care.critique or any(one.judge == "teacher" for one in rules)
        self._inputs = Shelf()  # by what makes two of them the same
        self._shots = [*project.task.examples, *self._aimed]
        # Only what train rows rest on may be aimed with: other documents may be those of dev or the test.
        self._learn(grounds={one.document_id for one in aimed} if aim else None)
        ways = self._recorder.ways() if self._recorder and count else ("whole",)
        answers = catalog.each(Answer, project.id) if job_id else ()
        self.yields = Yields(
            ways,
            requests=math.ceil(count / teacher.samples_per_request),
            answers=(one for one in answers if one.job_id == job_id),
        )

    def _learn(self, grounds: set[str] | None) -> None:
        """Look once at every sample there is: what may not come again, what may be shown, what is lacking."""
        task = self.project.task
        cells: Counter[tuple[str, str]] = Counter()
        made: Counter[str] = Counter()  # by passage; one with rejected samples only stands there with 0
        for sample in self.catalog.each(Sample, self.project.id):
            self._note(input_key(sample.messages))
            made[sample.passage_id] += sample.state != "rejected"
            if sample.state == "rejected":
                continue
            self.judge.learn(sample)
            if sample.job_id != self.job_id or not self.job_id:
                cells.update(sample.cell.items())
            may_be_shown = sample.state != "draft" and not sample.job_id and self.aim is None and not sample.real
            if may_be_shown and not self.judge.leaks(sample):
                self._shots.append(Example(input=asked(sample.question), output=sample.answer))
        passages = current_passages(self.catalog, self.project) if self.teacher.reads_documents else []
        self.sources = Sources(
            self.catalog.find(Document, self.project.id),
            [one for one in passages if grounds is None or one.document_id in grounds],
            made=made,
            cap=self.care.per_document,
        )
        self._spread = Spread(task, self.seed, cells)
        # What rests on a passage, resembles a sample or is voted on is the teacher's to write whole.
        whole = self.like or self.aim or self.care.answers_each > 1 or self.sources.grounded
        self._recorder = None if whole or not self.teacher.reads_documents else Recorder(task, self.seed)

    def request(self, number: int, count: int, teacher: Teacher | None = None) -> TeacherRequest:
        """Request `number` of the job for `count` samples or fewer: another cell, other examples, the next passage.

        The user's unlabelled inputs come first. Raises RetortError when there is no passage and there must be one.
        """
        rng = random.Random(f"{self.seed}/request/{number}")
        like = self._aimed[number % len(self._aimed)] if self._aimed else self.like
        inputs = () if like else self.sources.unlabelled(count)
        passage, count = (None, count) if inputs else self.sources.next(count)
        if self.project.task.kind == "answering" and passage is None and not inputs:
            raise RetortError(
                "There is no document to answer questions from.", "Drop a document into the chat, then generate again."
            )
        shots = rng.sample(self._shots, min(SHOTS, len(self._shots)))
        source = (teacher or self.teacher).source
        request = TeacherRequest(
            task=self.project.task,
            number=number,
            source=source,
            first=number * self.teacher.samples_per_request,
            count=count,
            cell=self._cell(number, passage) if not inputs else {},
            passage=passage and self._showing.passage(passage),
            inputs=tuple(map(self._showing.passage, inputs)),
            examples=tuple(map(self._showing.example, shots)),
            like=like and self._showing.example(like),
            answers_each=self.care.answers_each,
            critique=self._critique,
            rules=self._rules,
        )
        return self.put(request, "whole" if inputs else self.yields.way(source, number))

    def put(self, request: TeacherRequest, way: Way) -> TeacherRequest:
        """The request put this way, where code can draw the records that its cell wants."""
        if way == "whole" or self._recorder is None or request.inputs:
            return request
        records = self._recorder.records(request.number, request.count, request.cell)
        return request.model_copy(update={"way": way, "records": records}) if records else request

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
            records += [*one.good, *one.rejected, *self._paid(one.usage, one.answer.source), one.answer]
        self.catalog.add_all(records)
        for one in kept:
            self.yields.note(one.answer)
        return kept

    def pay(self, usages: Sequence[Usage], source: str) -> None:
        """Book what requests cost that did not come to their end; they will be asked again."""
        self.catalog.add_all([expense for usage in usages for expense in self._paid(usage, source)])

    def _paid(self, usage: Usage, source: str) -> list[Expense]:
        return expenses(self.project, self.job_id, usage, f"samples by {source}")

    def _judged(self, finished: Finished, limit: int) -> Kept:
        good: list[Sample] = []
        rejected: list[Sample] = []
        duplicates = 0
        for drafted in finished.samples:
            if len(good) >= limit:
                break
            made = self.judge.made(finished.request, drafted, self.sources.passages)
            key = input_key(made.messages)
            if key and not made.real and key in self._inputs.find([hash(key)]):
                duplicates += 1
                continue
            sample = self.judge.judged(made, drafted, self.sources.passages)
            (rejected if sample.state == "rejected" else good).append(sample)
            self._note(key)
        if finished.request.passage is not None:
            self.sources.missed(finished.request.passage, finished.request.count - len(good))
        answer = answer_of(finished, self.project, self.job_id, finished.request.source or self.teacher.source).but(
            good=len(good), rejected=len(rejected), duplicates=duplicates
        )
        return Kept(answer=answer, usage=finished.usage, good=tuple(good), rejected=tuple(rejected))

    def _note(self, key: str) -> None:
        if key:
            self._inputs.add(key, [hash(key)])

    def _cell(self, number: int, passage: Passage | None) -> dict[str, str]:
        """The plan's next cell; of the languages wanted a passage is asked about in its own."""
        aimed = {"case": self.aim.focus} if self.aim else {}
        wanted = self.project.task.coverage.languages
        spoken = {"language": passage.language} if passage and passage.language in wanted else {}
        return {**self._spread.cell(number), **spoken, **aimed}


def _need_votes(task: Task, care: Care) -> None:
    """Raise RetortError where a vote over several answers would throw nearly all away: no two texts are the same."""
    if care.answers_each > 1 and task.kind not in VOTED:
        raise RetortError(
            f"{care.answers_each} answers to an input are compared by exactly what they say, and no "
            "two free texts are the same.",
            "Leave the number of answers out, or say 'generate 300 with a critique', so that the "
            "teacher judges each sample.",
        )


def answer_of(finished: Finished, project: Project, job_id: str, source: str) -> Answer:
    """What became of the request, before any of its samples was counted."""
    return Answer(
        id=new_id("answer"),
        owner=project.owner,
        project_id=project.id,
        job_id=job_id,
        number=finished.request.number,
        source=source,
        way=finished.request.way,
        state=finished.state,
        calls=finished.calls,
        seconds=finished.seconds,
        problem=finished.problem,
        text=finished.text[:KEPT_TEXT],
    )


def expenses(project: Project, job_id: str, usage: Usage, what: str) -> list[Expense]:
    """What a teacher's answers cost, when they cost anything."""
    if not (usage.input_tokens or usage.output_tokens):
        return []
    spent = usage.model_dump()
    return [
        Expense(
            id=new_id("expense"),
            owner=project.owner,
            project_id=project.id,
            job_id=job_id,
            kind="teacher",
            what=what,
            **spent,
        )
    ]

"""From a teacher's samples to stored ones: what is asked, what is judged, what is written in one transaction."""

import random
from collections import Counter
from collections.abc import Sequence

from tools.catalog import Catalog
from tools.documents.finding import current_passages
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
    Message,
    Passage,
    Project,
    Record,
    Sample,
    SampleState,
    Task,
    Value,
    new_id,
)
from tools.synthesis.coverage import Spread
from tools.synthesis.framing import asked, said
from tools.synthesis.judging import Judge
from tools.synthesis.likeness import exact_key
from tools.synthesis.rules import in_force
from tools.synthesis.shelf import Shelf
from tools.synthesis.showing import Showing
from tools.synthesis.sources import Sources
from tools.synthesis.teaching import Drafted, Teacher, TeacherRequest, Usage

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
        return "the inputs repeat what is there" if self.answer.duplicates else ""


class Maker:
    """Asks for one project's samples and stores what comes, each input once."""

    done = "made"
    when_barren = (
        "Go on with these, give more or other examples, or describe the task more widely; then generate again."
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
        )
        self._rules = tuple(map(self._showing.rule, rules))
        self._critique = care.critique or any(one.judge == "teacher" for one in rules)
        self._inputs = Shelf()  # by what makes two of them the same
        self._shots = [*project.task.examples, *self._aimed]
        # Only what train rows rest on may be aimed with: other documents may be those of dev or the test.
        self._learn(grounds={one.document_id for one in aimed} if aim else None)

    def _learn(self, grounds: set[str] | None) -> None:
        """Look once at every sample there is: what may not come again, what may be shown, what is lacking."""
        task = self.project.task
        cells: Counter[tuple[str, str]] = Counter()
        made: Counter[str] = Counter()  # by passage; one with rejected samples only stands there with 0
        for sample in self.catalog.each(Sample, self.project.id):
            self._note(exact_key(said(sample.messages)))
            made[sample.passage_id] += sample.state != "rejected"
            if sample.state == "rejected":
                continue
            self.judge.learn(sample)
            if sample.job_id != self.job_id or not self.job_id:
                cells.update(sample.cell.items())
            may_be_shown = sample.state != "draft" and not sample.job_id and self.aim is None
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

    def request(self, number: int, count: int) -> TeacherRequest:
        """Request `number` of the job for `count` samples or fewer: another cell, other examples, the next passage.

        The user's unlabelled inputs come first. Raises RetortError when there is no passage and there must be one.
        """
        rng = random.Random(f"{self.seed}/request/{number}")
        like = self._aimed[number % len(self._aimed)] if self._aimed else self.like
        inputs = () if like else self.sources.unlabelled(count)
        passage, count = (None, count) if inputs else self.sources.next(count)
        if self.project.task.kind == "answering" and passage is None and not inputs:
            raise RetortError(
                "There is no document to answer questions from.", "Drop one into the chat, then generate again."
            )
        shots = rng.sample(self._shots, min(SHOTS, len(self._shots)))
        return TeacherRequest(
            task=self.project.task,
            number=number,
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
            records += [*one.good, *one.rejected, *self._paid(one.usage), one.answer]
        self.catalog.add_all(records)
        return kept

    def pay(self, usages: Sequence[Usage]) -> None:
        """Book what requests cost that did not come to their end; they will be asked again."""
        self.catalog.add_all([expense for usage in usages for expense in self._paid(usage)])

    def _paid(self, usage: Usage) -> list[Expense]:
        return expenses(self.project, self.job_id, usage, f"samples by {self.teacher.source}")

    def _judged(self, finished: Finished, limit: int) -> Kept:
        good: list[Sample] = []
        rejected: list[Sample] = []
        duplicates = 0
        for drafted in finished.samples:
            if len(good) >= limit:
                break
            key = exact_key(said((*drafted.history, Message(role="user", content=drafted.input))))
            if key and key in self._inputs.find([hash(key)]):
                duplicates += 1
                continue
            sample = self.judge.sample(finished.request, drafted, self.sources.passages)
            (rejected if sample.state == "rejected" else good).append(sample)
            self._note(key)
        if finished.request.passage is not None:
            self.sources.missed(finished.request.passage, finished.request.count - len(good))
        answer = answer_of(finished, self.project, self.job_id, self.teacher.source).but(
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
            f"{care.answers_each} answers to an input are compared by what they say exactly, and in free text no two "
            "are the same.",
            "Leave the answers out, or say 'generate … with a critique': the teacher then judges each sample.",
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

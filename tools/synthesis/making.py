"""From a teacher's replies to stored samples: what is asked, what is judged, what is written in one transaction."""

import random

from tools.catalog import Catalog
from tools.documents.finding import current_passages
from tools.records import Example, Expense, Message, Project, Sample, SampleState, Value, new_id
from tools.synthesis.checks import check, check_quote, duplicate_key
from tools.synthesis.instructions import system_prompt
from tools.synthesis.teaching import Drafted, Teacher, TeacherReply, TeacherRequest
from tools.synthesis.variety import cell

SHOTS = 4  # approved samples shown to a teacher


class Kept(Value):
    """What became of one reply."""

    good: tuple[Sample, ...] = ()
    rejected: tuple[Sample, ...] = ()
    duplicates: int = 0
    problem: str = ""

    @property
    def reason(self) -> str:
        """Why nothing, or less than asked, came of it."""
        if self.problem or self.rejected:
            return self.problem or self.rejected[-1].reason
        return "the inputs repeat what is there" if self.duplicates else ""


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
    ) -> None:
        self.catalog = catalog
        self.project = project
        self.teacher = teacher
        self.seed = seed
        self.state = state
        self.job_id = job_id
        self.like = Example(input=like.question, output=like.answer) if like else None
        self.prompt = system_prompt(project.task)
        self.passages = current_passages(catalog, project) if teacher.reads_documents else []
        samples = catalog.find(Sample, project.id)
        self.own = [sample for sample in samples if job_id and sample.job_id == job_id]
        self._keys = {duplicate_key(sample.question) for sample in samples}
        approved = [sample for sample in samples if sample.state in ("approved", "edited") and not sample.job_id]
        self._shots = [*project.task.examples, *(Example(input=one.question, output=one.answer) for one in approved)]

    def request(self, number: int, first: int, count: int) -> TeacherRequest:
        """Request `number`, for samples `first` and on: another cell, other examples, the next passage."""
        rng = random.Random(f"{self.seed}/request/{number}")
        return TeacherRequest(
            task=self.project.task,
            first=first,
            count=count,
            variety=cell(number, self.seed),
            passage=self.passages[number % len(self.passages)] if self.passages else None,
            examples=tuple(rng.sample(self._shots, min(SHOTS, len(self._shots)))),
            like=self.like,
        )

    def keep(self, request: TeacherRequest, reply: TeacherReply, limit: int) -> Kept:
        """Judge and store a reply, at most `limit` good samples, together with what it cost: all or nothing."""
        good: list[Sample] = []
        rejected: list[Sample] = []
        duplicates = 0
        for drafted in reply.samples:
            if len(good) == limit:
                break
            key = duplicate_key(drafted.input)
            if key and key in self._keys:
                duplicates += 1
                continue
            sample = self._judged(request, drafted)
            (rejected if sample.state == "rejected" else good).append(sample)
            self._keys.add(key)
        self.catalog.add_all([*good, *rejected, *self._expense(reply)])
        return Kept(good=tuple(good), rejected=tuple(rejected), duplicates=duplicates, problem=reply.problem)

    def _judged(self, request: TeacherRequest, drafted: Drafted) -> Sample:
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
            source=f"{self.teacher.source}:{drafted.style}" if drafted.style else self.teacher.source,
            job_id=self.job_id,
            document_id=passage.document_id if passage else "",
            passage_id=passage.id if passage else "",
            quote=drafted.quote if passage else "",
        )
        reason = check(self.project.task, sample) or (check_quote(sample, passage) if passage else "")
        return sample.but(state="rejected", reason=reason) if reason else sample

    def _expense(self, reply: TeacherReply) -> list[Expense]:
        usage = reply.usage
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
            output_tokens=usage.output_tokens,
            what=f"samples by {self.teacher.source}",
        )
        return [expense]

"""Where a project stands: one typed look at the catalog, for the model's prompt, the guide and the page."""

from typing import Literal

from pydantic import Field

from tools import jobs
from tools.catalog import Catalog
from tools.dataset.real import TYPED, is_blank
from tools.dataset.tally import by_voucher, in_counts, sorts
from tools.records import (
    Answer,
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Evaluation,
    Expense,
    Job,
    Project,
    Run,
    Sample,
    Task,
    Value,
)
from tools.settings import settings
from tools.simulator.simulator import KINDS
from tools.simulator.variation import short_of

SIMULATOR = "simulator"
NEWEST = 8  # records of a kind that a status carries; older ones are found by id


class ProjectStatus(Value):
    """Everything that decides what can be done next."""

    project_id: str
    name: str
    goal: str
    task: Task
    missing: tuple[str, ...]
    student: str
    teacher: str = Field(description=f"The teacher's model; {SIMULATOR!r} without one.")
    documents: int
    passages: int
    scans: int = Field(description="Pages of documents that only OCR can read.")
    samples: dict[str, int]
    vouched: dict[str, int] = Field({}, description="Usable samples by who says that they are good.")
    real: int = Field(0, description="Samples among them that are real messages with an answer: never trained on.")
    blank: int = Field(0, description="Real messages whose answer the user is to give.")
    answers: dict[str, int] = Field(description="The teacher's answers by state; only usable answers gave samples.")
    datasets: tuple[Dataset, ...]
    runs: tuple[Run, ...]
    checkpoints: tuple[Checkpoint, ...]
    evaluations: tuple[Evaluation, ...]
    deployments: tuple[Deployment, ...]
    active_jobs: tuple[Job, ...]
    last_ended: Job | None
    usd: float
    compute_s: float

    @property
    def usable(self) -> int:
        """Samples that may be trained on."""
        return self.samples.get("approved", 0) + self.samples.get("edited", 0) - self.real

    @property
    def lacking(self) -> Literal["", "teacher", "examples"]:
        """What samples cannot be written without; '' when nothing lacks, or the kind is not known."""
        if self.teacher != SIMULATOR or self.task.kind is None:
            return ""
        if self.task.kind not in KINDS:
            return "teacher"
        return "examples" if self.task.kind == "classification" and short_of(self.task) else ""

    @property
    def dataset(self) -> Dataset | None:
        return self.datasets[-1] if self.datasets else None

    @property
    def run(self) -> Run | None:
        return self.runs[-1] if self.runs else None

    @property
    def live(self) -> tuple[Deployment, ...]:
        """Deployments that serve or are about to."""
        return tuple(one for one in self.deployments if one.state in ("starting", "serving"))


def status(catalog: Catalog, project: Project) -> ProjectStatus:
    """Read the project's state; a job whose process is gone is told as died."""
    working = jobs.active(catalog, project.id)
    ended = catalog.find(Job, project.id, states=("done", "stopped", "failed", "died"), newest=1)
    expenses = catalog.find(Expense, project.id)
    runs = catalog.find(Run, project.id, newest=NEWEST)
    documents = [one for one in catalog.find(Document, project.id) if one.state != "replaced"]
    typed = sorts(catalog, project.id, TYPED)
    drafts = catalog.find(Sample, project.id, states=("draft",), where=TYPED) if typed else []
    return ProjectStatus(
        project_id=project.id,
        name=project.name,
        goal=project.goal,
        task=project.task,
        missing=tuple(project.task.missing()),
        student=project.student,
        teacher=settings().teacher_model or SIMULATOR,
        documents=len(documents),
        passages=sum(one.passages for one in documents),
        scans=sum(len(one.scans) for one in documents),
        samples=catalog.count(Sample, project.id),
        vouched=by_voucher(catalog, project.id, real=False),
        real=sum(one.number for one in typed if one.state in ("approved", "edited")),
        blank=sum(is_blank(project.task, one) for one in drafts),
        answers=catalog.count(Answer, project.id),
        datasets=tuple(catalog.find(Dataset, project.id, newest=NEWEST)),
        runs=tuple(runs),
        checkpoints=tuple(catalog.find(Checkpoint, project.id, newest=4 * NEWEST)),
        evaluations=tuple(catalog.find(Evaluation, project.id, newest=4 * NEWEST)),
        deployments=tuple(catalog.find(Deployment, project.id, newest=NEWEST)),
        active_jobs=tuple(working),
        last_ended=ended[-1] if ended else None,
        usd=sum(expense.usd for expense in expenses),
        compute_s=sum(expense.seconds for expense in expenses if expense.kind == "compute"),
    )


def lines(found: ProjectStatus) -> list[str]:
    """The status as short lines, for the prompt and for a person."""
    task = found.task
    shape = ", ".join(field.outline for field in task.fields) or ", ".join(task.labels)
    told = [
        f"Project: {found.name}. Goal: {found.goal or 'not given yet'}",
        f"Task: {task.kind or 'kind unknown'}; inputs: {task.input_description or 'unknown'}; "
        f"{'answers: ' + shape + '; ' if shape else ''}language: {task.language or 'unknown'}.",
    ]
    if found.missing:
        told.append(f"The task still lacks: {', '.join(found.missing)}.")
    told.append(f"Teacher: {found.teacher}. Student: {found.student or 'the default for this machine'}.")
    if found.lacking:
        needs = {"teacher": "a teacher, or imported rows", "examples": "two examples of each label, or a teacher"}
        told.append(f"The simulator cannot write samples of this task: it needs {needs[found.lacking]}.")
    others = {state: number for state, number in sorted(found.samples.items()) if state in ("draft", "rejected")}
    counted = in_counts({**found.vouched, **others}) or "none"
    told.append(f"Documents: {found.documents}. Samples: {counted}.")
    if found.real or found.blank:
        waiting = f"; {found.blank} wait for their answers" if found.blank else ""
        told.append(f"Real messages, never trained on: {found.real}{waiting}.")
    if aside := [f"{number} {state}" for state, number in sorted(found.answers.items()) if state != "usable"]:
        told.append(f"Answers of the teacher that were set aside: {', '.join(aside)}.")
    told += [_dataset_line(one) for one in found.datasets[-1:]]
    told += [f"Run {run.id}: {run.state}." for run in found.runs[-2:]]
    told += [_checkpoint_line(one, found) for one in found.checkpoints[-6:]]
    told += [f"Deployment {one.id}: {one.state} at {one.url}." for one in found.live]
    told += [job_line(job) for job in found.active_jobs]
    told.append(f"Spent: ${found.usd:.2f} on teachers, {found.compute_s / 60:.1f} minutes of compute.")
    return told


def job_line(job: Job) -> str:
    """One sentence on a job: what, how far, how long."""
    progress = job.progress
    far = f" {progress.done:g} of {progress.total:g} {progress.unit}" if progress.total else ""
    left = f", about {max(1, round(progress.eta_s / 60))} min left" if progress.eta_s is not None else ""
    said = f" ({progress.message})" if progress.message else ""
    line = f"Job {job.id} ({job.order.kind}) is {job.state}{said}:{far}{left}.".replace(":.", ".").replace(":,", ",")
    return f"{line} {jobs.silence(job)}".rstrip()


def _dataset_line(dataset: Dataset) -> str:
    rows = ", ".join(f"{number} {split}" for split, number in dataset.rows.items())
    return f"Dataset version {dataset.version} ({dataset.id}): {rows} rows."


def _checkpoint_line(checkpoint: Checkpoint, found: ProjectStatus) -> str:
    scored = [one for one in found.evaluations if one.candidate == checkpoint.id and one.split == "test"]
    exact = f", exact match {scored[-1].scores.exact_match.share:.0%} on the sealed test" if scored else ""
    return f"Checkpoint {checkpoint.id}: step {checkpoint.step}, dev loss {checkpoint.dev_loss:.3f}{exact}."

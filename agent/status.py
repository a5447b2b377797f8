"""Where a project stands: one typed look at the catalog, for the model's prompt, the guide and the page."""

from pydantic import Field

from tools import jobs
from tools.catalog import Catalog
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

NEWEST = 8  # records of a kind that a status carries; older ones are found by id


class ProjectStatus(Value):
    """Everything that decides what can be done next."""

    project_id: str
    name: str
    goal: str
    task: Task
    missing: tuple[str, ...]
    student: str
    teacher: str
    documents: int
    passages: int
    scans: int = Field(description="Pages of documents that only OCR can read.")
    samples: dict[str, int]
    answers: dict[str, int] = Field(description="A teacher's answers by state; only usable ones gave samples.")
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
        return self.samples.get("approved", 0) + self.samples.get("edited", 0)

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
    ended = catalog.find(Job, project.id, states=("done", "stopped", "failed", "died"))
    expenses = catalog.find(Expense, project.id)
    runs = catalog.find(Run, project.id, newest=NEWEST)
    documents = [one for one in catalog.find(Document, project.id) if one.state != "replaced"]
    return ProjectStatus(
        project_id=project.id,
        name=project.name,
        goal=project.goal,
        task=project.task,
        missing=tuple(project.task.missing()),
        student=project.student,
        teacher=settings().teacher_model or "simulator",
        documents=len(documents),
        passages=sum(one.passages for one in documents),
        scans=sum(len(one.scans) for one in documents),
        samples=catalog.count(Sample, project.id),
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
        f"Project: {found.name}. Goal: {found.goal or 'not said yet'}",
        f"Task: {task.kind or 'kind unknown'}; inputs: {task.input_description or 'unknown'}; "
        f"{'answers: ' + shape + '; ' if shape else ''}language: {task.language or 'unknown'}.",
    ]
    if found.missing:
        told.append(f"The task still lacks: {', '.join(found.missing)}.")
    told.append(f"Teacher: {found.teacher}. Student: {found.student or 'the default for this machine'}.")
    counted = ", ".join(f"{number} {state}" for state, number in sorted(found.samples.items())) or "none"
    told.append(f"Documents: {found.documents}. Samples: {counted}.")
    if aside := [f"{number} {state}" for state, number in sorted(found.answers.items()) if state != "usable"]:
        told.append(f"Answers of the teacher set aside: {', '.join(aside)}.")
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

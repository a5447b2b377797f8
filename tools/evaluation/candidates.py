"""Who is asked: 'base', a checkpoint or a deployment, by name, with all that is needed to ask it."""

import hashlib
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_train
from tools.errors import NotFound, RetortError
from tools.evaluation.studies.ceiling import teacher_for_rows
from tools.files import is_complete
from tools.records import Checkpoint, Dataset, Deployment, Evaluation, Job, Message, Project, Run, Value
from tools.student.reference import default_student, short_name
from tools.synthesis.request.instructions import system_prompt

R = TypeVar("R", Checkpoint, Deployment)
UNTRAINED = ("base", "few-shot", "teacher")  # those that no run has made
SHOTS = 5  # examples of the few-shot candidate: answers of as many kinds as there are


class Candidate(Value):
    """One that answers: the base model, with or without examples, an adapter on it, an endpoint, or the teacher."""

    name: str  # 'base', 'few-shot', 'teacher', a checkpoint id or a deployment id
    label: str
    student: str
    precision: Literal["bf16", "fp32"] = "bf16"
    adapter: Path | None = None
    whole: Path | None = None  # a model of its own, all of whose weights were trained
    deployment: Deployment | None = None
    thinks: bool = False  # asked to begin with reasoning, as its training rows do
    shots: tuple[Message, ...] = ()  # turns put between the system prompt and the row's own

    @property
    def loads(self) -> str:
        """The reference of the model to load, on which an adapter may go."""
        return f"path:{self.whole}" if self.whole else self.student

    @property
    def file_name(self) -> str:
        """Its part of the answers' name; 'base' alone would not tell two students apart, nor 'few-shot' two sets."""
        if self.name not in UNTRAINED:
            return self.name
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", self.student.rpartition("/")[2]).strip("-.")
        shown = "".join(f" {shot.text}" for shot in self.shots)
        told = f"{self.student} {self.precision}{shown}{' thinks' if self.thinks else ''}"
        digest = hashlib.sha256(told.encode()).hexdigest()[:8]
        return f"{self.name}-{readable}-{digest}"

    def asked(self, row: Row) -> Row:
        """The row as this candidate is asked it."""
        if not self.shots:
            return row
        system = row.messages[:1] if row.messages[0].role == "system" else ()
        return row.model_copy(update={"messages": (*system, *self.shots, *row.messages[len(system) :])})


def find_candidate(catalog: Catalog, project: Project, name: str) -> Candidate:
    """The candidate called `name`; RetortError when it is unknown, incomplete or not being served."""
    if name == "base":
        return _base(catalog, project)
    if name == "few-shot":
        return _few_shot(catalog, project)
    if name == "teacher":
        return Candidate(name="teacher", label="teacher", student=teacher_for_rows().source)
    if name.startswith("deployment-"):
        return _served(catalog, project, name)
    checkpoint = _of_project(catalog, project, Checkpoint, name)
    folder = catalog.folder(project) / checkpoint.folder
    if not is_complete(folder):
        raise RetortError(
            f"The checkpoint {name} in {folder} is damaged or missing.",
            "Choose another checkpoint, or train again.",
        )
    run = catalog.get(Run, checkpoint.run_id)
    return Candidate(
        name=name,
        label=checkpoint_label(catalog, project, checkpoint),
        student=run.plan.student,
        precision=run.plan.precision,
        adapter=None if run.plan.method == "full" else folder,
        whole=folder if run.plan.method == "full" else None,
        thinks=_thinks(catalog, project, run),
    )


def find_candidates(catalog: Catalog, project: Project, names: tuple[str, ...]) -> list[Candidate]:
    """All of them in order; 'base' becomes one base for each student that the named checkpoints stand on."""
    others = [find_candidate(catalog, project, name) for name in dict.fromkeys(names) if name != "base"]
    if "base" not in names:
        return others
    trained = [one for one in others if one.adapter] or [one for one in others if one.name != "teacher"]
    stands_on = dict.fromkeys((one.student, one.precision) for one in trained)
    bases = [
        Candidate(name="base", label=label, student=student, precision=precision, thinks=_thinks(catalog, project))
        for (student, precision), label in zip(stands_on, _base_labels(list(stands_on)), strict=True)
    ]
    return [*(bases or [_base(catalog, project)]), *others]


def answers_path(dataset: Dataset, split: str, candidate: Candidate, job: Job | None) -> str:
    """Where its answers lie below the project folder. A server is asked afresh by every job, so each has a file."""
    asked_by = f"-{job.id}" if candidate.deployment and job else ""
    return f"evaluations/v{dataset.version}-{split}-{candidate.file_name}{asked_by}.jsonl"


def find_known(
    catalog: Catalog, dataset: Dataset, split: str, candidate: Candidate, job: Job | None = None
) -> Evaluation | None:
    """The evaluation that a candidate already has on this split; a served one only if this very job made it."""
    path = answers_path(dataset, split, candidate, job)
    if candidate.deployment and job is None:
        return None
    return next((one for one in catalog.find(Evaluation, dataset.project_id) if one.answers == path), None)


def base_student(catalog: Catalog, project: Project) -> str:
    """The student a base is taken from when no checkpoint says so: the last run's, the project's, the machine's."""
    runs = catalog.find(Run, project.id, newest=1)
    return runs[0].plan.student if runs else project.student or default_student()


def checkpoint_label(catalog: Catalog, project: Project, checkpoint: Checkpoint) -> str:
    """'step 60', or 'run 2, step 60' once the project has checkpoints of several runs."""
    runs = list(dict.fromkeys(one.run_id for one in catalog.find(Checkpoint, project.id)))
    step = f"step {checkpoint.step}"
    return step if len(runs) < 2 else f"run {runs.index(checkpoint.run_id) + 1}, {step}"


def prompt_for(catalog: Catalog, project: Project, name: str, text: str) -> tuple[Message, ...]:
    """The messages that ask a candidate about `text`, with the system prompt that it was trained with."""
    return (*_system(catalog, project, name), Message(role="user", content=text))


def _system(catalog: Catalog, project: Project, name: str) -> tuple[Message, ...]:
    checkpoint_id = name
    if name.startswith("deployment-"):
        checkpoint_id = _of_project(catalog, project, Deployment, name).checkpoint_id
    datasets = catalog.find(Dataset, project.id, newest=1)
    if checkpoint_id not in ("", *UNTRAINED):
        run = catalog.get(Run, _of_project(catalog, project, Checkpoint, checkpoint_id).run_id)
        datasets = [catalog.get(Dataset, run.dataset_id)]
    rows = read_train(catalog, datasets[0]) if datasets else []
    if not rows:
        return (Message(role="system", content=system_prompt(project.task)),)
    # Imported rows bring a system prompt of their own, or none: what the student saw in training is what counts.
    return tuple(message for message in rows[0].messages[:1] if message.role == "system")


def _base_labels(stands_on: list[tuple[str, Literal["bf16", "fp32"]]]) -> list[str]:
    if len(stands_on) == 1:
        return ["base"]
    return [f"base {short_name(student)} {precision}" for student, precision in stands_on]


def _base(catalog: Catalog, project: Project) -> Candidate:
    runs = catalog.find(Run, project.id, newest=1)
    precision = runs[0].plan.precision if runs else "bf16"
    student, thinks = base_student(catalog, project), _thinks(catalog, project)
    return Candidate(name="base", label="base", student=student, precision=precision, thinks=thinks)


def _thinks(catalog: Catalog, project: Project, run: Run | None = None) -> bool:
    """Whether one is asked to reason: as the rows of its run do, and a base as what was frozen last does."""
    found = catalog.named(Dataset, [run.dataset_id]) if run else catalog.find(Dataset, project.id, newest=1)
    return any(one.reasons for one in found)


def _few_shot(catalog: Catalog, project: Project) -> Candidate:
    """The base, shown examples of train: what can be had without training."""
    datasets = catalog.find(Dataset, project.id, newest=1)
    if not datasets:
        raise RetortError("There is no frozen dataset to take examples from.", "Say 'freeze' first.")
    shots = [message for row in _examples(read_train(catalog, datasets[0])) for message in row.messages]
    turns = tuple(message for message in shots if message.role != "system")
    return _base(catalog, project).model_copy(update={"name": "few-shot", "label": "few-shot", "shots": turns})


def _examples(train: Sequence[Row]) -> list[Row]:
    """A few rows of train, seeded, of no more than the usual length: one of each answer before a second of any."""
    drawn = sorted(train, key=lambda row: random.Random(f"shots/{row.id}").random())
    lengths = sorted(len(row.question) + len(row.answer) for row in train)
    short = [row for row in drawn if len(row.question) + len(row.answer) <= lengths[len(lengths) // 2]]
    fresh = list({row.answer: row for row in reversed(short)}.values())[::-1]
    return [*fresh, *(row for row in short if row not in fresh)][:SHOTS]


def _served(catalog: Catalog, project: Project, name: str) -> Candidate:
    deployment = _of_project(catalog, project, Deployment, name)
    if deployment.state != "serving":
        raise RetortError(
            f"{name} is {deployment.state}, so it cannot be asked.", "Deploy a checkpoint and wait until it serves."
        )
    if not deployment.checkpoint_id:
        return _base(catalog, project).model_copy(
            update={"name": name, "label": "served base", "deployment": deployment}
        )
    run = catalog.get(Run, _of_project(catalog, project, Checkpoint, deployment.checkpoint_id).run_id)
    thinks = _thinks(catalog, project, run)
    return Candidate(name=name, label="served", student=run.plan.student, deployment=deployment, thinks=thinks)


def _of_project(catalog: Catalog, project: Project, kind: type[R], id_: str) -> R:
    """A record of this project; another project's id answers like one that does not exist."""
    record = catalog.get(kind, id_)
    if record.project_id != project.id:
        raise NotFound(
            f"There is no {kind.__name__.lower()} {id_!r} in {project.name!r}.",
            "Ask for the status to see what exists.",
        )
    return record

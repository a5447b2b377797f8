"""Do a card's run again: the same samples give the same dataset, the same plan the same losses, or it is told."""

import shutil
from pathlib import Path

from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.errors import RetortError
from tools.evaluation.compare.run_card import RunCard
from tools.records import Checkpoint, Dataset, Policy, Project, Run, Sample, Value
from tools.settings import settings
from tools.training.starting import plan_run

CLOSE = 1e-4  # nats a token: on one kind of processor a replay is exact, between kinds rounding differs
STUDENTS = "students"  # the folder of fetched models, shared with the user's own home


class Replayed(Value):
    """How near the replay came."""

    same: bool
    largest_difference: float  # of a checkpoint's dev loss, nats a token
    sentence: str


def replay_home(card: RunCard) -> Path:
    """An empty home of its own for the replay: samples keep their ids, which are part of the dataset's hash."""
    home = settings().home_dir / "replays" / card.run.id
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    students = settings().home_dir / STUDENTS
    students.mkdir(exist_ok=True)
    (home / STUDENTS).symlink_to(students)
    return home


def lay_out(catalog: Catalog, card: RunCard, samples: list[Sample]) -> tuple[Project, Run]:
    """The card's project in an empty catalog: samples, the dataset frozen from them again, and the run planned.

    Raises RetortError when the samples do not give the card's dataset again.
    """
    id_ = card.run.project_id
    project = Project(
        id=id_,
        owner=catalog.owner,
        slug=id_,
        name=f"Replay of {card.project}",
        goal=card.goal,
        task=card.task,
        policy=Policy(copies="all"),  # what is there was let through
    )
    catalog.add(project)
    catalog.add_all([sample.but(owner=catalog.owner, project_id=id_) for sample in samples])
    return project, plan_run(catalog, project, _frozen(catalog, project, card.dataset), card.plan)


def judge(catalog: Catalog, card: RunCard, run: Run) -> Replayed:
    """Compare the checkpoints' dev losses with the card's. Raises RetortError when the replay has fewer."""
    made = {one.step: one.dev_loss for one in catalog.find(Checkpoint, run.project_id) if one.run_id == run.id}
    missing = [one.step for one in card.checkpoints if one.step not in made]
    if missing:
        raise RetortError(
            f"The replay has no checkpoint at step {missing[0]}.",
            "Set a longer time limit so that it can train to its end.",
        )
    largest = max(abs(made[one.step] - one.dev_loss) for one in card.checkpoints)
    same = largest <= CLOSE
    told = f"the dev losses of {len(card.checkpoints)} checkpoints differ by at most {largest:.1e} nats a token"
    verdict = (
        "the run is reproduced" if same else f"that is more than {CLOSE:.0e}, so the machine or the versions may differ"
    )
    return Replayed(same=same, largest_difference=largest, sentence=f"The dataset is the same, and {told}: {verdict}.")


def _frozen(catalog: Catalog, project: Project, wanted: Dataset) -> Dataset:
    """The dataset as it was: frozen by the defaults, or with the number of rows that was asked for then."""
    rows = wanted.rows
    for sizes in ({}, {"test_rows": rows["test"]}, {"dev_rows": rows["dev"], "test_rows": rows["test"]}):
        made = freeze(catalog, project, seed=wanted.seed, **sizes)
        if made.sha256 == wanted.sha256:
            return made
    raise RetortError(
        f"The {sum(rows.values())} samples of the card do not give its dataset again: the test split's hash is "
        f"{made.sha256['test'][:12]}, not {wanted.sha256['test'][:12]}.",
        "Use the version of Retort that the card names.",
    )

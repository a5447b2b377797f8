"""A run that goes on keeps what was learnt: its schedule, its patience and its diagnosis know the stretch."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.training.kills import small_plan, word_samples
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.splits import read_dev, read_train
from tools.jobs import wait
from tools.records import Checkpoint, Job, Plan, Project, Run, Sample
from tools.training.diagnosis import diagnose
from tools.training.estimate import estimate
from tools.training.monitor import Metric, dev_points, read_metrics, write_metrics
from tools.training.schedule import Stretch, counted, learning_rate, stalled
from tools.training.starting import continue_run, continued, plan_run, start

LIMIT_S = 400.0
FIRST, TURN, LAST = 60, 36, 180  # steps of an earlier run, where its rate fell, and steps of the one that goes on
ENDED = 0.147  # dev loss of the earlier run


@pytest.fixture
def plan(tiny_student: Path) -> Plan:
    return small_plan(tiny_student)


# --- what is said of a curve ----------------------------------------------------------------------------------------


def goes_on(plan: Plan, dev: Sequence[float], train: tuple[float, float], until: int = LAST) -> list[Metric]:
    """The curve of a run that goes on from the turn of another, which ended at dev loss 0.147: `dev` by even steps up
    to `until`, training loss in a line from `train[0]` to `train[1]`, the learning rates of the schedule."""
    rng = random.Random(3)
    before, after = Stretch(0, FIRST), Stretch(TURN, LAST, plan.learning_rate)
    made = [Metric(step=0, epoch=0, dev_loss_per_token=2.5)]
    known = {12: 0.4, 24: 0.22, TURN: 0.2}
    known |= {TURN + (until - TURN) * place // len(dev): loss for place, loss in enumerate(dev, start=1)}
    for step in range(1, until + 1):
        share = max(0, step - TURN) / (LAST - TURN)
        loss = train[0] + (train[1] - train[0]) * share if step > TURN else 0.15 + 2 * 0.9**step
        made.append(
            Metric(
                step=step,
                epoch=step / FIRST,
                loss_per_token=loss * rng.uniform(0.95, 1.05),
                dev_loss_per_token=known.get(step),
                learning_rate=learning_rate(plan, step, before if step <= TURN else after),
            )
        )
    return made


STRETCHES: list[tuple[str, list[float], tuple[float, float], int, str]] = [
    ("under way, falling", [0.188, 0.178, 0.167], (0.17, 0.12), 120, "underfit"),
    ("under way, level", [0.199, 0.198, 0.198], (0.17, 0.12), 120, "too early"),
    ("lower at its end, and was falling", [0.18, 0.16, 0.145, 0.13, 0.1], (0.17, 0.09), LAST, "underfit"),
    ("lower at its end, and was level", [0.161, 0.16, 0.15, 0.13, 0.12], (0.17, 0.1), LAST, "converged"),
    ("back where it began", [0.19, 0.18, 0.17, 0.16, 0.1465], (0.17, 0.13), LAST, "converged"),
    ("learnt by heart", [0.16, 0.19, 0.21, 0.22], (0.12, 0.02), LAST, "overfit"),
    ("ended early, by heart", [0.18, 0.21, 0.24, 0.27], (0.1, 0.02), 120, "overfit"),
    ("broken", [1.9, 2.9, 4, 5.5], (3, 6), LAST, "diverging"),
    ("just begun", [0.188], (0.17, 0.12), 80, "too early"),
]


@pytest.mark.parametrize(
    ("dev", "train", "until", "verdict"), [c[1:] for c in STRETCHES], ids=[c[0] for c in STRETCHES]
)
def test_a_stretch_is_judged_by_what_it_brought(
    plan: Plan, dev: list[float], train: tuple[float, float], until: int, verdict: str
) -> None:
    found = diagnose(goes_on(plan, dev, train, until), 500, TURN, ENDED)
    assert found.verdict == verdict, found.sentence


def test_patience_counts_at_the_height_and_then_anew_as_the_rate_falls(plan: Plan) -> None:
    stretch = Stretch(TURN, LAST, plan.learning_rate)  # turns at 108
    level = [(0, 2.5), (TURN, 0.2), (50, 0.19), (70, 0.191), (90, 0.192), (100, 0.19)]
    assert counted(level, plan, stretch) == [0.2, 0.19, 0.191, 0.192, 0.19]
    assert stalled(counted(level, plan, stretch)) == 3
    falls = [*level, (108, 0.191), (120, 0.17)]
    assert counted(falls, plan, stretch) == [0.191, 0.17]
    assert stalled(counted(falls, plan, stretch)) == 0
    low = Stretch(FIRST, LAST, 0.1 * plan.learning_rate)  # warms up for 6 steps, and what came before counts not
    assert counted([(0, 2.5), (FIRST, 0.147), (63, 0.19), (66, 0.188), (80, 0.178)], plan, low) == [0.188, 0.178]
    assert counted([(0, 2.5), (30, 0.2)], plan, Stretch(0, FIRST)) == [2.5, 0.2]


# --- jobs -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("jobs_at_once")
@pytest.mark.parametrize("way", [(1, 2), (2, 1), (1, 1, 1)])
def test_stretches_end_where_one_run_over_as_many_epochs_ends(
    catalog: Catalog, project: Project, plan: Plan, way: tuple[int, ...]
) -> None:
    catalog.add_all(word_samples(project, 80))
    dataset = freeze(catalog, project)
    quick = plan.model_copy(update={"warmup_fraction": 0.0})  # one step, whatever the length
    whole = plan_run(catalog, project, dataset, quick.model_copy(update={"epochs": sum(way)}))
    trained(catalog, project, whole)
    run = plan_run(catalog, project, dataset, quick.model_copy(update={"epochs": way[0]}))
    trained(catalog, project, run)
    for epochs in way[1:]:
        run = continue_run(catalog, project, catalog.get(Run, run.id), epochs)
        trained(catalog, project, run)
    wanted, found = curve(catalog, whole)[-1], curve(catalog, run)[-1]
    assert (found.step, found.epoch) == (wanted.step, wanted.epoch)
    assert found.loss_per_token == pytest.approx(wanted.loss_per_token, rel=1e-4)
    assert found.dev_loss_per_token == pytest.approx(wanted.dev_loss_per_token, rel=1e-4)


def trained(catalog: Catalog, project: Project, run: Run, max_minutes: float = 10) -> Job:
    job = wait(catalog, start(catalog, project, run, max_minutes), LIMIT_S)
    assert job.state in ("done", "stopped"), job.problem
    return job


def curve(catalog: Catalog, run: Run) -> list[Metric]:
    return read_metrics(catalog.folder(run.project_id) / run.folder)


@pytest.mark.usefixtures("jobs_at_once")
def test_it_goes_on_from_a_stop_with_the_rate_it_had(catalog: Catalog, project: Project, plan: Plan) -> None:
    catalog.add_all(word_samples(project, 80))
    dataset = freeze(catalog, project)
    stopped = plan_run(catalog, project, dataset, plan.model_copy(update={"epochs": 100, "warmup_fraction": 0}))
    assert trained(catalog, project, stopped, max_minutes=0.02).state == "stopped"
    before = curve(catalog, stopped)
    more = continue_run(catalog, project, catalog.get(Run, stopped.id), 1)
    assert more.plan.epochs == pytest.approx(before[-1].epoch + 1)
    assert trained(catalog, project, more).state == "done"
    after = curve(catalog, more)
    assert after[: len(before)] == before
    assert after[-1].epoch == pytest.approx(more.plan.epochs, abs=1e-5)
    assert before[-1].learning_rate == plan.learning_rate, "it was stopped long before its turn"
    stretch = Stretch(more.from_step, after[-1].step, plan.learning_rate, more.from_batches)
    rates = [metric.learning_rate for metric in after[len(before) :]]
    assert rates == [learning_rate(more.plan, step, stretch) for step in range(more.from_step + 1, stretch.last + 1)]


@pytest.mark.usefixtures("jobs_at_once")
def test_it_goes_on_from_a_kill_whose_checkpoint_nobody_had_measured(
    catalog: Catalog, project: Project, plan: Plan
) -> None:
    catalog.add_all(word_samples(project, 80))
    dataset = freeze(catalog, project)
    killed = plan_run(catalog, project, dataset, plan)
    trained(catalog, project, killed)
    folder = catalog.folder(project) / killed.folder
    wanted = curve(catalog, killed)
    write_metrics(folder, [m.model_copy(update={"dev_loss_per_token": None}) if m.step else m for m in wanted])
    more = continue_run(catalog, project, catalog.get(Run, killed.id), 1)
    trained(catalog, project, more)
    known = dict(dev_points(curve(catalog, more)))
    there = next(metric for metric in wanted if metric.step == more.from_step)
    assert more.from_step == Stretch(0, wanted[-1].step).turn
    assert known[more.from_step] == pytest.approx(there.dev_loss_per_token or 0, rel=1e-5)
    assert min(known.values()) < known[0]


@pytest.mark.usefixtures("jobs_at_once")
def test_it_goes_on_with_a_new_version_of_the_dataset(catalog: Catalog, project: Project, plan: Plan) -> None:
    made = word_samples(project, 100)
    catalog.add_all(made[:60])
    first = freeze(catalog, project)
    run = plan_run(catalog, project, first, plan.model_copy(update={"epochs": 1}))
    trained(catalog, project, run)
    moved = read_train(catalog, first)[0].id  # a row that was trained on, and is a dev row now
    catalog.change(Sample, moved, split="dev")
    catalog.add_all(made[60:])
    second = freeze(catalog, project)
    run = catalog.get(Run, run.id)
    more = continue_run(catalog, project, run, 2, second)
    assert (more.dataset_id, more.learnt, more.from_batches) == (second.id, (first.id,), 0)
    assert moved in {row.id for row in read_dev(catalog, second)}
    plan_of_more, done = continued(catalog, project, run, 2)
    told = estimate(catalog, project, second, plan_of_more, done)
    assert f"train {second.rows['train']} samples x {3 - done:g} epochs" in told.what
    job = trained(catalog, project, more)
    found = curve(catalog, more)
    each = -(-second.rows["train"] // plan.batch_samples)
    assert found[-1].step == more.from_step + round((3 - done) * each)
    assert found[-1].epoch == pytest.approx(3, abs=0.5 / each + 1e-6), "whole steps"
    dev = dev_points(found)
    assert dev[0][0] == more.from_step, "losses on other dev rows are none of this curve"
    assert dev[-1][1] < dev[0][1]
    assert catalog.find(Checkpoint, project.id)[-1].dev_loss == pytest.approx(dev[-1][1])
    assert "iverg" not in job.result


def answered_at_random(project: Project, count: int) -> list[Sample]:
    """Lines of drawn letters with drawn letters for an answer: nothing that is learnt of some helps with others."""
    rng = random.Random(7)

    def drawn(letters: int) -> str:
        return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz ", k=letters)).strip() or "a"

    made = []
    for sample in word_samples(project, count):
        system, asked, told = sample.messages
        said = (system, asked.model_copy(update={"content": drawn(40)}), told.model_copy(update={"content": drawn(8)}))
        made.append(sample.but(messages=said))
    return made


@pytest.mark.usefixtures("jobs_at_once")
def test_a_stretch_that_brings_nothing_is_ended_early(catalog: Catalog, project: Project, plan: Plan) -> None:
    catalog.add_all(answered_at_random(project, 100))
    dataset = freeze(catalog, project)
    assert dataset.rows["train"] == 80
    patient = plan.model_copy(update={"method": "full", "learning_rate": 5e-3, "epochs": 12, "batch_samples": 8})
    run = plan_run(catalog, project, dataset, patient)
    trained(catalog, project, run)
    run = catalog.change(Run, run.id, plan=patient.model_copy(update={"patience": 3}))
    more = continue_run(catalog, project, run, 26)
    job = trained(catalog, project, more)
    assert "ended early" in job.result
    assert "no new best in 3 measurements" in job.result
    assert "Underfit" not in job.result, job.result
    assert curve(catalog, more)[-1].step < more.from_step + 26 * 10

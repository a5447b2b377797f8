"""The training job: it finishes, stops, is a process that can be stopped, and goes on to the same curve."""

import shutil
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.training.kills import small_plan, word_samples
from tests.training.test_rows import samples_with_prefix
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.errors import RetortError
from tools.jobs import resume, stop, wait
from tools.records import Checkpoint, Dataset, Expense, Job, Plan, Project, Run
from tools.training.advice import propose
from tools.training.checkpoint import complete_ones, position_of
from tools.training.estimate import estimate
from tools.training.glimpse import read_glimpses
from tools.training.monitor import dev_points, read_metrics
from tools.training.schedule import Stretch, batches, even_steps, learning_rate, risen, stretch_of
from tools.training.starting import continue_run, plan_run, start

LIMIT_S = 400.0  # a machine that others use too takes its time


@pytest.fixture
def dataset(catalog: Catalog, project: Project) -> Dataset:
    catalog.add_all(word_samples(project, 80))
    return freeze(catalog, project)


@pytest.fixture
def plan(tiny_student: Path) -> Plan:
    return small_plan(tiny_student)


def begin(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan, max_minutes: float) -> tuple[Run, Job]:
    run = plan_run(catalog, project, dataset, plan)
    return run, start(catalog, project, run, max_minutes)


def test_advice_gives_a_reason_for_every_choice_and_obeys_the_user(
    catalog: Catalog, project: Project, dataset: Dataset, tiny_student: Path
) -> None:
    changes = {"student": f"path:{tiny_student}", "lora_rank": 8, "epochs": 2}
    plan = propose(catalog, project, dataset, changes)
    assert (plan.lora_rank, plan.lora_alpha, plan.epochs) == (8, 16, 2)
    assert set(plan.reasons) >= {"epochs", "learning_rate", "batch_samples", "row_tokens", "lora_rank", "precision"}
    expected = estimate(catalog, project, dataset, plan)
    assert 0 < expected.minutes_low < expected.minutes_high
    assert any("memory about" in note for note in expected.notes)
    longer = propose(catalog, project, dataset, {"epochs": "longer", "learning_rate": "lower"}, earlier=plan)
    assert (longer.lora_rank, longer.epochs) == (8, 4)
    assert longer.learning_rate == pytest.approx(plan.learning_rate / 3, rel=0.05)
    with pytest.raises(RetortError, match="ranks"):
        propose(catalog, project, dataset, {**changes, "ranks": 3})
    with pytest.raises(RetortError, match="epochs = -1"):
        propose(catalog, project, dataset, {**changes, "epochs": -1})


def test_a_student_that_is_not_there_is_named(catalog: Catalog, project: Project, dataset: Dataset) -> None:
    for reference, words in (
        ("path:/nowhere", "no folder /nowhere"),
        ("ftp:x", "Unknown student"),
        ("pypi:numpy", "No student"),
    ):
        with pytest.raises(RetortError, match=words):
            propose(catalog, project, dataset, {"student": reference})


@pytest.mark.usefixtures("jobs_at_once")
def test_a_run_finishes_with_checkpoints_curves_and_a_bill(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    run, job = begin(catalog, project, dataset, plan, max_minutes=10)
    job = wait(catalog, job, LIMIT_S)
    assert job.state == "done", job.problem
    assert catalog.get(Run, run.id).state == "finished"
    folder = catalog.folder(project) / run.folder
    metrics = read_metrics(folder)
    dev = [metric.dev_loss_per_token for metric in metrics if metric.dev_loss_per_token is not None]
    assert dev[-1] < dev[0] * 0.9, "it must have learnt something"
    checkpoints = catalog.find(Checkpoint, project.id)
    assert len(checkpoints) == 4
    assert checkpoints[-1].dev_loss == pytest.approx(dev[-1])
    for name in ("train_loss.png", "eval_loss.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert (folder.parent.parent / checkpoints[-1].folder / "adapter_model.safetensors").is_file()
    assert catalog.find(Expense, project.id)[0].seconds > 0
    assert {one.step for one in read_glimpses(folder)} == {one.step for one in checkpoints}
    assert any(verdict in job.result for verdict in ("Underfit", "Converged", "Overfit"))
    assert not list(folder.rglob("*.bin"))
    assert not list(folder.rglob("*.pt"))


@pytest.mark.usefixtures("jobs_at_once")
def test_a_curve_or_a_glimpse_that_fails_is_told_and_ends_nothing(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError("no fonts")

    monkeypatch.setattr("tools.training.compute.loop.draw", broken)
    monkeypatch.setattr("tools.training.compute.loop.look", broken)
    run, job = begin(catalog, project, dataset, plan, max_minutes=10)
    assert (job.state, job.problem) == ("done", "")
    assert "the curves were not drawn (no fonts)" in job.result
    assert "were not answered (no fonts)" in job.result
    assert catalog.get(Run, run.id).state == "finished"


@pytest.mark.usefixtures("jobs_at_once")
def test_it_ends_early_and_keeps_the_best_checkpoint(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    hasty = plan.model_copy(update={"epochs": 30, "learning_rate": 0.05, "patience": 2, "checkpoints": 2})
    run, job = begin(catalog, project, dataset, hasty, max_minutes=10)
    job = wait(catalog, job, LIMIT_S)
    assert job.state == "done", job.problem
    assert "ended early" in job.result
    dev = dev_points(read_metrics(catalog.folder(project) / run.folder))
    kept = {one.step: one.dev_loss for one in catalog.find(Checkpoint, project.id)}
    best_step, best = min(dev, key=lambda point: point[1])
    assert kept[best_step] == best
    assert dev[-1][0] in kept, "and the last"
    folders = {path.name for path in (catalog.folder(project) / run.folder / "checkpoints").iterdir()}
    turn = position_of(catalog.folder(project) / run.folder / "checkpoints" / f"step-{dev[-1][0]:06d}").turn
    assert folders == {f"step-{step:06d}" for step in {*kept, turn}}, "the others gave way"


@pytest.mark.usefixtures("jobs_at_once")
def test_a_rate_made_to_fall_falls_after_a_kill_too(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    hasty = plan.model_copy(update={"epochs": 30, "learning_rate": 0.05, "patience": 2, "checkpoints": 2})
    run, job = begin(catalog, project, dataset, hasty, max_minutes=10)
    told = wait(catalog, job, LIMIT_S).result
    folder = catalog.folder(project) / run.folder
    wanted, last = read_metrics(folder), position_of(complete_ones(folder)[-1])
    turn = last.turn
    assert last.turned
    assert turn < last.step
    for path in complete_ones(folder):
        if position_of(path).step > turn:
            shutil.rmtree(path)  # as if killed before any was written
    catalog.change(Job, job.id, state="stopped")
    again = resume(catalog, catalog.get(Job, job.id)).result
    assert again.partition(":")[0] == told.partition(":")[0], "it ends at the same step"
    found = read_metrics(folder)
    assert [(one.step, one.learning_rate) for one in found] == [(one.step, one.learning_rate) for one in wanted]
    assert found[-1].dev_loss_per_token == pytest.approx(wanted[-1].dev_loss_per_token, rel=1e-4)


@pytest.mark.usefixtures("jobs_at_once")
def test_a_run_goes_on_from_where_another_stands(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    first, job = begin(catalog, project, dataset, plan.model_copy(update={"epochs": 1}), max_minutes=10)
    assert wait(catalog, job, LIMIT_S).state == "done"
    before = read_metrics(catalog.folder(project) / first.folder)
    turn = Stretch(0, before[-1].step).turn
    more = continue_run(catalog, project, first, 2)
    assert (more.plan.epochs, more.continues, more.from_step) == (3, first.id, turn)
    assert more.from_loss == before[-1].dev_loss_per_token
    job = wait(catalog, start(catalog, project, more, 5), LIMIT_S)
    assert job.state == "done", job.problem
    after = read_metrics(catalog.folder(project) / more.folder)
    kept = [metric for metric in before if metric.step <= turn]
    assert after[: len(kept)] == kept
    assert after[-1].step == 3 * before[-1].step
    assert after[-1].epoch == 3
    stretch = Stretch(turn, after[-1].step, plan.learning_rate, more.from_batches)
    rates = [metric.learning_rate for metric in after[len(kept) :]]
    assert rates == [learning_rate(more.plan, m.step, stretch) for m in after[len(kept) :]]
    dev = dev_points(after)
    assert dev[-1][1] < more.from_loss, "it has learnt more"
    own = [one.step for one in catalog.find(Checkpoint, project.id) if one.run_id == more.id]
    planned = even_steps(plan.checkpoints, more.from_step, after[-1].step)
    assert planned <= set(own), "its checkpoints are spread over what is new"


def _final(catalog: Catalog, run: Run) -> float:
    last = read_metrics(catalog.folder(run.project_id) / run.folder)[-1]
    assert last.dev_loss_per_token is not None
    return last.dev_loss_per_token


def test_a_stopped_process_saves_and_its_run_resumes_to_the_same_end(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan, request: pytest.FixtureRequest
) -> None:
    broken, job = begin(catalog, project, dataset, plan, max_minutes=10)
    _wait_for_step(catalog, broken, at_least=4)
    stop(catalog, job)
    job = wait(catalog, job, LIMIT_S)
    assert job.state == "stopped", job.problem
    assert "'resume'" in job.result
    request.getfixturevalue("jobs_at_once")
    assert resume(catalog, job).state == "done"
    whole, job = begin(catalog, project, dataset, plan, max_minutes=10)
    assert _final(catalog, broken) == pytest.approx(_final(catalog, whole), rel=1e-4)
    steps = [metric.step for metric in read_metrics(catalog.folder(project) / broken.folder)]
    assert steps == sorted(set(steps)), "no step is missing, none is twice"


def _wait_for_step(catalog: Catalog, run: Run, at_least: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        metrics = read_metrics(catalog.folder(run.project_id) / run.folder)
        if metrics and metrics[-1].step >= at_least:
            return
        time.sleep(0.02)
    raise AssertionError(f"{run.id} did not reach step {at_least}")


@pytest.mark.usefixtures("jobs_at_once")
def test_the_agreed_minutes_are_a_hard_stop_with_a_checkpoint(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    long = plan.model_copy(update={"epochs": 100})
    run, job = begin(catalog, project, dataset, long, max_minutes=0.02)
    job = wait(catalog, job, LIMIT_S)
    assert job.state == "stopped"
    assert "agreed time limit" in job.result
    assert catalog.get(Run, run.id).state == "stopped"
    assert catalog.find(Checkpoint, project.id)


@pytest.mark.usefixtures("jobs_at_once")
def test_samples_longer_than_the_plan_allows_end_in_a_sentence(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    short = plan.model_copy(update={"max_sample_tokens": 32})
    _, job = begin(catalog, project, dataset, short, max_minutes=10)
    job = wait(catalog, job, LIMIT_S)
    assert job.state == "failed"
    assert "longer than 32 tokens" in job.problem


def test_batches_cover_every_epoch_and_do_not_depend_on_the_past(plan: Plan) -> None:
    samples = samples_with_prefix(5, 10)
    stretch = stretch_of(plan, 10)
    made = list(batches(samples, plan, stretch))
    assert len(made) == 9  # 3 epochs of 4 + 4 + 2
    for epoch in range(3):
        seen = [sample for batch in made[epoch * 3 : epoch * 3 + 3] for sample in batch]
        assert sorted(map(str, seen)) == sorted(map(str, samples))
    assert made == list(batches(samples, plan, stretch))
    assert made[0] != made[3], "each epoch has its own order"
    rest = stretch_of(plan, 10, first=4, epoch=4 / 3, rate=1e-3, done=4)
    assert list(batches(samples, plan, rest)) == made[4:], "a pass that was begun is ended"


def test_the_learning_rate_warms_up_stands_and_falls(plan: Plan) -> None:
    stretch = Stretch(0, 100)
    rates = [learning_rate(plan, step, stretch) for step in range(1, 101)]
    assert rates.index(max(rates)) == 4
    assert risen(plan, stretch) == 5
    assert stretch.turn == 60
    assert rates[4:60] == [plan.learning_rate] * 56
    falls = [later - earlier for earlier, later in pairwise(rates[59:])]
    assert falls == pytest.approx([-plan.learning_rate / 41] * 40)
    assert rates[-1] > 0


def test_a_longer_run_is_the_shorter_one_up_to_its_turn(plan: Plan) -> None:
    short, long = Stretch(0, 100), Stretch(60, 300, plan.learning_rate)
    assert [learning_rate(plan, step, long) for step in range(61, 181)] == [plan.learning_rate] * 120
    assert learning_rate(plan, 60, short) == plan.learning_rate
    assert learning_rate(plan, 181, long) < plan.learning_rate
    assert risen(plan, long) == 60


def test_a_rate_made_to_fall_before_its_time_falls_over_the_same_share(plan: Plan) -> None:
    stretch = Stretch(0, 1000).turned_at(200)
    assert (stretch.turn, stretch.last) == (200, 333)
    assert learning_rate(plan, 200, stretch) == plan.learning_rate
    assert learning_rate(plan, 333, stretch) == pytest.approx(plan.learning_rate / 134)


def test_a_run_that_stood_low_warms_up_again(plan: Plan) -> None:
    """As one of an earlier version of Retort, which kept no checkpoint at its turn."""
    stretch = Stretch(100, 300, 0.1 * plan.learning_rate)
    rates = [learning_rate(plan, step, stretch) for step in range(101, 301)]
    assert risen(plan, stretch) == 110
    assert rates[9:80] == pytest.approx([plan.learning_rate] * 71)
    assert rates[0] == pytest.approx(0.19 * plan.learning_rate)

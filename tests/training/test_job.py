"""The training job: it finishes, stops, is a process that can be stopped, and goes on to the same curve."""

import math
import time
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
from tools.training.estimate import estimate
from tools.training.glimpse import read_glimpses
from tools.training.monitor import dev_points, read_metrics
from tools.training.schedule import batches, even_steps, learning_rate
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

    monkeypatch.setattr("tools.training.loop.draw", broken)
    monkeypatch.setattr("tools.training.loop.look", broken)
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
    assert folders == {f"step-{step:06d}" for step in kept}, "the others gave way"


@pytest.mark.usefixtures("jobs_at_once")
def test_a_run_goes_on_from_where_another_stands(
    catalog: Catalog, project: Project, dataset: Dataset, plan: Plan
) -> None:
    first, job = begin(catalog, project, dataset, plan.model_copy(update={"epochs": 1}), max_minutes=10)
    assert wait(catalog, job, LIMIT_S).state == "done"
    before = read_metrics(catalog.folder(project) / first.folder)
    more = continue_run(catalog, project, first, 2)
    assert (more.plan.epochs, more.continues, more.from_step) == (3, first.id, before[-1].step)
    job = wait(catalog, start(catalog, project, more, 5), LIMIT_S)
    assert job.state == "done", job.problem
    after = read_metrics(catalog.folder(project) / more.folder)
    assert after[: len(before)] == before
    assert after[-1].step == 3 * before[-1].step
    assert after[-1].epoch == 3
    rates = [metric.learning_rate for metric in after[len(before) :]]
    assert rates == [learning_rate(more.plan, m.step, after[-1].step) for m in after[len(before) :]]
    dev = dev_points(after)
    assert dev[-1][1] < dict(dev)[before[-1].step], "it has learnt more"
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
    assert "resumed" in job.result
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
    assert "agreed minutes" in job.result
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
    made = list(batches(samples, plan))
    assert len(made) == 9  # 3 epochs of 4 + 4 + 2
    for epoch in range(3):
        seen = [sample for _, batch in made[epoch * 3 : epoch * 3 + 3] for sample in batch]
        assert sorted(map(str, seen)) == sorted(map(str, samples))
    assert made == list(batches(samples, plan))
    assert made[0][1] != made[3][1], "each epoch has its own order"


def test_learning_rate_warms_up_and_decays_to_a_tenth(plan: Plan) -> None:
    rates = [learning_rate(plan, step, 100) for step in range(1, 101)]
    assert rates.index(max(rates)) == 4
    assert rates[-1] == pytest.approx(plan.learning_rate / 10)
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)

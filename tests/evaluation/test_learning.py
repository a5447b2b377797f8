"""The learning curve: what twice the data should bring, and the job that trains a real tiny student on parts."""

from pathlib import Path
from random import Random
from string import ascii_lowercase

import pytest

from agent.transcript import Show
from tests.agent.conftest import Bench
from tests.evaluation.world import make_work
from tests.training.kills import small_plan, word_samples
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.errors import RetortError
from tools.evaluation.studies import learning
from tools.evaluation.studies.learning import fit, read_curve
from tools.records import Checkpoint, CurveOrder, Dataset, Job, Order, Project, Run, Sample
from tools.training.job import train
from tools.training.schedule import part
from tools.training.starting import plan_run
from ui.show.cards import Cards

DEV = 400


def values(share: float) -> list[float]:
    return [float(at < share * DEV) for at in range(DEV)]


@pytest.mark.parametrize(
    ("shares", "gain", "told"),
    [
        ((0.2, 0.6, 0.8), 0.1, "Twice the data should bring about +10.0 points"),  # errors 80, 40, 20 %: then 10 %
        ((0.95, 0.95, 0.95), 0.0, "Stop buying data: twice as much should bring less than one point"),
        ((1.0, 1.0, 1.0), 0.0, "Stop buying data"),
    ],
)
def test_the_error_falls_by_the_same_factor_with_each_doubling(
    shares: tuple[float, ...], gain: float, told: str
) -> None:
    found = fit([50, 100, 200], [values(share) for share in shares])
    assert found.gain.share == pytest.approx(gain, abs=1e-9)
    assert found.gain.low <= gain <= found.gain.high
    assert told in found.sentence
    assert f"{100 * shares[2]:.1f} % with 200 training rows." in found.sentence


def test_few_rows_cannot_tell() -> None:
    noisy = [[0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]]
    assert "these rows are too few to tell" in fit([10, 20, 40], noisy).sentence


def test_parts_are_nested_and_drawn_by_the_seed(tiny_student: Path) -> None:
    plan = small_plan(tiny_student)
    quarter, half = (part(range(101), plan.model_copy(update={"train_share": share})) for share in (0.25, 0.5))
    assert (len(quarter), len(half)) == (26, 51)
    assert set(quarter) < set(half)
    assert part(range(101), plan) == list(range(101))


def unlike(sample: Sample) -> Sample:
    """The sample asked in words of its own: alike ones are left out of train, and too few would be left."""
    drawn = Random(sample.question)
    line = " ".join("".join(drawn.choices(ascii_lowercase, k=6)) for _ in range(6))
    system, asked, answer = sample.messages
    return sample.but(messages=(system, asked.model_copy(update={"content": f"{asked.content}: {line}"}), answer))


@pytest.fixture
def full(catalog: Catalog, project: Project, tiny_student: Path) -> Run:
    catalog.add_all([unlike(one) for one in word_samples(project, 80)])
    dataset = freeze(catalog, project)
    return catalog.save(plan_run(catalog, project, dataset, small_plan(tiny_student)))


@pytest.mark.slow
def test_the_job_trains_on_parts_and_clears_up(
    catalog: Catalog, project: Project, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = make_work(catalog, project, CurveOrder(run_id=full.id, parts=("run-x",), max_minutes=5))
    train(work, full.id, 5)
    catalog.change(Job, work.job.id, state="done")
    before = {one.id for one in catalog.find(Checkpoint, project.id)}
    orders: list[Order] = []

    def launched(_catalog: Catalog, _project: Project, order: Order) -> Job:
        orders.append(order)
        return work.job

    monkeypatch.setattr(learning, "launch", launched)
    learning.start(catalog, project, catalog.get(Run, full.id), 5)
    parts = [one for one in catalog.find(Run, project.id) if one.id != full.id]
    rows = catalog.get(Dataset, full.dataset_id).rows["train"]
    assert [one.plan.train_share for one in parts] == [0.25, 0.5]
    told = learning.run(make_work(catalog, project, orders[0]))
    assert f"with {rows} training rows." in told
    assert [one.id for one in catalog.find(Run, project.id)] == [full.id]
    assert {one.id for one in catalog.find(Checkpoint, project.id)} == before
    curve = read_curve(catalog, project, full.id)
    assert [one.rows for one in curve.points] == [-(-rows // 4), -(-rows // 2), rows]
    assert "<svg" in Cards(catalog).draw(project, Show(kind="learning", ids=(full.id,)))


@pytest.mark.slow  # the estimate takes a few real steps
def test_it_needs_a_finished_run_and_the_users_yes(catalog: Catalog, project: Project, full: Run) -> None:
    bench = Bench(catalog, project)
    with pytest.raises(RetortError, match="No run has finished training yet"):
        bench.settle("learning_curve", {})
    catalog.change(Run, full.id, state="finished")
    settled = bench.settle("learning_curve", {})
    assert settled.values["run"] == full.id
    assert settled.command.risk == "spend"
    expected = settled.estimate(bench.here)
    assert 0 < expected.minutes_low < expected.minutes_high <= settled.values["max_minutes"]

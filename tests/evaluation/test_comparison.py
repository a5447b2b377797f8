"""Who is best, and whether the rows can tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.world import contact, make_evaluation
from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.errors import RetortError
from tools.evaluation.comparison import compare, mcnemar, side_by_side
from tools.evaluation.metrics import score
from tools.records import Checkpoint, Dataset, Evaluation, Project


@pytest.mark.parametrize(
    ("a", "b", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (3, 0, 0.25), (5, 0, 0.0625), (6, 0, 0.03125), (5, 5, 1.0), (8, 2, 0.109375)],
)
def test_mcnemar_by_hand(a: int, b: int, p: float) -> None:
    assert mcnemar(a, b) == pytest.approx(p)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_a_probability_and_symmetric(a: int, b: int) -> None:
    assert 0 <= mcnemar(a, b) <= 1
    assert mcnemar(a, b) == mcnemar(b, a)
    if a >= b:  # a further row won by the better one is further evidence
        assert mcnemar(a + 1, b) <= mcnemar(a, b)


class World:
    """Evaluations with a given number of right answers on the twelve test rows."""

    def __init__(self, catalog: Catalog, project: Project, dataset: Dataset) -> None:
        self.catalog, self.project, self.dataset = catalog, project, dataset
        self.rows = read_test(catalog, dataset)

    def evaluate(self, candidate: str, right: range, label: str) -> Evaluation:
        answers = {row.id: row.answer if at in right else contact(999) for at, row in enumerate(self.rows)}
        scores = score(self.project.task, self.rows, answers)
        return make_evaluation(self.catalog, self.project, self.dataset, candidate, answers, scores=scores, label=label)


@pytest.fixture
def world(catalog: Catalog, project: Project, dataset: Dataset) -> World:
    return World(catalog, project, dataset)


def test_best_base_and_what_cannot_be_separated(world: World, checkpoints: list[Checkpoint]) -> None:
    with pytest.raises(RetortError, match="Nothing of 'Contacts' is evaluated"):
        compare(world.catalog, world.project)
    first, second = checkpoints
    base = world.evaluate("base", range(0), "base")
    world.evaluate(first.id, range(1), "step 20")  # replaced by the later one
    weak = world.evaluate(first.id, range(2, 12), "step 20")
    best = world.evaluate(second.id, range(12), "step 40")
    served = world.evaluate("deployment-1", range(12), "served")
    found = compare(world.catalog, world.project)
    assert found.sentence == (
        "step 40 is best: 100.0 % exact (75.8-100.0) against 0.0 % for the base, p < 0.001; "
        "these 12 rows cannot separate it from step 20 (p = 0.50)."
    )
    assert [line.evaluation_id for line in found.rows] == [best.id, served.id, weak.id, base.id]
    assert [line.best for line in found.rows] == [True, False, False, False]
    assert (found.rows[0].step, found.rows[0].dev_loss) == (40, 0.2)
    assert found.best == best.id
    pairs = {pair.other_id: pair for pair in found.pairs}
    assert (pairs[weak.id].only_best, pairs[weak.id].only_other, pairs[weak.id].p) == (2, 0, 0.5)
    assert pairs[base.id].p == pytest.approx(2**-11)


def test_a_tie_goes_to_the_lower_dev_loss(world: World, checkpoints: list[Checkpoint]) -> None:
    first = world.evaluate(checkpoints[0].id, range(11), "step 20")
    second = world.evaluate(checkpoints[1].id, range(11), "step 40")
    found = compare(world.catalog, world.project, [first.id, second.id])
    assert found.best == second.id
    assert "cannot separate it from step 20 (p = 1.00)" in found.sentence


def test_a_weak_gain_is_called_weak(world: World, checkpoints: list[Checkpoint]) -> None:
    world.evaluate("base", range(9), "base")
    world.evaluate(checkpoints[0].id, range(10), "step 20")
    assert "these 12 rows do not show that it is better than the base" in compare(world.catalog, world.project).sentence


def test_nothing_right_and_nothing_to_compare_with(world: World, checkpoints: list[Checkpoint]) -> None:
    world.evaluate("base", range(0), "base")
    assert "Only base is evaluated" in compare(world.catalog, world.project).sentence
    world.evaluate(checkpoints[0].id, range(0), "step 20")
    assert compare(world.catalog, world.project).sentence == "No candidate got any of the 12 rows exactly right."


def test_only_rows_of_one_split_are_compared(world: World) -> None:
    test = world.evaluate("base", range(3), "base")
    dev = world.catalog.add(test.but(id="evaluation-dev", split="dev"))
    with pytest.raises(RetortError, match="different rows"):
        compare(world.catalog, world.project, [test.id, dev.id])
    with pytest.raises(RetortError, match="no evaluation"):
        compare(world.catalog, world.project, ["evaluation-none"])


def test_side_by_side(world: World, checkpoints: list[Checkpoint]) -> None:
    both = [world.evaluate("base", range(3), "base"), world.evaluate(checkpoints[0].id, range(8), "step 20")]
    everything = side_by_side(world.catalog, world.project, both)
    assert len(everything) == 12
    differing = side_by_side(world.catalog, world.project, both, only="differ")
    assert [one.row_id for one in differing] == [row.id for row in world.rows[3:8]]
    assert differing[0].right == {"base": False, "step 20": True}
    assert differing[0].answers["step 20"] == differing[0].reference == world.rows[3].answer
    assert differing[0].question == world.rows[3].question

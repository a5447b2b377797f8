"""Who is best, and whether the rows can tell."""

from pathlib import Path
from typing import Literal

import pytest

from tests.evaluation.world import contact, make_checkpoint, make_dataset, make_evaluation, make_run
from tools.catalog import Catalog
from tools.dataset.sealed import read_test
from tools.dataset.splits import read_dev
from tools.errors import RetortError
from tools.evaluation.compare.comparison import Outcomes, compare, corrected
from tools.evaluation.compare.side_by_side import Filter, side_by_side
from tools.evaluation.score.metrics import score
from tools.evaluation.statistics.paired import duel
from tools.records import Checkpoint, Dataset, Document, Evaluation, Project, Sample, new_id


class World:
    """Evaluations with a given number of right answers on the twelve test rows, or the two dev rows."""

    def __init__(self, catalog: Catalog, project: Project, dataset: Dataset) -> None:
        self.catalog, self.project, self.dataset = catalog, project, dataset
        self.rows = read_test(catalog, dataset)

    def evaluate(self, candidate: str, right: range, label: str, split: Literal["dev", "test"] = "test") -> Evaluation:
        rows = self.rows if split == "test" else read_dev(self.catalog, self.dataset)
        answers = {row.id: row.answer if at in right else contact(999) for at, row in enumerate(rows)}
        scores = score(self.project.task, rows, answers)
        return make_evaluation(
            self.catalog, self.project, self.dataset, candidate, answers, scores=scores, label=label, split=split
        )


@pytest.fixture
def world(catalog: Catalog, project: Project, dataset: Dataset) -> World:
    return World(catalog, project, dataset)


def test_best_base_and_what_cannot_be_separated(world: World, checkpoints: list[Checkpoint]) -> None:
    with pytest.raises(RetortError, match="Nothing in 'Contacts' has been evaluated"):
        compare(world.catalog, world.project)
    first, second = checkpoints
    base = world.evaluate("base", range(0), "base")
    world.evaluate(first.id, range(1), "step 20")  # replaced by the later one
    weak = world.evaluate(first.id, range(2, 12), "step 20")
    best = world.evaluate(second.id, range(12), "step 40")
    served = world.evaluate("deployment-1", range(12), "served")
    found = compare(world.catalog, world.project)
    assert found.sentence == (
        "step 40, chosen by dev loss, scores 100.0 % exact (75.8-100.0) on 12 test rows; it is better than the base "
        "(0.0 %, p = 0.003). These 12 rows cannot separate it from step 20 (83.3 %, p = 1.00), so the checkpoints "
        "count as equal; about 45 rows would be needed. Checkpoints have been scored 3 times on this sealed test, so p "
        "values are multiplied by 3."
    )
    assert [line.evaluation_id for line in found.rows] == [best.id, served.id, weak.id, base.id]
    assert [line.best for line in found.rows] == [True, False, False, False]
    assert (found.rows[0].step, found.rows[0].dev_loss) == (40, 0.2)
    assert (found.best, found.chosen_by) == (best.id, "dev loss")
    pairs = {pair.other_id: pair for pair in found.pairs}
    assert (pairs[weak.id].only_best, pairs[weak.id].only_other) == (2, 0)
    assert pairs[base.id].p == pytest.approx(2 * 3 * 2**-11)  # two comparisons, third look
    assert pairs[served.id].same_answers


def test_the_best_is_chosen_on_dev_and_never_by_the_test(world: World, checkpoints: list[Checkpoint]) -> None:
    first, second = checkpoints
    world.evaluate(first.id, range(12), "step 20")
    later = world.evaluate(second.id, range(3), "step 40")
    found = compare(world.catalog, world.project)
    assert (found.best, found.chosen_by) == (later.id, "dev loss")
    assert (
        "step 20 is better on these rows (100.0 %, p = 0.008); choosing it by the test needs fresh rows"
        in found.sentence
    )
    dev = [world.evaluate(first.id, range(2), "step 20", "dev"), world.evaluate(second.id, range(1), "step 40", "dev")]
    found = compare(world.catalog, world.project)
    assert (found.rows[0].label, found.rows[0].best, found.chosen_by) == ("step 20", True, "dev score")
    on_dev = compare(world.catalog, world.project, [one.id for one in dev])
    assert (on_dev.best, on_dev.chosen_by, on_dev.looks) == (dev[0].id, "these rows", 0)


def test_a_tie_goes_to_the_lower_dev_loss(world: World, checkpoints: list[Checkpoint]) -> None:
    first = world.evaluate(checkpoints[0].id, range(11), "step 20")
    second = world.evaluate(checkpoints[1].id, range(11), "step 40")
    found = compare(world.catalog, world.project, [first.id, second.id])
    assert found.best == second.id
    assert "step 20 gives the same answers." in found.sentence
    third = world.evaluate(checkpoints[0].id, range(1, 12), "step 20")
    assert "cannot separate it from step 20 (91.7 %, p = 1.00), so the checkpoints count as equal." in (
        compare(world.catalog, world.project, [third.id, second.id]).sentence
    )


def test_a_weak_gain_is_called_weak(world: World, checkpoints: list[Checkpoint]) -> None:
    world.evaluate("base", range(9), "base")
    world.evaluate(checkpoints[0].id, range(10), "step 20")
    assert (
        "these 12 rows do not show that it is better than the base (75.0 %, p = 1.00); about 92 rows would be needed"
        in compare(world.catalog, world.project).sentence
    )
    world.evaluate(checkpoints[0].id, range(0), "step 20")
    assert "worse than the base (75.0 %, p = 0.008)" in compare(world.catalog, world.project).sentence


def test_nothing_right_and_nothing_to_compare_with(world: World, checkpoints: list[Checkpoint]) -> None:
    world.evaluate("base", range(0), "base")
    assert "Only base has been evaluated" in compare(world.catalog, world.project).sentence
    world.evaluate(checkpoints[0].id, range(0), "step 20")
    said = compare(world.catalog, world.project).sentence
    assert said.startswith("No candidate got any of the 12 rows right.")


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        (12, "Fine-tuning can still gain something: few-shot reaches 100 % without it."),
        (75, "Do not fine-tune: few-shot already reaches 100 % (at least 95 %)."),
    ],
)
def test_it_may_say_do_not_fine_tune(catalog: Catalog, project: Project, rows: int, advice: str) -> None:
    world = World(catalog, project, make_dataset(catalog, project, rows))
    world.evaluate("base", range(2), "base")
    world.evaluate("few-shot", range(rows), "few-shot")
    assert compare(catalog, project).sentence.endswith(advice)


def test_an_ignored_adapter_is_called_the_base(world: World, checkpoints: list[Checkpoint]) -> None:
    world.evaluate("base", range(5), "base")
    world.evaluate(checkpoints[0].id, range(5), "step 20")
    world.evaluate(checkpoints[1].id, range(6), "step 40")
    found = compare(world.catalog, world.project)
    assert found.ignored == ("step 20",)
    assert "step 20 gives the same answers as the base on every row, so its adapter does nothing." in found.sentence


def test_all_pairs_are_counted_when_the_choice_was_made_on_these_rows(
    world: World, checkpoints: list[Checkpoint]
) -> None:
    for candidate, right in (("base", 0), (checkpoints[0].id, 1), (checkpoints[1].id, 2)):
        world.evaluate(candidate, range(right), candidate, "dev")
    found = compare(world.catalog, world.project)
    assert found.split == "dev"
    assert [pair.p for pair in found.pairs] == [1.0, 1.0]
    values = [{str(row): float(row < right) for row in range(20)} for right in (0, 7, 20)]
    lines = [line.model_copy(update={"evaluation_id": str(at)}) for at, line in enumerate(found.rows[::-1])]
    table = {str(at): one for at, one in enumerate(values)}
    duels = {str(at): duel(values[2], values[at]) for at in (0, 1)}
    assert corrected(lines[2], lines, Outcomes(table, {}), duels, 0) == pytest.approx(
        {"0": 3 * 2**-19, "1": 2 * 2**-12}
    )
    assert corrected(lines[2], lines, Outcomes(table, {}), duels, 2) == pytest.approx(
        {"0": 4 * 2**-19, "1": 2 * 2**-12}
    )


def test_only_rows_of_one_split_are_compared(world: World) -> None:
    test = world.evaluate("base", range(3), "base")
    dev = world.catalog.add(test.but(id="evaluation-dev", split="dev"))
    with pytest.raises(RetortError, match="different rows"):
        compare(world.catalog, world.project, [test.id, dev.id])
    with pytest.raises(RetortError, match="no evaluation"):
        compare(world.catalog, world.project, ["evaluation-none"])


def test_side_by_side(world: World, checkpoints: list[Checkpoint]) -> None:
    both = [world.evaluate("base", range(3), "base"), world.evaluate(checkpoints[0].id, range(8), "step 20")]

    def kept(**chosen: str | bool) -> list[str]:
        return [one.row_id for one in side_by_side(world.catalog, world.project, both, Filter(**chosen))]

    ids = [row.id for row in world.rows]
    assert kept() == ids
    assert kept(differ=True) == kept(right="step 20", wrong="base") == ids[3:8]
    assert kept(right="base", wrong="step 20") == []
    assert kept(field="phone") == ids[3:]
    assert kept(field="phone", wrong="step 20") == ids[8:]
    assert kept(field="address") == []
    assert kept(label="Ann 9") == [row.id for row in world.rows if "Ann 9" in row.answer]
    differing = side_by_side(world.catalog, world.project, both, Filter(differ=True))
    assert differing[0].right == {"base": False, "step 20": True}
    assert differing[0].answers["step 20"] == differing[0].reference == world.rows[3].answer
    assert differing[0].question == world.rows[3].question
    assert differing[0].wrong_fields("base") == ["name", "phone"]


def test_rows_are_found_by_their_document(world: World) -> None:
    one = world.evaluate("base", range(3), "base")
    document = Document(
        id=new_id("document"),
        owner="local",
        project_id=world.project.id,
        name="a.md",
        path="a",
        sha256="",
        size_bytes=1,
    )
    world.catalog.add(document)
    drawn = world.catalog.get(Sample, world.rows[2].id)
    world.catalog.save(drawn.but(document_id=document.id))
    (found,) = side_by_side(world.catalog, world.project, [one], Filter(document="a.md"))
    assert (found.row_id, found.document) == (drawn.id, "a.md")


def test_a_new_run_is_kept_only_when_it_is_better(
    world: World, checkpoints: list[Checkpoint], dataset: Dataset, student: Path
) -> None:
    later = make_run(world.catalog, world.project, dataset, student)
    new = make_checkpoint(world.catalog, world.project, later, 60, dev_loss=0.1)
    old = checkpoints[1]
    kept = world.evaluate(old.id, range(1), "run 1, step 40", "dev")
    world.evaluate(new.id, range(2), "run 2, step 60", "dev")
    found = compare(world.catalog, world.project)
    assert found.best == kept.id
    assert "Revert: the new run has not been shown to be better, so run 1, step 40 stays." in found.sentence
    assert found.newest_run == later.id
    on_test = world.evaluate(old.id, range(3), "run 1, step 40")
    world.evaluate(new.id, range(12), "run 2, step 60")
    assert compare(world.catalog, world.project).best == on_test.id  # what dev decided is confirmed, not undone


def test_a_better_run_is_kept(catalog: Catalog, project: Project, student: Path) -> None:
    dataset = make_dataset(catalog, project, dev_rows=12)
    world = World(catalog, project, dataset)
    runs = [make_run(catalog, project, dataset, student) for _ in range(2)]
    old, new = (make_checkpoint(catalog, project, run, 60) for run in runs)
    first = world.evaluate(old.id, range(3), "run 1, step 60", "dev")
    second = world.evaluate(new.id, range(12), "run 2, step 60", "dev")
    found = compare(catalog, project, [first.id, second.id])
    assert found.best == second.id
    assert "Keep: run 2, step 60 replaces the earlier run." in found.sentence

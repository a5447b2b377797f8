"""Served answers must be the scored ones, and an ignored adapter must not pass."""

import json

import pytest

from tests.evaluation.world import contact, make_evaluation
from tools.catalog import Catalog
from tools.deployment.parity import Parity, parity
from tools.errors import RetortError
from tools.evaluation.statistics.intervals import wilson
from tools.records import Dataset, Deployment, Evaluation, Project, Scores, new_id

SCORES = Scores(exact_match=wilson(0, 100))
CHECKPOINT = {f"row-{number}": contact(number) for number in range(100)}
BASE = dict.fromkeys(CHECKPOINT, "I am sorry")


class World:
    def __init__(self, catalog: Catalog, project: Project, dataset: Dataset) -> None:
        self.catalog, self.project, self.dataset = catalog, project, dataset
        self.deployment = catalog.add(
            Deployment(id=new_id("deployment"), owner="local", project_id=project.id, checkpoint_id="ckpt-1", port=1)
        )

    def add(self, candidate: str, answers: dict[str, str], label: str = "step 20") -> Evaluation:
        return make_evaluation(self.catalog, self.project, self.dataset, candidate, answers, scores=SCORES, label=label)

    def parity(self, answers: dict[str, str]) -> Parity:
        reference = self.add("ckpt-1", CHECKPOINT)
        served = self.add(self.deployment.id, answers, "served")
        return parity(self.catalog, self.project, self.deployment, reference, served)


@pytest.fixture
def world(catalog: Catalog, project: Project, dataset: Dataset) -> World:
    return World(catalog, project, dataset)


def test_the_same_object_in_other_words_is_the_same(world: World) -> None:
    world.add("base", BASE, "base")
    answers = {row: json.dumps(json.loads(said), indent=1, sort_keys=True) for row, said in CHECKPOINT.items()}
    answers["row-0"] = contact(5000)
    answers["row-1"] = CHECKPOINT["row-1"]
    found = world.parity(answers)
    assert (found.rows, found.same_object, found.same_text) == (100, 99, 1)
    assert found.passed
    assert found.share == 0.99
    assert found.sentence == (
        "On 99 of 100 test rows of dataset v1 the served student gives the same answer as step 20 did when it was "
        "scored (99.0 %), so the score holds for what is served."
    )


def test_three_other_answers_in_a_hundred_fail(world: World) -> None:
    found = world.parity({**CHECKPOINT, **{f"row-{number}": "no" for number in range(3)}})
    assert not found.passed
    assert not found.adapter_ignored
    assert "fewer than 98 %" in found.sentence


def test_an_ignored_adapter_is_found_out(world: World) -> None:
    world.add("base", BASE, "base")
    found = world.parity(BASE)
    assert found.adapter_ignored
    assert not found.passed
    assert "ignores the adapter" in found.sentence


def test_an_ignored_adapter_is_found_even_where_base_and_checkpoint_mostly_agree(world: World) -> None:
    base = {**CHECKPOINT, "row-0": "no", "row-1": "no", "row-2": "no"}
    world.add("base", base, "base")
    found = world.parity(base)
    assert found.same_object == 97
    assert found.adapter_ignored


def test_a_single_near_tie_is_no_ignored_adapter(world: World) -> None:
    base = {**CHECKPOINT, "row-0": "no"}
    world.add("base", base, "base")
    found = world.parity(base)
    assert not found.adapter_ignored
    assert found.passed


def test_what_does_not_belong_together_is_refused(world: World) -> None:
    reference, other = world.add("ckpt-1", CHECKPOINT), world.add("ckpt-2", CHECKPOINT)
    served = world.add(world.deployment.id, CHECKPOINT)
    empty = world.add(world.deployment.id, {})
    for pair, message in (
        ((other, served), "serves ckpt-1"),
        ((reference, reference), "is not an evaluation of"),
        ((reference.but(split="dev"), served), "different rows"),
        ((reference, empty), "no rows in common"),
    ):
        with pytest.raises(RetortError, match=message):
            parity(world.catalog, world.project, world.deployment, *pair)

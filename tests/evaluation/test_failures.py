"""Failures in named clusters, and requests aimed at them that hold nothing of dev or the test."""

import json
import random

import pytest

from tests.evaluation.world import SYSTEM, make_evaluation
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.dataset.sealed import read_test
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.evaluation.compare.failures import failures
from tools.evaluation.score.metrics import score
from tools.evaluation.studies.aiming import aim_at
from tools.records import Dataset, Evaluation, Message, Project, Sample, Task, TaskKind, new_id

PLACES = ("Oslo", "Rome", "Lima", "Cairo", "Quito", "Hanoi", "Turin", "Porto", "Osaka", "Perth")


def sample(project: Project, number: int, split: str) -> Sample:
    """Every second input holds an address, told by the word `ship`."""
    draw = random.Random(number)  # words of its own: near-duplicates would be kept out of train
    order = " ".join("".join(draw.choices("abcdefghijklmnop", k=6)) for _ in range(4))
    address = f"{number} Elm Street, {PLACES[number % 10]}" if number % 2 else None
    fields = {"name": f"Ann {number}", "phone": f"555-{number:04}", "address": address, "email": None}
    told = f"please ship it to {address}" if address else f"meet her at noon in {PLACES[number % 10]}"
    return Sample(
        id=new_id("sample"),
        owner="local",
        project_id=project.id,
        messages=(
            Message(role="system", content=SYSTEM),
            Message(role="user", content=f"Ann {number} has 555-{number:04}, {told}; order {order}."),
            Message(role="assistant", content=json.dumps(fields)),
        ),
        state="approved",
        source="user",
        split=split,
    )


@pytest.fixture
def dataset(catalog: Catalog, project: Project) -> Dataset:
    splits = ["train"] * 20 + ["dev"] * 20 + ["test"] * 10
    catalog.add_all([sample(project, number, split) for number, split in enumerate(splits, start=1)])
    return freeze(catalog, project)


def damaged(row: Row, at: int) -> str:
    """Every address is missed; three phones lose a digit, one answer is no JSON."""
    fields = json.loads(row.answer)
    fields["address"] = None
    if at in (0, 2, 4) and json.loads(row.answer)["address"] is None:
        fields["phone"] = fields["phone"][:-1]
    return "Sorry?" if at == 19 else json.dumps(fields)


@pytest.fixture
def evaluation(catalog: Catalog, project: Project, dataset: Dataset) -> Evaluation:
    rows = sorted(read_dev(catalog, dataset), key=lambda row: json.loads(row.answer)["address"] is not None)
    answers = {row.id: damaged(row, at) for at, row in enumerate(rows)}
    scores = score(project.task, rows, answers)
    return make_evaluation(catalog, project, dataset, "ckpt-1", answers, scores=scores, label="step 20", split="dev")


def test_failures_are_clustered_and_named(catalog: Catalog, project: Project, evaluation: Evaluation) -> None:
    found = failures(catalog, project, evaluation)
    assert [(one.name, len(one.row_ids)) for one in found] == [
        ("address is missed", 9),
        ("phone is cut short", 3),
        ("other", 1),
    ]
    assert "ship" in found[0].terms
    wrong = {row for one in found for row in one.row_ids}
    assert len(wrong) == evaluation.scores.exact_match.rows - evaluation.scores.exact_match.hits == 13


def test_an_aim_shows_train_rows_of_the_failing_kind_only(
    catalog: Catalog, project: Project, dataset: Dataset, evaluation: Evaluation
) -> None:
    aim = aim_at(catalog, project, evaluation, "address is missed")
    assert aim.focus == "inputs that do hold the address, in forms that are easily overlooked"
    train = {row.id: row for row in read_train(catalog, dataset)}
    assert set(aim.examples) <= set(train)
    assert len(aim.examples) == 8
    assert all(json.loads(train[one].answer)["address"] for one in aim.examples)
    hidden = [*read_dev(catalog, dataset), *read_test(catalog, dataset)]
    assert not any(row.id in aim.model_dump_json() or row.question in aim.focus for row in hidden)
    with pytest.raises(RetortError, match=r"no cluster 'email is missed'.*'address is missed'"):
        aim_at(catalog, project, evaluation, "email is missed")


def test_the_sealed_test_is_no_target(
    catalog: Catalog, project: Project, dataset: Dataset, evaluation: Evaluation
) -> None:
    sealed = catalog.add(evaluation.but(id=new_id("evaluation"), split="test"))
    with pytest.raises(RetortError, match="would unseal it"):
        aim_at(catalog, project, sealed, "address is missed")


def call(value: int) -> str:
    return f'<tool_call>{{"name": "find", "arguments": {{"x": {value}}}}}</tool_call>'


@pytest.mark.parametrize(
    ("kind", "said", "name"),
    [
        ("classification", ("refund", "delivery"), "refund is taken for delivery"),
        ("classification", ("refund", "I would say refund"), "refund is taken for no label"),
        ("answering", ("in Lima", ""), "the answer is empty"),
        ("answering", ("in Lima", "Lima"), "the answer is cut short"),
        ("answering", ("in Lima", "She was born in Lima in 1999"), "the answer says too much"),
        ("open", ("in Lima", "I'm sorry, I cannot"), "it refuses"),
        ("calling", (call(1), "It is 1."), "no function is called"),
        ("calling", (call(1), call(2)), "arguments of find are wrong"),
    ],
)
def test_errors_of_every_kind_have_names(
    catalog: Catalog, project: Project, kind: TaskKind, said: tuple[str, str], name: str
) -> None:
    reference, answer = said
    task = Task(kind=kind, labels=("refund", "delivery"), language="en")
    project = catalog.save(project.but(task=task))
    rows = [
        sample(project, number, "dev").but(
            messages=(
                Message(role="user", content=f"Question {number}: {PLACES[number]}?"),
                Message(role="assistant", content=reference),
            )
        )
        for number in range(3)
    ]
    catalog.add_all([*rows, *(sample(project, number, "train" if number < 40 else "test") for number in range(30, 50))])
    frozen = freeze(catalog, project)
    answers = {row.id: answer if row.answer == reference else row.answer for row in read_dev(catalog, frozen)}
    scores = score(task, read_dev(catalog, frozen), answers)
    made = make_evaluation(catalog, project, frozen, "ckpt-1", answers, scores=scores, split="dev")
    assert [(one.name, len(one.row_ids)) for one in failures(catalog, project, made)] == [(name, 3)]

"""Versions know their parents and differences, cards count, lengths advise, and the bound keeps its word."""

import random
from pathlib import Path

import pytest

from tests.dataset.rows import add_distinct, distinct, sample
from tools.catalog import Catalog
from tools.dataset.card import card, markdown
from tools.dataset.freezing import freeze
from tools.dataset.lengths import lengths
from tools.dataset.looking import bound
from tools.dataset.splits import read_dev, read_train
from tools.dataset.versions import difference, read_index
from tools.errors import RetortError
from tools.records import Message, Project, Task
from tools.training.fit import measure_lengths


def test_versions_know_their_parent_and_what_changed(catalog: Catalog, project: Project) -> None:
    samples = add_distinct(catalog, project, 60)
    first = freeze(catalog, project)
    catalog.add_all(distinct(project, 72)[60:])
    catalog.save(samples[0].but(state="rejected", reason="bad"))
    turns = (samples[1].messages[0], Message(role="assistant", content="better"))
    catalog.save(samples[1].but(messages=turns, state="edited"))
    second = freeze(catalog, project)
    assert (first.parent_id, second.parent_id) == ("", first.id)
    found = difference(catalog, first, second)
    assert (len(found.added), found.removed, found.edited) == (12, (samples[0].id,), (samples[1].id,))
    assert found.sentence.startswith("Version 2 compared with version 1: +12, -1, 1 edited")
    back = difference(catalog, second, first)
    assert (len(back.removed), back.added) == (12, found.removed)
    assert {entry.split for entry in read_index(catalog, first)} == {"train", "dev", "test"}


def test_a_damaged_version_is_not_compared(catalog: Catalog, project: Project) -> None:
    add_distinct(catalog, project, 40)
    dataset = freeze(catalog, project)
    (catalog.folder(project) / dataset.folder / "dev.jsonl").unlink()
    with pytest.raises(RetortError, match=r"Version 1 .* is damaged"):
        difference(catalog, dataset, dataset)


def test_a_card_counts_what_is_in_the_version(catalog: Catalog, project: Project, tiny_student: Path) -> None:
    task = Task(kind="classification", input_description="x", labels=("ja", "nein"), language="de")
    project = catalog.save(project.but(task=task))
    for number, one in enumerate(distinct(project, 50)):
        turns = (
            one.messages[0],
            Message(role="assistant", content=("ja", "nein", "nein", "nein", "oh|no")[number % 5]),
        )
        origin = {"source": "import:rows.csv", "licence": "CC0"} if number < 20 else {}
        catalog.add(one.but(messages=turns, **origin))
    dataset = freeze(catalog, project, test_rows=10, dev_rows=10)
    found = card(catalog, project, dataset, measure_lengths(catalog, dataset, f"path:{tiny_student}"))
    assert found.rows == {"train": 30, "dev": 10, "test": 10}
    assert found.answers == {"nein": 24, "ja": 8, "oh|no": 8}  # by their share in each split
    assert (found.passed, list(found.failed.values())) == (32, [8])
    assert found.sources == {"test": 30, "import:rows.csv": 20}
    assert found.licences == {"CC0": 20}
    assert found.lengths is not None
    assert len(found.lengths.tokens) == 40
    page = markdown(found)
    assert "| nein | 24 |" in page
    assert "| oh\\|no | 8 |" in page
    assert "30 train, 10 dev, 10 test rows" in page
    assert found.lengths.sentence in page


def test_the_advice_keeps_95_percent_within_the_context() -> None:
    found = lengths("s", 2048, [*range(1, 97), 3000, 3000, 3000, 4000])
    assert (found.percentile(50), found.percentile(95), found.percentile(100)) == (50, 95, 4000)
    assert (found.over(2048), found.over(96), found.advised_tokens) == (4, 4, 128)
    assert "4 of 100 (4.0%) exceed the student's context of 2,048" in found.sentence
    assert sum(count for _, count in found.histogram()) == 100
    assert lengths("s", 64, [100, 100]).advised_tokens == 64


def test_lengths_are_those_of_training(catalog: Catalog, project: Project, tiny_student: Path) -> None:
    """A byte-level student: its tokens can be counted by hand."""
    catalog.add_all([sample(project, "é" * number + "abcdefghij"[number % 10], "x") for number in range(1, 40)])
    dataset = freeze(catalog, project, test_rows=5, dev_rows=5)
    found = measure_lengths(catalog, dataset, f"path:{tiny_student}")
    rows = [*read_train(catalog, dataset), *read_dev(catalog, dataset)]
    frame = len("user\n") + len("\n") + len("assistant\n") + 3 + 2  # three marks, the answer and its end
    assert list(found.tokens) == sorted(frame + len(row.question.encode()) for row in rows)
    assert found.context_tokens == 2048
    assert measure_lengths(catalog, dataset, f"path:{tiny_student}") == found


# --- the bound ----------------------------------------------------------------------------------------------------


def test_the_bound_says_what_the_issue_says() -> None:
    assert bound(40, 0).sentence == "40 reviewed, 0 bad, so less than 7.2 % are bad (95 % confidence)"
    assert bound(40, 0).share == pytest.approx(1 - 0.05 ** (1 / 40))
    assert bound(0, 0).share == 1.0
    assert bound(5, 5).share == 1.0
    with pytest.raises(RetortError, match="6 bad samples among 5"):
        bound(5, 6)


@pytest.mark.parametrize("true_share", [0.01, 0.05, 0.072, 0.3])
def test_the_bound_holds_in_95_of_100_reviews(true_share: float) -> None:
    """10,000 simulated reviews of 40: the share that is really bad is below the bound in at least 95 % of them."""
    draws = random.Random(11)
    limits = [bound(40, bad).share for bad in range(41)]
    reviews = 10_000
    held = sum(limits[sum(draws.random() < true_share for _ in range(40))] >= true_share for _ in range(reviews))
    assert held / reviews >= 0.95 - 0.005  # three standard errors of the simulation itself

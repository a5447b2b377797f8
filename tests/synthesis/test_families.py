"""Families of simulated samples: no two say anything in the same words, and each stays in one split."""

import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.conftest import CONTACTS
from tests.dataset.rows import sample as row
from tests.synthesis import tasks
from tests.synthesis.writers import four_words, shipping
from tools.catalog import Catalog
from tools.dataset.drawing import Draw, Sizes, draw
from tools.errors import RetortError
from tools.records import Project, Sample, Task
from tools.simulator.phrasebook import Book, words_of
from tools.simulator.simulator import CHANNELS, Simulator

TASKS = {
    "shipping": shipping(),
    "contacts": CONTACTS,
    "orders": tasks.ORDERS,
    "two phones": tasks.TWO_PHONES,
    "shipping, Chinese": shipping("zh"),
    "orders, Chinese": tasks.CHINESE_ORDERS,
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_two_families_share_four_words_outside_their_values(task: Task) -> None:
    simulator, spaced = Simulator(task, "families"), task.language != "zh"
    family_of: dict[str, str] = {}
    shared: dict[str, str] = {}
    for number in range(2500 if task.input_description == "shipping messages" else 800):
        written = simulator.written(number)
        for words in four_words(written.pieces, spaced=spaced):
            if family_of.setdefault(words, written.drafted.family) != written.drafted.family:
                shared[words] = f"{family_of[words]} and {written.drafted.family}"
    assert shared == {}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_phrase_belongs_to_one_writer(language: str) -> None:
    books = words_of(language).books
    assert len(books) >= 20
    habits = ("family", "colon", "date", "price", "joints", "um")
    lists = [name for name in Book.model_fields if name not in habits and (name != "messages" or language == "en")]
    owners: dict[str, set[str]] = {}
    for book in books:
        for name in lists:
            phrases = getattr(book, name)
            for phrase in phrases if isinstance(phrases, tuple) and name != "blanks" else ():
                owners.setdefault(phrase.lower(), set()).add(book.family)
        assert all(getattr(book, name) for name in lists), book.family  # nobody is at a loss for words
    assert {phrase: who for phrase, who in owners.items() if len(who) > 1} == {}


def test_a_phrase_book_has_no_word_that_nobody_reads() -> None:
    known = {field.alias or name for name, field in Book.model_fields.items()}
    for path in Path("tools/simulator/words").glob("*/[0-9]*.yaml"):
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= known, path


def test_a_sample_says_its_family_and_its_pattern() -> None:
    drawn = [Simulator(shipping(), "s").sample(number) for number in range(400)]
    assert len({one.family for one in drawn}) >= 20
    assert {one.style for one in drawn} == set(CHANNELS)
    assert all(one.origin == f"{one.family}/{one.style}" for one in drawn)


def test_a_language_without_phrase_books_has_families_of_habits() -> None:
    drawn = [Simulator(tasks.GERMAN, "s").sample(number) for number in range(100)]
    assert len({one.family for one in drawn}) >= 3
    assert {one.style for one in drawn} <= {"form", "row", "line", "slip", "record"}


# --- splits -------------------------------------------------------------------------------------------------------


def simulated(project: Project, count: int, task: Task | None = None) -> list[Sample]:
    simulator = Simulator(task or shipping(), "split")
    return [
        row(project, one.input, one.output, family=one.family, source=f"simulator:{one.style}", origin=one.origin)
        for one in map(simulator.sample, range(count))
    ]


def families(drawn: Draw) -> list[set[str]]:
    return [{one.family for one in part} - {""} for part in (drawn.train, drawn.dev, drawn.test)]


@pytest.mark.parametrize("seed", [1, 17])
def test_families_stay_whole_and_sizes_are_met_as_well_as_they_can_be(project: Project, seed: int) -> None:
    samples = simulated(project, 530)
    drawn = draw(samples, Sizes(test_rows=60), seed)
    kept = families(drawn)
    assert all(kept)
    assert sum(map(len, kept)) == len(set.union(*kept))
    assert sum(map(len, (drawn.train, drawn.dev, drawn.test))) == 530
    smallest = min(Counter(one.family for one in samples).values())
    assert abs(len(drawn.test) - 60) <= smallest / 2
    assert any("rows instead of 60" in note for note in drawn.notes) == (len(drawn.test) != 60)


def test_real_rows_beside_a_family_stay_with_what_they_repeat(project: Project) -> None:
    samples = simulated(project, 400)
    repeats = [row(project, one.question.upper(), one.answer) for one in samples[:30]]
    drawn = draw([*samples, *repeats], Sizes(), 3)
    place = {one.id: name for name, part in drawn if name != "notes" for one in part}
    assert all(place[one.id] == place[copy.id] for one, copy in zip(samples[:30], repeats, strict=True))
    assert sum(map(len, families(drawn))) == len(set.union(*families(drawn)))


def test_labels_that_look_alike_glue_no_families_together(project: Project) -> None:
    draws = random.Random(4)
    samples = [
        row(project, f"Name: {draws.randrange(99)} Phone: {draws.randrange(10**6)}", str(n), family=f"de/0{n % 6}")
        for n in range(120)
    ]
    kept = families(draw(samples, Sizes(), 1))
    assert all(kept)
    assert all(not first & second for first, second in pairwise(kept))


def test_too_few_families_are_no_simulated_test(project: Project) -> None:
    few = [one for one in simulated(project, 600) if one.family in ("en/01", "en/02")]
    with pytest.raises(RetortError, match=r"the words of 2 families, so there is no simulated test.*Import real rows"):
        draw(few, Sizes(), 1)
    real = [row(project, f"{word} wrote this by hand", word, split="test") for word in ("Ana", "Ben", "Cem")]
    drawn = draw([*few, *real], Sizes(), 1)  # a test of real rows, a family to train on, and one to choose by
    assert {one.id for one in drawn.test} == {one.id for one in real}
    assert drawn.dev


def test_varied_examples_are_families_and_a_label_without_test_rows_is_told(project: Project) -> None:
    drawn = draw(simulated(project, 120, tasks.BANK), Sizes(), 1)
    kept = families(drawn)
    assert sum(map(len, kept)) == len(set.union(*kept)) == 4
    assert any("no row of the label" in note and "real rows" in note for note in drawn.notes)


def test_the_family_is_kept_with_the_sample(catalog: Catalog, project: Project) -> None:
    (sample,) = simulated(project, 1)
    catalog.add(sample)
    assert catalog.get(Sample, sample.id).family == sample.family != ""

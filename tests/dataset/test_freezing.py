"""Frozen datasets: nothing leaks, nothing changes, the same goes in and the same comes out."""

import errno
import json
import random
import shutil
from pathlib import Path

import pytest

from tests.dataset.rows import add_distinct, distinct, sample
from tools.catalog import Catalog
from tools.dataset.copies import loose_key
from tools.dataset.freezing import freeze
from tools.dataset.sealed import read_test
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.files import is_complete
from tools.records import Dataset, Project, Sample, new_id


def splits(catalog: Catalog, dataset: Dataset) -> dict[str, list[Row]]:
    return {
        "train": read_train(catalog, dataset),
        "dev": read_dev(catalog, dataset),
        "test": read_test(catalog, dataset),
    }


def questions(catalog: Catalog, dataset: Dataset) -> dict[str, set[str]]:
    return {name: {row.question for row in rows} for name, rows in splits(catalog, dataset).items()}


def test_every_good_sample_is_in_one_split_and_no_other_is(catalog: Catalog, project: Project) -> None:
    good = add_distinct(catalog, project, 200)
    catalog.save(good[0].but(state="edited"))
    catalog.add(sample(project, "still a draft", state="draft"))
    catalog.add(sample(project, "thrown out", state="rejected"))
    dataset = freeze(catalog, project)
    assert dataset.rows == {"train": 120, "dev": 20, "test": 60}
    parts = splits(catalog, dataset)
    assert {name: len(rows) for name, rows in parts.items()} == dataset.rows
    ids = [row.id for rows in parts.values() for row in rows]
    assert sorted(ids) == sorted(one.id for one in good)
    messages = {row.id: row.messages for rows in parts.values() for row in rows}
    assert all(messages[one.id] == one.messages for one in good)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (10, (6, 1, 3)),
        (30, (17, 3, 10)),
        (180, (102, 18, 60)),
        (1000, (750, 100, 150)),
        (4000, (3400, 100, 500)),
    ],
)
def test_default_sizes(catalog: Catalog, project: Project, rows: int, expected: tuple[int, int, int]) -> None:
    add_distinct(catalog, project, rows)
    assert tuple(freeze(catalog, project).rows.values()) == expected


def test_told_sizes_win(catalog: Catalog, project: Project) -> None:
    add_distinct(catalog, project, 50)
    assert freeze(catalog, project, dev_rows=7, test_rows=20).rows == {"train": 23, "dev": 7, "test": 20}
    assert freeze(catalog, project, dev_share=0.2, test_rows=5).rows == {"train": 35, "dev": 10, "test": 5}


@pytest.mark.parametrize(
    ("count", "sizes", "problem"),
    [
        (9, {}, "9 approved samples are too few"),
        (0, {}, "0 approved samples are too few"),
        (20, {"test_rows": 18}, "18 test and 2 dev rows leave no rows to train on: only 20"),
        (20, {"test_rows": 0}, "test_rows is 0"),
        (20, {"dev_rows": -1}, "dev_rows is -1"),
        (20, {"dev_share": 1.0}, "dev_share is 1.0"),
    ],
)
def test_too_few_is_refused_with_the_numbers(
    catalog: Catalog, project: Project, count: int, sizes: dict[str, float], problem: str
) -> None:
    add_distinct(catalog, project, count)
    with pytest.raises(RetortError) as caught:
        freeze(catalog, project, **sizes)  # type: ignore[arg-type]
    assert problem in caught.value.problem
    assert caught.value.fix
    assert catalog.find(Dataset, project.id) == []
    assert not (catalog.folder(project) / "datasets").exists()


# --- leaks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 17, 2026])
def test_near_duplicates_and_documents_never_cross(catalog: Catalog, project: Project, seed: int) -> None:
    draws = random.Random(seed)
    samples = distinct(project, 150)
    for one in draws.sample(samples, 60):  # planted: another number, case, punctuation, width
        other = draws.choice((one.question.upper(), f"{one.question}!!", one.question.replace(" ", " ,  ")))
        samples.append(sample(project, other))
    for number in range(20):
        samples += [sample(project, f"order {number} from {word}") for word in ("Rome", "Rome.", "ROME")]
    samples = [
        one.but(document_id=f"document-{draws.randrange(40)}") if draws.random() < 0.3 else one for one in samples
    ]
    catalog.add_all(samples)
    parts = splits(catalog, freeze(catalog, project, seed=seed))
    by_id = {one.id: one for one in samples}
    for mark in (loose_key, lambda one: one.document_id or one.id):
        seen = [{mark(by_id[row.id]) for row in rows} for rows in parts.values()]
        assert sum(map(len, seen)) == len(set.union(*seen))  # no mark on both sides of a border
    assert sum(map(len, parts.values())) == len(samples)
    assert len(parts["test"]) >= 60


def test_one_big_document_is_split_by_passages(catalog: Catalog, project: Project) -> None:
    samples = distinct(project, 120)
    samples = [one.but(document_id="document-1", passage_id=f"passage-{n // 4}") for n, one in enumerate(samples)]
    catalog.add_all(samples)
    dataset = freeze(catalog, project)
    passage = {one.id: one.passage_id for one in samples}
    seen = [{passage[row.id] for row in rows} for rows in splits(catalog, dataset).values()]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert "each passage" in dataset.note
    assert dataset.rows["test"] == 40


def test_a_few_documents_stay_whole(catalog: Catalog, project: Project) -> None:
    samples = [one.but(document_id=f"document-{n % 5}") for n, one in enumerate(distinct(project, 150))]
    catalog.add_all(samples)
    dataset = freeze(catalog, project)
    assert dataset.rows == {"train": 90, "dev": 30, "test": 30}
    assert dataset.note == ""


def test_inputs_that_differ_in_numbers_only_can_still_be_split(catalog: Catalog, project: Project) -> None:
    catalog.add_all([sample(project, f"What is {n} + {n}?", str(2 * n)) for n in range(30)])
    dataset = freeze(catalog, project)
    assert dataset.rows == {"train": 17, "dev": 3, "test": 10}
    assert "numbers" in dataset.note


def test_one_input_over_and_over_is_refused(catalog: Catalog, project: Project) -> None:
    catalog.add_all([sample(project, "Who are you?", f"I am {n}") for n in range(30)])
    with pytest.raises(RetortError, match=r"30 samples give 30 train, 0 dev and 0 test rows"):
        freeze(catalog, project)


# --- pins ---------------------------------------------------------------------------------------------------------


def test_pinned_test_rows_are_the_test_and_repeats_of_them_leave_train(catalog: Catalog, project: Project) -> None:
    samples = distinct(project, 130)
    pinned = [one.but(split="test") for one in samples[:30]]
    train = [one.but(split="train") for one in samples[30:]]
    repeats = [
        sample(project, one.question.upper() + "?", split=split)
        for one, split in zip(pinned[:3], ["train", "dev", ""], strict=True)
    ]
    catalog.add_all([*repeats, *train, *pinned])
    dataset = freeze(catalog, project, test_rows=50)
    parts = splits(catalog, dataset)
    assert {row.id for row in parts["test"]} == {one.id for one in pinned}
    assert dataset.rows == {"train": 90, "dev": 10, "test": 30}
    assert [(one.why, one.rows) for one in dataset.left_out] == [("equal", 3)]
    assert "3 rows were left out" in dataset.left_out[0].sentence
    assert "30 test rows instead of 50" in dataset.note
    assert not {one.id for one in repeats} & {row.id for rows in parts.values() for row in rows}


def test_pinned_train_rows_never_reach_test(catalog: Catalog, project: Project) -> None:
    samples = distinct(project, 100)
    near = [sample(project, one.question + "!") for one in samples[:20]]  # free, but near to train
    catalog.add_all([one.but(split="train" if n < 70 else "") for n, one in enumerate(samples)] + near)
    dataset = freeze(catalog, project)
    assert dataset.rows == {"train": 98, "dev": 12, "test": 10}
    free = {one.question for one in samples[70:]}
    assert questions(catalog, dataset)["test"] <= free


def test_pinned_dev_rows_are_the_dev(catalog: Catalog, project: Project) -> None:
    samples = [one.but(split="dev" if n < 5 else "") for n, one in enumerate(distinct(project, 60))]
    catalog.add_all([*samples, sample(project, samples[0].question + ".")])
    dataset = freeze(catalog, project)
    assert {row.id for row in read_dev(catalog, dataset)} == {one.id for one in samples[:5]}
    assert dataset.rows == {"train": 37, "dev": 5, "test": 18}
    assert [(one.why, one.rows, one.example) for one in dataset.left_out] == [("equal", 1, f"{samples[0].question}.")]


def test_all_pinned_to_train_leaves_no_test(catalog: Catalog, project: Project) -> None:
    add_distinct(catalog, project, 30, split="train")
    with pytest.raises(RetortError, match=r"27 train, 3 dev and 0 test") as caught:
        freeze(catalog, project)
    assert "import rows for the empty split" in caught.value.fix


# --- versions and bytes -------------------------------------------------------------------------------------------


def test_unchanged_samples_give_the_same_dataset(catalog: Catalog, project: Project) -> None:
    samples = add_distinct(catalog, project, 40)
    first = freeze(catalog, project)
    catalog.add(sample(project, "a draft changes nothing", state="draft"))
    assert freeze(catalog, project) == first
    other_seed = freeze(catalog, project, seed=18)
    assert (other_seed.version, other_seed.folder) == (2, "datasets/v2")
    catalog.save(samples[0].but(state="rejected", reason="bad"))
    assert freeze(catalog, project).version == 3
    catalog.save(samples[0])
    assert freeze(catalog, project) == first  # as it was before
    assert len(catalog.find(Dataset, project.id)) == 3


def test_neither_order_nor_catalog_matters(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    samples = distinct(project, 60)
    catalog.add_all(samples)
    home = tmp_path / "elsewhere"
    home.mkdir()
    other = Catalog(f"sqlite:///{home / 'c.sqlite'}", "local", home)
    other.add(project)
    other.add_all(samples[::-1])
    renamed = catalog.add(project.but(id=new_id("project"), slug="renamed"))
    catalog.add_all([one.but(id=new_id("sample"), project_id=renamed.id) for one in samples])
    dataset = freeze(catalog, project)
    assert freeze(other, project).sha256 == dataset.sha256
    assert questions(catalog, freeze(catalog, renamed)) == questions(catalog, dataset)  # ids do not matter either
    other.close()


def test_files_are_sealed_and_a_change_is_noticed(catalog: Catalog, project: Project) -> None:
    add_distinct(catalog, project, 40)
    dataset = freeze(catalog, project)
    folder = catalog.folder(project) / dataset.folder
    assert is_complete(folder)
    assert (folder / "sealed/test.jsonl").stat().st_mode & 0o777 == 0o400
    row = json.loads((folder / "train.jsonl").read_text().splitlines()[0])
    assert set(row) == {"id", "messages"}
    readers = {"train.jsonl": read_train, "dev.jsonl": read_dev, "sealed/test.jsonl": read_test}
    for name, read in readers.items():
        path = folder / name
        before = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(before.replace(b"answer", b"unswer", 1))
        with pytest.raises(RetortError, match=f"{name} was changed"):
            read(catalog, dataset)
        path.unlink()
        with pytest.raises(RetortError, match=f"{name} is missing"):
            read(catalog, dataset)
        path.write_bytes(before)
    (folder / "dev.jsonl").unlink()
    again = freeze(catalog, project)  # a damaged version is not handed out again
    assert (again.version, again.sha256) == (2, dataset.sha256)


def test_what_a_killed_freeze_left_is_passed_over(catalog: Catalog, project: Project) -> None:
    add_distinct(catalog, project, 40)
    left = catalog.folder(project) / "datasets/v1"
    (left / "sealed").mkdir(parents=True)
    (left / ".train.jsonl.1.tmp").write_bytes(b"half")
    dataset = freeze(catalog, project)
    assert dataset.version == 2
    assert is_complete(catalog.folder(project) / dataset.folder)
    assert (left / ".train.jsonl.1.tmp").read_bytes() == b"half"


def test_a_full_disk_leaves_nothing(catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    add_distinct(catalog, project, 40)
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "dev.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(RetortError, match="No space left"):
            freeze(catalog, project)
    assert list((catalog.folder(project) / "datasets").iterdir()) == []
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))
        with pytest.raises(RetortError, match="not enough disk space for the dataset"):
            freeze(catalog, project)
    assert catalog.find(Dataset, project.id) == []
    assert catalog.find(Sample, project.id, states=("approved",))
    assert freeze(catalog, project).version == 1

"""Freeze the approved samples into a dataset: split without leaks, hashed, never changed again."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from pydantic import JsonValue

from tools.catalog import Catalog
from tools.dataset.drawing import Sizes, draw
from tools.dataset.patterns import thin
from tools.dataset.policy import let_through
from tools.dataset.real import set_apart, told_as_train
from tools.dataset.tally import vouched
from tools.dataset.versions import INDEX, index_rows
from tools.errors import RetortError
from tools.files import is_complete, need_space, seal_folder, sync_folder, to_jsonl, write_atomic
from tools.records import Dataset, Project, Sample, new_id
from tools.synthesis.check.judging import fingerprints
from tools.text.likeness import FINGERPRINTS, Fingerprints
from tools.text.reasoning import opens_reasoning

FILE_OF = {
    "train": "train.jsonl",
    "dev": "dev.jsonl",
    "test": "sealed/test.jsonl",
    "real": "sealed/real.jsonl",
    INDEX: INDEX,
}
SEALED = ("test", "real")


def freeze(
    catalog: Catalog,
    project: Project,
    *,
    dev_share: float = 0.1,
    dev_rows: int | None = None,
    test_rows: int | None = None,
    seed: int = 17,
) -> Dataset:
    """The approved and edited samples that the policy lets through, as a new dataset version.

    Real messages are sealed beside the test; what repeats one of them is left out of all else.
    Test is 15 % of the rows (at least 60, at most 500 or a third) and dev 10 % (at most 100), unless told.
    When an intact dataset with this seed has files of the same hashes, nothing has changed and it is returned.
    Raises RetortError, before anything is written, when there are too few samples or too little disk space.
    """
    sizes = _need_possible(Sizes(dev_share=dev_share, dev_rows=dev_rows, test_rows=test_rows))
    passed = let_through(catalog, project)
    apart = set_apart(project.task, passed.samples, project.policy.copies)
    drawn = draw(apart.others, sizes, seed, project.policy.copies)
    parts = {"train": drawn.train, "dev": drawn.dev, "test": drawn.test}
    if apart.real:
        parts["real"] = tuple(told_as_train(apart.real, drawn.train))
    data = {split: to_jsonl(_row(sample) for sample in part) for split, part in parts.items()}
    hashes = {split: hashlib.sha256(text).hexdigest() for split, text in data.items()}
    note, left_out = " ".join(drawn.notes), (*passed.left_out, *apart.left_out, *drawn.left_out)
    known = catalog.find(Dataset, project.id)
    home = catalog.folder(project)
    for dataset in reversed(known):
        if dataset.seed == seed and dataset.sha256 == hashes and is_complete(home / dataset.folder):
            return dataset.but(note=note, left_out=left_out, review=passed.review)  # told as it is today
    data[INDEX] = to_jsonl(index_rows(parts))
    need_space(home, 2 * sum(map(len, data.values())), "the dataset")
    version, folder = _new_folder(home / "datasets", known)
    _write(folder, data, fingerprints(project.task, (*drawn.test, *apart.real)))
    record = Dataset(
        id=new_id("dataset"),
        owner=catalog.owner,
        project_id=project.id,
        version=version,
        folder=str(folder.relative_to(home)),
        rows={split: len(part) for split, part in parts.items()},
        sha256=hashes,
        seed=seed,
        note=note,
        left_out=left_out,
        vouched=dict(Counter(vouched(one) for part in parts.values() for one in part)),
        thin=thin(project.task, [one for part in parts.values() for one in part], drawn.test),
        reasons=2 * sum(opens_reasoning(one.answer) for one in drawn.train) > len(drawn.train),
        parent_id=known[-1].id if known else "",
        review=passed.review,
    )
    return catalog.add(record)  # last: what the catalog knows is complete on disk


def _need_possible(sizes: Sizes) -> Sizes:
    for name, rows in (("dev_rows", sizes.dev_rows), ("test_rows", sizes.test_rows)):
        if rows is not None and rows < 1:
            raise RetortError(
                f"{name} is {rows}, but each split needs at least one row.",
                f"Set {name} to 1 or more, or leave it out.",
            )
    if not 0 < sizes.dev_share < 1:
        raise RetortError(
            f"dev_share is {sizes.dev_share}, but it must be a share of the rows.",
            "Give a share between 0 and 1, for example 0.1.",
        )
    return sizes


def _row(sample: Sample) -> JsonValue:
    return sample.model_dump(mode="json", include={"id", "messages", "tools"}, exclude_defaults=True)


def _new_folder(parent: Path, known: Sequence[Dataset]) -> tuple[int, Path]:
    """The next version's own folder. A number whose folder exists is passed over: a freeze that died has left it."""
    parent.mkdir(parents=True, exist_ok=True)
    for version in count(max((dataset.version for dataset in known), default=0) + 1):
        folder = parent / f"v{version}"
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        sync_folder(parent)
        return version, folder
    raise AssertionError("count() has no end")


def _write(folder: Path, data: dict[str, bytes], sealed: Fingerprints) -> None:
    """The splits, and what tells later whether an input repeats what is sealed without showing a row of it."""
    try:
        for split, text in data.items():
            write_atomic(folder / FILE_OF[split], text)
        sealed.write(folder / FINGERPRINTS)
        seal_folder(folder)
    except RetortError:
        shutil.rmtree(folder)  # half a version is none; its number is free again
        raise
    for split in SEALED:
        if split in data:
            (folder / FILE_OF[split]).chmod(0o400)

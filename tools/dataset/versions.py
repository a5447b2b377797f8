"""What is in each version, and what changed between two. Ids and hashes only: no sealed text is read for it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field, JsonValue

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import is_complete
from tools.records import Dataset, Sample, Value

INDEX = "index.jsonl"


class Entry(Value):
    """One row of a version: which sample, in which split, and a hash of its messages and tools."""

    id: str
    split: str
    sha256: str


class Difference(Value):
    """What the newer version has that the older has not, by sample ids."""

    older: int
    newer: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    edited: tuple[str, ...] = Field(description="The same sample with other messages.")
    moved: tuple[str, ...] = Field(description="The same sample in another split.")

    @property
    def sentence(self) -> str:
        """'Version 3 against version 2: +120, -8, 14 edited, 2 in another split.'"""
        counts = [f"+{len(self.added)}", f"-{len(self.removed)}", f"{len(self.edited)} edited"]
        counts += [f"{len(self.moved)} in another split"] if self.moved else []
        return f"Version {self.newer} against version {self.older}: {', '.join(counts)}."


def index_rows(parts: Mapping[str, Sequence[Sample]]) -> Iterator[JsonValue]:
    """An entry for each sample of each split, as it is kept beside the splits."""
    for split, samples in parts.items():
        for sample in samples:
            said = sample.model_dump_json(include={"messages", "tools"})
            yield {"id": sample.id, "split": split, "sha256": hashlib.sha256(said.encode()).hexdigest()}


def read_index(catalog: Catalog, dataset: Dataset) -> list[Entry]:
    """The entries of a version. Raises RetortError when its folder is damaged."""
    folder: Path = catalog.folder(dataset.project_id) / dataset.folder
    if not is_complete(folder) or not (folder / INDEX).is_file():
        raise RetortError(
            f"Version {dataset.version} in {folder} is damaged or was frozen without an index.",
            "Freeze the dataset again; the samples are still there.",
        )
    return [Entry.model_validate(json.loads(line)) for line in (folder / INDEX).read_bytes().splitlines()]


def difference(catalog: Catalog, older: Dataset, newer: Dataset) -> Difference:
    """What changed from one version to another."""
    before = {entry.id: entry for entry in read_index(catalog, older)}
    after = {entry.id: entry for entry in read_index(catalog, newer)}
    both = [id_ for id_ in after if id_ in before]
    return Difference(
        older=older.version,
        newer=newer.version,
        added=tuple(id_ for id_ in after if id_ not in before),
        removed=tuple(id_ for id_ in before if id_ not in after),
        edited=tuple(id_ for id_ in both if after[id_].sha256 != before[id_].sha256),
        moved=tuple(id_ for id_ in both if after[id_].split != before[id_].split),
    )

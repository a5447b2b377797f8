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
    origin: str = Field("", description="Mark that rows of one origin share; empty in versions that did not keep it.")


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
        return f"Version {self.newer} compared with version {self.older}: {', '.join(counts)}."


def index_rows(parts: Mapping[str, Sequence[Sample]]) -> Iterator[JsonValue]:
    """An entry for each sample of each split, as it is kept beside the splits."""
    marks = origins([sample for samples in parts.values() for sample in samples])
    for split, samples in parts.items():
        for sample in samples:
            said = sample.model_dump_json(include={"messages", "tools"})
            digest = hashlib.sha256(said.encode()).hexdigest()
            yield {"id": sample.id, "split": split, "sha256": digest, "origin": marks[sample.id]}


def read_index(catalog: Catalog, dataset: Dataset) -> list[Entry]:
    """The entries of a version. Raises RetortError when its folder is damaged."""
    folder: Path = catalog.folder(dataset.project_id) / dataset.folder
    if not is_complete(folder) or not (folder / INDEX).is_file():
        raise RetortError(
            f"Version {dataset.version} in {folder} is damaged or was frozen without an index.",
            "Freeze the dataset again; the samples are still there.",
        )
    return _entries(folder / INDEX)


def read_origins(catalog: Catalog, dataset: Dataset, split: str = "") -> dict[str, str]:
    """The mark of each row's origin by row id, of one split or of all; none where a version did not keep them."""
    path = catalog.folder(dataset.project_id) / dataset.folder / INDEX
    entries = _entries(path) if path.is_file() else []
    return {entry.id: entry.origin for entry in entries if entry.origin and split in ("", entry.split)}


def _entries(path: Path) -> list[Entry]:
    return [Entry.model_validate(json.loads(line)) for line in path.read_bytes().splitlines()]


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


# --- origins --------------------------------------------------------------------------------------------------------


def origins(samples: Sequence[Sample]) -> dict[str, str]:
    """An opaque mark of each sample's origin, by sample id; samples with one mark share it.

    It is the example sentence, pattern or sample that it varies, else its document, else its conversation: a sample
    that continues another's has the mark of that one. A sample that shares nothing has a mark of its own.
    """
    ends = {_turns(sample)[-1] for sample in samples}
    return {sample.id: _mark(sample, ends) for sample in samples}


def _mark(sample: Sample, ends: set[str]) -> str:
    for kind, text in (("pattern", sample.origin), ("document", sample.document_id)):
        if text:
            return _digest(f"{kind} {text}")
    return next(turn for turn in _turns(sample) if turn in ends)


def _turns(sample: Sample) -> list[str]:
    """A digest of the conversation up to each of its messages."""
    found, said = [], ""
    for message in sample.messages:
        if message.role != "system":
            said = _digest(f"{said}\n{message.role}: {message.text}")
            found.append(said)
    return found


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

"""Reading a frozen dataset: train and dev. The sealed test split has its own door, `tools.dataset.sealed`."""

import json
from pathlib import Path

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import sha256
from tools.records import Dataset, Dialogue


class Row(Dialogue):
    """One row of a frozen split."""

    id: str  # of the sample it was frozen from


def read_train(catalog: Catalog, dataset: Dataset) -> list[Row]:
    """The training rows; raises RetortError when the file is gone or no longer what was frozen."""
    return read_frozen(catalog.folder(dataset.project_id) / dataset.folder / "train.jsonl", dataset.sha256["train"])


def read_dev(catalog: Catalog, dataset: Dataset) -> list[Row]:
    """The dev rows, on which choices are made; errors as with `read_train`."""
    return read_frozen(catalog.folder(dataset.project_id) / dataset.folder / "dev.jsonl", dataset.sha256["dev"])


def read_frozen(path: Path, digest: str) -> list[Row]:
    """The rows of one split's file, after a look at its hash."""
    if not path.is_file():
        raise RetortError(
            f"The dataset file {path} is missing.", "Freeze the dataset again; the samples are still there."
        )
    if sha256(path) != digest:
        raise RetortError(
            f"{path} was changed after it was frozen: its hash is no longer {digest[:12]}...",
            "Freeze the dataset again; scores on the changed file would mean nothing.",
        )
    return [Row.model_validate(json.loads(line)) for line in path.read_bytes().splitlines()]

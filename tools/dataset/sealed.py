"""The door to what is sealed: test and real messages. Only evaluation may import this; a test enforces it."""

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_frozen
from tools.records import Dataset


def read_test(catalog: Catalog, dataset: Dataset) -> list[Row]:
    """The test rows; raises RetortError when the file is gone or no longer what was frozen."""
    return read_frozen(
        catalog.folder(dataset.project_id) / dataset.folder / "sealed/test.jsonl", dataset.sha256["test"]
    )


def read_real(catalog: Catalog, dataset: Dataset) -> list[Row]:
    """The real messages with their answers; none where the version has none. Errors as with `read_test`."""
    if "real" not in dataset.sha256:
        return []
    return read_frozen(
        catalog.folder(dataset.project_id) / dataset.folder / "sealed/real.jsonl", dataset.sha256["real"]
    )

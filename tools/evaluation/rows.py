"""The rows of a split by its name, through their doors; and what these rows are, in words."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

from tools.catalog import Catalog
from tools.dataset.sealed import read_real, read_test
from tools.dataset.splits import Row, read_dev
from tools.dataset.versions import read_origins
from tools.records import REAL, Dataset, Sample

Split: TypeAlias = Literal["dev", "test", "real"]
UNSEEN = "simulated, from patterns the student never saw"
SIMULATED = "simulated, from the same simulator as the training rows"
WRITTEN = "written by the teacher from documents that train never saw"
REWRITTEN = "written by the teacher, as the training rows are"
IMPORTED, TYPED = "imported by you", "your own rows"


def rows_of(catalog: Catalog, dataset: Dataset, split: Split) -> list[Row]:
    """The rows of this split. Errors as with `read_dev`."""
    return {"dev": read_dev, "test": read_test, "real": read_real}[split](catalog, dataset)


def made_how(catalog: Catalog, dataset: Dataset, split: Split, ids: Iterable[str]) -> str:
    """What the rows of a table are: who wrote them, and how near that is to who wrote the training rows."""
    if split == "real":
        return TYPED
    samples = catalog.named(Sample, ids)
    fresh = _from_other_documents(catalog, dataset, split)
    kinds = Counter(_kind(one, fresh) for one in samples)
    if len(kinds) < 2:
        return next(iter(kinds), "")
    return "; ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _kind(sample: Sample, fresh: bool) -> str:
    if sample.source.startswith("simulator"):
        return UNSEEN if sample.family else SIMULATED  # freezing keeps families whole
    if sample.source.startswith("import:"):
        return IMPORTED
    if sample.source.startswith(("user", REAL)):
        return TYPED
    return WRITTEN if sample.document_id and fresh else REWRITTEN


def _from_other_documents(catalog: Catalog, dataset: Dataset, split: Split) -> bool:
    """Whether no document of these rows is one of train; where that starved a split, passages were divided instead."""
    known, here = (set(read_origins(catalog, dataset, one).values()) for one in ("train", split))
    return bool(here) and not known & here

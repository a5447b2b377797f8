"""How many samples there are of each sort that a review tells apart. The database counts; no sample is read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, func, or_

from tools.catalog import Catalog, Where
from tools.records import REAL, Sample, SampleState, Value
from tools.schema import TABLES
from tools.synthesis.check.rules import Judged

COLUMNS = TABLES[Sample].c


class Sort(Value):
    """Samples of one state and source, looked at or not: whatever asks for these has one answer for all of them."""

    state: SampleState
    source: str
    looked: bool
    number: int
    drawn: int  # of them at random, at any time
    newest: datetime  # when the newest of them was made


def sorts(catalog: Catalog, project_id: str, where: Where = ()) -> list[Sort]:
    """The sorts of the project's samples for which the conditions hold, from the index alone."""
    kept = COLUMNS
    alike = (kept.state, kept.source, kept.looked)  # in the order of the index, so that nothing is sorted
    counted = (func.count(), func.count(kept.drawn_at), func.max(kept.created_at))
    found = catalog.rows(Sample, project_id, *alike, *counted, where=where, by=alike)
    return [Sort.model_validate(dict(zip(Sort.model_fields, row, strict=True))) for row in found]


def vouched(one: Judged) -> str:
    """Who says that a usable sample is good. "Approved" is only what somebody looked at."""
    if one.looked:
        return "edited by you" if one.state == "edited" else "approved by you"
    return "imported" if one.source.startswith(("import:", "user", REAL)) else "let through by policy"


def by_voucher(catalog: Catalog, project_id: str, *, real: bool = True) -> dict[str, int]:
    """The usable samples by who says that they are good, with or without the real messages."""
    kept, found = COLUMNS, Counter[str]()
    alike = (kept.state, kept.source, kept.looked)
    for one in catalog.rows(Sample, project_id, *alike, func.count().label("number"), by=alike):
        if one.state in ("approved", "edited") and (real or not one.source.startswith(REAL)):
            found[vouched(one)] += one.number
    return dict(found)


def in_counts(counts: Mapping[str, int]) -> str:
    """'120 imported, 180 let through by policy'."""
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def cells(catalog: Catalog, project_id: str) -> list[dict[str, str]]:
    """The cells of the coverage table that samples were asked for, each once."""
    kept = COLUMNS
    found = catalog.rows(Sample, project_id, kept.cell, by=(kept.state, kept.source, kept.looked, kept.cell))
    return [dict(cell) for cell in dict.fromkeys(tuple(row.cell.items()) for row in found)]


def any_of(wanted: Iterable[Sort]) -> ColumnElement[bool]:
    """Whether a sample is of one of these sorts."""
    kept = COLUMNS
    each = (and_(kept.state == one.state, kept.source == one.source, kept.looked.is_(one.looked)) for one in wanted)
    return or_(false(), *each)

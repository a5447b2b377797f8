"""What was drawn, kept with what was read for it, so that an entry is drawn anew only when that has changed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from agent.transcript import Entry
from tools.catalog import Catalog, Page, R, Where
from tools.records import Project, Record

Named: TypeAlias = tuple[type[Record], str]  # a record: its kind and its id
Asked: TypeAlias = tuple[type[Record], str | None, tuple[str, ...] | None, int | None]  # the arguments of `find`
CHANGES_BY_ITSELF = ("run", "learning")  # cards that read files which grow while a job works


class Noting(Catalog):
    """A catalog that notes what is read through it."""

    def __init__(self, catalog: Catalog) -> None:
        self.__dict__.update(catalog.__dict__)  # the same engine, home and owner; nothing is opened
        self.catalog = catalog
        self.records: dict[Named, int | None] = {}  # hash of each record read by id; None where there was none
        self.lists: dict[Asked, list[Any]] = {}
        self.too_much = False  # more was read than is worth comparing

    def get(self, kind: type[R], id_: str) -> R:
        body = self.catalog.bodies(kind, [id_]).get(id_)
        self.records[kind, id_] = None if body is None else hash(body)
        return self.catalog.get(kind, id_) if body is None else kind.model_validate_json(body)

    def named(self, kind: type[R], ids: Iterable[str]) -> list[R]:
        self.too_much = True
        return self.catalog.named(kind, ids)

    def find(
        self,
        kind: type[R],
        project_id: str | None = None,
        *,
        states: Sequence[str] | None = None,
        where: Where = (),
        newest: int | None = None,
        page: Page | None = None,
    ) -> list[R]:
        records = self.catalog.find(kind, project_id, states=states, where=where, newest=newest, page=page)
        self.lists[kind, project_id, None if states is None else tuple(states), newest] = records
        self.too_much = self.too_much or bool(where) or page is not None
        return records

    def each(
        self, kind: type[R], project_id: str, where: Where = (), likely: Callable[[str], bool] | None = None
    ) -> Iterator[R]:
        self.too_much = True
        return self.catalog.each(kind, project_id, where, likely)

    def rows(self, *given: Any, **more: Any) -> Any:
        self.too_much = True
        return self.catalog.rows(*given, **more)

    def count(self, kind: type[Record], project_id: str, where: Where = ()) -> dict[str, int]:
        self.too_much = True
        return self.catalog.count(kind, project_id, where)


@dataclass(frozen=True)
class Drawn:
    """An entry as it was drawn."""

    entry: Entry
    newest: bool
    html: str
    read: Noting


class Keeping:
    """The entries of one project as they were drawn last. Threads may share it: each checks before it takes."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._project: Project | None = None
        self._drawn: dict[str, Drawn] = {}

    def check(self, project: Project) -> None:
        """Forget what has changed since it was drawn: a query for each kind of record, however many entries."""
        if project != self._project:
            self._project, self._drawn = project, {}
            return
        drawn = dict(self._drawn)
        wanted: dict[type[Record], set[str]] = {}
        for kind, id_ in {named for one in drawn.values() for named in one.read.records}:
            wanted.setdefault(kind, set()).add(id_)
        now = {
            (kind, id_): hash(body)
            for kind, ids in wanted.items()
            for id_, body in self.catalog.bodies(kind, ids).items()
        }
        lists: dict[Asked, list[Any]] = {}
        for asked in {asked for one in drawn.values() for asked in one.read.lists}:
            kind, project_id, states, newest = asked
            lists[asked] = self.catalog.find(kind, project_id, states=states, newest=newest)
        self._drawn = {key: one for key, one in drawn.items() if _holds(one.read, now, lists)}

    def html(self, entry: Entry, newest: bool, draw: Callable[[Catalog], str]) -> str:
        """The entry's HTML: as kept, or drawn from the catalog that `draw` is given."""
        kept = self._drawn.get(entry.id)
        if kept and kept.newest == newest and kept.entry == entry:
            return kept.html
        noting = Noting(self.catalog)
        html = draw(noting)
        if not noting.too_much and not any(show.kind in CHANGES_BY_ITSELF for show in entry.show):
            self._drawn[entry.id] = Drawn(entry, newest, html, noting)
        return html


def _holds(read: Noting, now: dict[Named, int], lists: dict[Asked, list[Any]]) -> bool:
    return all(now.get(named) == known for named, known in read.records.items()) and all(
        lists[asked] == known for asked, known in read.lists.items()
    )

"""Where the nouns are kept: SQLite by default, Postgres by URL, the same code. The disk only holds bytes."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    create_engine,
    delete,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, OperationalError

from tools.errors import NotFound, RetortError
from tools.records import Project, Record
from tools.schema import TABLES, row_of
from tools.settings import settings

R = TypeVar("R", bound=Record)
Where: TypeAlias = Sequence[ColumnElement[bool]]
CHUNK = 500  # rows read, or ids asked for, at once


class Page(NamedTuple):
    """So many records after so many others."""

    skip: int
    rows: int


def _connect(url: str) -> Engine:
    try:
        engine = create_engine(url)
    except Exception as error:  # SQLAlchemy raises whatever the driver's import raises
        shown = re.sub(r"(?<=:)[^:@/]+(?=@)", "***", url)  # a password is never told
        raise RetortError(f"The catalog URL {shown} cannot be used: {error}.", "Correct RETORT_CATALOG_URL.") from error
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _pragmas(connection, _record) -> None:  # type: ignore[no-untyped-def]
            for pragma in ("journal_mode=WAL", "busy_timeout=15000", "foreign_keys=ON", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


def _migrate(engine: Engine) -> None:
    """Bring the tables to the newest version; two processes that start together are both served."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    head = ScriptDirectory.from_config(config).get_current_head()
    if _version(engine) == head:
        return
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # from here on nobody else migrates
                _back_up(engine, head)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError:
        if _version(engine) != head:  # else another process was faster
            raise


def _back_up(engine: Engine, head: str | None) -> None:
    """Keep the catalog as it was before this migration: `catalog.sqlite.<version>.bak` beside it.

    Called with the write lock held, so nothing changes meanwhile. A new catalog and one in memory have nothing to
    keep, one that another process migrated a moment ago neither; a database server has its own backups.
    """
    version, path = _version(engine), engine.url.database
    if version in (None, head) or not path or path == ":memory:":
        return
    kept = Path(f"{path}.{version}.bak")
    if kept.exists():  # of an earlier try at the same migration: the older copy is the one to keep
        return
    beginning = kept.with_name(f"{kept.name}.part")
    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(beginning)) as copy:
        old.backup(copy)
    beginning.replace(kept)


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        return str(row[0]) if row else None


class Catalog:
    """The records of one owner. Whatever belongs to another owner does not exist here."""

    def __init__(self, url: str | None = None, owner: str | None = None, home: Path | None = None) -> None:
        self.owner = owner or settings().owner
        self.home = home or settings().home_dir
        self.url = url or settings().database_url
        self._engine = _connect(self.url)
        try:
            _migrate(self._engine)
        except OperationalError as error:
            shown = self._engine.url.render_as_string(hide_password=True)
            raise RetortError(
                f"The catalog at {shown} cannot be opened: {error.orig}.",
                "Check RETORT_HOME or RETORT_CATALOG_URL: the folder must be writable and the server running.",
            ) from error

    def close(self) -> None:
        self._engine.dispose()

    # --- writing ---

    def add(self, record: R) -> R:
        self.add_all([record])
        return record

    def add_all(self, records: Sequence[Record], changed: Iterable[Record] = ()) -> None:
        """Insert all, and replace those `changed`, or none; one transaction, so a crash leaves no half batch."""
        by_kind: dict[type[Record], list[Record]] = {}
        for record in records:
            if record.owner != self.owner:
                raise ValueError(f"{record.id} belongs to {record.owner!r}, this catalog to {self.owner!r}")
            by_kind.setdefault(type(record), []).append(record)
        own: set[str] = set()  # projects seen to be this owner's; the foreign key alone would take a stranger's
        with self._engine.begin() as connection:
            for kind, some in by_kind.items():
                projects = {getattr(record, "project_id", "") for record in some} - own - {""}
                for project_id in sorted(projects):
                    self._need_project(connection, project_id)
                own |= projects
                with _told(some, "added"):
                    connection.execute(insert(TABLES[kind]), [row_of(record) for record in some])
            self._replace(connection, changed)

    def _need_project(self, connection: Connection, project_id: str) -> None:
        table = TABLES[Project]
        where = (table.c.id == project_id, table.c.owner == self.owner)
        if connection.execute(select(table.c.id).where(*where)).first() is None:
            raise _no_such(Project, project_id)

    def save(self, record: R) -> R:
        """Replace the stored record of the same id."""
        self.save_all([record])
        return record

    def save_all(self, records: Iterable[Record]) -> None:
        """Replace several records in one transaction."""
        with self._engine.begin() as connection:
            self._replace(connection, records)

    def _replace(self, connection: Connection, records: Iterable[Record]) -> None:
        for record in records:
            table = TABLES[type(record)]
            statement = update(table).where(table.c.id == record.id, table.c.owner == self.owner)
            with _told([record], "changed"):
                found = connection.execute(statement.values(**row_of(record))).rowcount
            if not found:
                raise _no_such(type(record), record.id)

    def change(self, kind: type[R], id_: str, /, *, only_from: Sequence[str] | None = None, **changes: object) -> R:
        """Read, change and write one record in one transaction.

        `only_from` lists the states the record must be in; in any other it is returned unchanged. So two
        processes that both want to move a job on cannot overwrite each other.
        """
        table = TABLES[kind]
        with self._engine.begin() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            where = (table.c.id == id_, table.c.owner == self.owner)
            row = connection.execute(select(table.c.body).where(*where).with_for_update()).first()
            if row is None:
                raise _no_such(kind, id_)
            record = kind.model_validate_json(row.body)
            if only_from is not None and getattr(record, "state", "") not in only_from:
                return record
            record = record.but(**changes)
            with _told([record], "changed"):
                connection.execute(update(table).where(*where).values(**row_of(record)))
            return record

    def delete(self, record: Record) -> None:
        """Delete the record, and with a project everything that belongs to it."""
        self.delete_all([record])

    def delete_all(self, records: Iterable[Record]) -> None:
        """Delete several records in one transaction."""
        with self._engine.begin() as connection:
            for record in records:
                table = TABLES[type(record)]
                connection.execute(delete(table).where(table.c.id == record.id, table.c.owner == self.owner))

    # --- reading ---

    def get(self, kind: type[R], id_: str) -> R:
        table = TABLES[kind]
        with self._engine.connect() as connection:
            where = (table.c.id == id_, table.c.owner == self.owner)
            row = connection.execute(select(table.c.body).where(*where)).first()
        if row is None:
            raise _no_such(kind, id_)
        return kind.model_validate_json(row.body)

    def bodies(self, kind: type[Record], ids: Iterable[str]) -> dict[str, str]:
        """Records as they are kept (JSON), by id; what does not exist is left out."""
        table, wanted, kept = TABLES[kind], sorted(set(ids)), {}
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), 500):  # SQLite takes a limited number of parameters
                some = table.c.id.in_(wanted[start : start + 500])
                statement = select(table.c.id, table.c.body).where(table.c.owner == self.owner, some)
                kept.update({row.id: row.body for row in connection.execute(statement)})
        return kept

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
        """Records in order of arrival. `where` takes conditions on the columns of `tools.schema`.

        `newest=n` keeps the last n (still oldest first), `page` so many after so many; no record is read beside them,
        for they are chosen by their numbers alone.
        """
        table = TABLES[kind]
        asked = list(where) if states is None else [*where, table.c.state.in_(states)]
        chosen = self._of(select(table.c.number), kind, project_id, asked)
        if newest:
            chosen = chosen.order_by(table.c.number.desc()).limit(newest)
        elif page:
            chosen = chosen.order_by(table.c.number).offset(page.skip).limit(page.rows)
        else:
            return list(self._read(kind, self._of(select(table.c.body), kind, project_id, asked)))
        return list(self._read(kind, select(table.c.body).where(table.c.number.in_(chosen))))

    def named(self, kind: type[R], ids: Iterable[str]) -> list[R]:
        """Those records of these ids that exist; in order of arrival within each `CHUNK` of ids."""
        table, wanted = TABLES[kind], list(dict.fromkeys(ids))
        chunks = (wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK))
        own = select(table.c.body).where(table.c.owner == self.owner)
        return [one for some in chunks for one in self._read(kind, own.where(table.c.id.in_(some)))]

    def each(
        self, kind: type[R], project_id: str, where: Where = (), likely: Callable[[str], bool] | None = None
    ) -> Iterator[R]:
        """The project's records one by one in order of arrival, for when all at once would fill the memory.

        `likely` looks at a record's JSON and says whether the record is worth reading, which takes far longer.
        """
        yield from self._read(kind, self._of(select(TABLES[kind].c.body), kind, project_id, where), likely)

    def rows(
        self,
        kind: type[Record],
        project_id: str,
        *columns: ColumnElement[Any],
        where: Where = (),
        by: Sequence[ColumnElement[Any]] = (),
    ) -> Sequence[Row[Any]]:
        """Columns of `tools.schema`, or counts and the like of them `by` others, in no order; reads no record."""
        statement = self._of(select(*columns), kind, project_id, where).group_by(*by)
        with self._engine.connect() as connection:
            return connection.execute(statement).all()

    def count(self, kind: type[Record], project_id: str, where: Where = ()) -> dict[str, int]:
        """Number of records by state."""
        state = TABLES[kind].c.state
        return dict(map(tuple, self.rows(kind, project_id, state, func.count(), where=where, by=(state,))))

    def _of(self, statement: Select[Any], kind: type[Record], project_id: str | None, where: Where) -> Select[Any]:
        """The statement, held to this owner, the project and the conditions."""
        table = TABLES[kind]
        if project_id is not None and kind is not Project:
            statement = statement.where(table.c.project_id == project_id)
        return statement.where(table.c.owner == self.owner, *where)

    def _read(self, kind: type[R], statement: Select[Any], likely: Callable[[str], bool] | None = None) -> Iterator[R]:
        statement = statement.order_by(TABLES[kind].c.number).execution_options(yield_per=CHUNK)
        with self._engine.connect() as connection:
            for row in connection.execute(statement):
                if likely is None or likely(row.body):
                    yield kind.model_validate_json(row.body)

    def folder(self, project: Project | str) -> Path:
        """The project's folder on disk, made when first asked for."""
        found = self.get(Project, project) if isinstance(project, str) else project
        # Owners are kept apart on disk too; the default owner's projects lie directly under projects/.
        base = self.home / "projects" if found.owner == "local" else self.home / "owners" / found.owner / "projects"
        folder = base / found.slug
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@contextmanager
def _told(records: Sequence[Record], action: str) -> Iterator[None]:
    """A broken constraint of the database as a sentence."""
    try:
        yield
    except IntegrityError as error:
        kind, id_ = type(records[0]).__name__, records[0].id
        what = f"{kind} {id_}" if len(records) == 1 else f"One of {len(records)} {kind.lower()}s from {id_} on"
        raise RetortError(
            f"{what} cannot be {action}: {error.orig}.",
            "Its project may have been deleted, or its name may be taken: choose another name.",
        ) from error


def _no_such(kind: type[Record], id_: str) -> NotFound:
    noun = kind.__name__.lower()
    return NotFound(f"There is no {noun} {id_!r}.", f"Ask for the status to see the {noun}s that exist.")


def now() -> datetime:
    return datetime.now(UTC)

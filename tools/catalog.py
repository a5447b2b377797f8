"""Where the nouns are kept: SQLite by default, Postgres by URL, the same code. The disk only holds bytes."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
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
from tools.records import (
    Answer,
    Ballot,
    Checkpoint,
    Dataset,
    Deployment,
    Document,
    Evaluation,
    Expense,
    Job,
    Judgement,
    Passage,
    Project,
    Record,
    Rule,
    Run,
    Sample,
)
from tools.settings import settings

TABLE_OF: dict[type[Record], str] = {
    Project: "projects",
    Document: "documents",
    Passage: "passages",
    Sample: "samples",
    Rule: "rules",
    Judgement: "judgements",
    Answer: "answers",
    Dataset: "datasets",
    Run: "runs",
    Checkpoint: "checkpoints",
    Evaluation: "evaluations",
    Ballot: "ballots",
    Deployment: "deployments",
    Expense: "expenses",
    Job: "jobs",
}
metadata = MetaData()
R = TypeVar("R", bound=Record)


def _table(name: str) -> Table:
    """Searchable columns beside the record itself as JSON: new fields need no migration, new searches do."""
    columns: list[Column[Any]] = [
        Column("number", Integer, primary_key=True, autoincrement=True),  # order of arrival
        Column("id", String(40), nullable=False, unique=True),
        Column("owner", String(200), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("state", String(20), nullable=False, default=""),
        Column("body", Text, nullable=False),
    ]
    if name == "projects":
        columns.append(Column("slug", String(80), nullable=False))
        return Table(name, metadata, *columns, Index("projects_by_slug", "owner", "slug", unique=True))
    columns.append(Column("project_id", String(40), ForeignKey("projects.id", ondelete="CASCADE"), nullable=False))
    return Table(name, metadata, *columns, Index(f"{name}_by_project", "project_id", "state"))


TABLES = {kind: _table(name) for kind, name in TABLE_OF.items()}


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
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError:
        if _version(engine) != head:  # else another process was faster
            raise


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
                "Check RETORT_HOME or RETORT_CATALOG_URL: the folder must be writable, the server running.",
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
                    connection.execute(insert(TABLES[kind]), [_row(record) for record in some])
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
                found = connection.execute(statement.values(**_row(record))).rowcount
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
                connection.execute(update(table).where(*where).values(**_row(record)))
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

    def find(
        self,
        kind: type[R],
        project_id: str | None = None,
        *,
        states: Sequence[str] | None = None,
        newest: int | None = None,
    ) -> list[R]:
        """Records in order of arrival; `newest=n` keeps the last n (still oldest first)."""
        table = TABLES[kind]
        statement = select(table.c.body).where(table.c.owner == self.owner)
        if project_id is not None and kind is not Project:
            statement = statement.where(table.c.project_id == project_id)
        if states is not None:
            statement = statement.where(table.c.state.in_(states))
        statement = statement.order_by(table.c.number.desc() if newest else table.c.number)
        if newest:
            statement = statement.limit(newest)
        with self._engine.connect() as connection:
            records = [kind.model_validate_json(row.body) for row in connection.execute(statement)]
        return records[::-1] if newest else records

    def each(self, kind: type[R], project_id: str) -> Iterator[R]:
        """The project's records one by one in order of arrival, for when all at once would fill the memory."""
        table = TABLES[kind]
        statement = (
            select(table.c.body)
            .where(table.c.owner == self.owner, table.c.project_id == project_id)
            .order_by(table.c.number)
            .execution_options(yield_per=500)
        )
        with self._engine.connect() as connection:
            for row in connection.execute(statement):
                yield kind.model_validate_json(row.body)

    def count(self, kind: type[Record], project_id: str) -> dict[str, int]:
        """Number of records by state."""
        table = TABLES[kind]
        statement = (
            select(table.c.state, func.count())
            .where(table.c.owner == self.owner, table.c.project_id == project_id)
            .group_by(table.c.state)
        )
        with self._engine.connect() as connection:
            return dict(connection.execute(statement).all())

    def folder(self, project: Project | str) -> Path:
        """The project's folder on disk, made when first asked for."""
        found = self.get(Project, project) if isinstance(project, str) else project
        # Owners are kept apart on disk too; the default owner's projects lie directly under projects/.
        base = self.home / "projects" if found.owner == "local" else self.home / "owners" / found.owner / "projects"
        folder = base / found.slug
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _row(record: Record) -> dict[str, object]:
    row: dict[str, object] = {
        "id": record.id,
        "owner": record.owner,
        "created_at": record.created_at,
        "state": getattr(record, "state", ""),
        "body": record.model_dump_json(),
    }
    for key in ("project_id", "slug"):
        if key in type(record).model_fields:
            row[key] = getattr(record, key)
    return row


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
            "Its project may be gone, or the name is taken: choose another name.",
        ) from error


def _no_such(kind: type[Record], id_: str) -> NotFound:
    noun = kind.__name__.lower()
    return NotFound(f"There is no {noun} {id_!r}.", f"Ask for the status to see the {noun}s that exist.")


def now() -> datetime:
    return datetime.now(UTC)


def pretty(record: Record) -> str:
    """The record as readable JSON, for logs."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False)

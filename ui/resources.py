"""Tables and reports of a project as Markdown, each under an address: `retort://project-0a1b/comparison`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.session import Session
from agent.status import lines, status
from agent.transcript import Show, ShowKind
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.evaluation.compare.comparison import latest
from tools.evaluation.compare.report import report_path
from tools.records import Dataset, Document, Expense, Project, Run, Sample
from ui.show.approval import approval_text
from ui.show.cards import entry_text, show_text
from ui.show.costs import costs_text

SCHEME = "retort://"
SHOWN_SAMPLES = 50
_ADDRESS = re.compile(r"retort://([\w-]+)(?:/([a-z]+)(?:/([\w-]+))?)?")


@dataclass(frozen=True)
class Table:
    """What can be read of a project, and what it is for a person who chooses."""

    about: str
    draw: Callable[[Catalog, Project], str]


@dataclass(frozen=True)
class Place:
    """An address that can be read now, or a template of one, with `{project}` or `{run}` in it."""

    uri: str
    name: str
    about: str


def places(catalog: Catalog) -> list[Place]:
    """Everything that can be read as it stands."""
    found = [Place(f"{SCHEME}projects", "projects", "All projects.")]
    for project in catalog.find(Project):
        at = f"{SCHEME}{project.id}"
        found += [Place(f"{at}/{name}", f"{project.name}: {name}", table.about) for name, table in TABLES.items()]
        written = [run for run in catalog.find(Run, project.id) if report_path(catalog, project, run).is_file()]
        found += [Place(f"{at}/report/{run.id}", f"{project.name}: report of {run.id}", _REPORT) for run in written]
    return found


def templates() -> list[Place]:
    """The addresses by their form."""
    found = [Place(f"{SCHEME}{{project}}/{name}", name, table.about) for name, table in TABLES.items()]
    return [*found, Place(f"{SCHEME}{{project}}/report/{{run}}", "report", _REPORT)]


def read(catalog: Catalog, uri: str) -> str:
    """What stands at this address, as Markdown. RetortError for one that is none, and for another owner's project."""
    named = _ADDRESS.fullmatch(uri)
    first, table, rest = named.groups(default="") if named else ("", "", "")
    if (first, table) == ("projects", ""):
        return _projects(catalog)
    if table == "report" and rest:
        return _report(catalog, catalog.get(Project, first), rest)
    if table not in TABLES or rest:
        known = ", ".join(place.uri for place in templates())
        raise RetortError(f"There is nothing to read at {uri!r}.", f"The addresses are {SCHEME}projects, {known}.")
    project = catalog.get(Project, first)
    return f"# {project.name}: {table}\n\n{TABLES[table].draw(catalog, project)}\n"


# --- what is read -------------------------------------------------------------------------------------------------


def _projects(catalog: Catalog) -> str:
    told = [f"- `{one.id}` {one.name}. {one.goal}".rstrip() for one in catalog.find(Project)]
    return "\n".join(["# Projects", "", *(told or ["There are no projects yet."])]) + "\n"


def _status(catalog: Catalog, project: Project) -> str:
    return "\n".join(f"- {line}" for line in lines(status(catalog, project)))


def _conversation(catalog: Catalog, project: Project) -> str:
    session = Session(catalog, project.id)
    told = [entry_text(catalog, project, entry) for entry in session.transcript()]
    waiting = session.pending()
    return _verbatim("\n".join([*told, *([approval_text(waiting)] if waiting else [])]), "Nothing has been said yet.")


def _samples(catalog: Catalog, project: Project) -> str:
    newest = catalog.find(Sample, project.id, newest=SHOWN_SAMPLES)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(catalog.count(Sample, project.id).items()))
    head = f"{counted}. The newest {len(newest)}:\n\n" if newest else ""
    return head + _card(catalog, project, "samples", [one.id for one in newest])


def _documents(catalog: Catalog, project: Project) -> str:
    return _card(catalog, project, "documents", [one.id for one in catalog.find(Document, project.id)])


def _coverage(catalog: Catalog, project: Project) -> str:
    return _verbatim(show_text(catalog, project, Show(kind="coverage")))


def _datasets(catalog: Catalog, project: Project) -> str:
    return _card(catalog, project, "dataset", [one.id for one in catalog.find(Dataset, project.id)])


def _runs(catalog: Catalog, project: Project) -> str:
    told = [
        f"## {run.id}\n\n{_card(catalog, project, 'run', [run.id])}\n\n{_card(catalog, project, 'plan', [run.id])}"
        for run in catalog.find(Run, project.id)
    ]
    return "\n\n".join(told) or _NOTHING


def _comparison(catalog: Catalog, project: Project) -> str:
    test = _card(catalog, project, "comparison", [one.id for one in latest(catalog, project, "test")])
    dev = _card(catalog, project, "comparison", [one.id for one in latest(catalog, project, "dev")])
    return f"## Sealed test and real messages\n\n{test}\n\n## Dev\n\n{dev}"


def _costs(catalog: Catalog, project: Project) -> str:
    return _verbatim(costs_text(catalog.find(Expense, project.id)))


def _report(catalog: Catalog, project: Project, run_id: str) -> str:
    run = catalog.get(Run, run_id)
    if run.project_id != project.id:
        raise NotFound(f"There is no run {run_id!r} in this project.", f"{SCHEME}{project.id}/runs lists the runs.")
    path = report_path(catalog, project, run)
    if not path.is_file():
        raise RetortError(f"No report on {run.id} has been written yet.", "Have the report of this run written first.")
    return path.read_text(encoding="utf-8")


TABLES: dict[str, Table] = {
    "status": Table("Where the project stands, line by line.", _status),
    "conversation": Table("What was said and done, and what is waiting for the user.", _conversation),
    "documents": Table("Documents and how they were read.", _documents),
    "coverage": Table("How the samples spread over the coverage table.", _coverage),
    "samples": Table("The newest samples with their state.", _samples),
    "datasets": Table("Frozen versions with rows and hashes.", _datasets),
    "runs": Table("Runs with their checkpoints, and the plan of each with its reasons.", _runs),
    "comparison": Table("Scores of the base, the teacher and every checkpoint with their intervals.", _comparison),
    "costs": Table("What has been spent: teacher money and machine time.", _costs),
}
_REPORT = "One page on a run: scores, plan, hashes and cost."
_NOTHING = "There is nothing here yet."


def _card(catalog: Catalog, project: Project, kind: ShowKind, ids: Sequence[str]) -> str:
    return _verbatim(show_text(catalog, project, Show(kind=kind, ids=tuple(ids)))) if ids else _NOTHING


def _verbatim(text: str, nothing: str = _NOTHING) -> str:
    """A block that keeps the columns; its fence is longer than any that a sample may hold."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}" if text.strip() else nothing

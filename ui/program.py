"""What a program may do: the commands, through the same gate as everybody; to look, and to wait. It never answers.

Nothing here knows the protocol, which `ui/plugin.py` speaks, and nothing here decides an approval or speaks for the
user: of a session only `order` is called, and what only looks.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from threading import Lock

from pydantic import Field

from agent.command import Command, Here, need
from agent.events import job_ended
from agent.session import Session
from agent.status import job_line
from agent.transcript import Approval, Entry, Outcome, Risk, Show
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Estimate, Job, JsonObject, Project, Value
from ui.show.approval import approval_text
from ui.show.cards import entry_text, show_text

SAID = "A program asked over MCP: "  # begins what the conversation tells of each call
ANSWERED_AT = "on the page (`retort ui`) or at a terminal (`retort answer`)"
KERNEL = ("/proc", "/sys", "/dev")  # files there are no files: one holds this very process's keys
SINCE = 10  # entries after a question that are told as what became of it


class Question(Value):
    """What waits for the user."""

    command: str
    arguments: JsonObject = Field(description="Exact: these arguments and no others are used when the user says yes.")
    estimate: Estimate
    risk: Risk
    answer: str = Field(description="Where the user answers. A program cannot answer.")


class Reply(Value):
    """What a program is told."""

    text: str = Field(description="What happened, in sentences, with the cards as text.")
    show: tuple[Show, ...] = Field((), description="What the cards show, by id.")
    failed: bool = False
    project: str | None = Field(None, description="The project this is about.")
    job: str | None = Field(None, description="A job that was started or that is running.")
    waiting: Question | None = Field(
        None, description="A step that has not been done yet, because the user is being asked."
    )


class Program:
    """A program at the other end of a connection, and the project that it has chosen. Used from many threads."""

    def __init__(self, catalog: Catalog, project_id: str = "") -> None:
        """`project_id` '' is the newest project; where there is none, the first call makes one, as in the chat."""
        self.catalog = catalog
        newest = catalog.find(Project, newest=1)
        self.project_id = self._known(project_id).id if project_id else newest[0].id if newest else ""
        self._making = Lock()

    # --- which project ---

    def projects(self) -> Reply:
        """All projects of this owner."""
        told = [
            f"{one.id}: {one.name}{' (chosen)' if one.id == self.project_id else ''}. {one.goal}".rstrip()
            for one in self.catalog.find(Project)
        ]
        return self._reply("\n".join(told) or "There are no projects yet; the first command creates one.")

    def open(self, project_id: str) -> Reply:
        """Choose the project of the calls that follow; '' is a new one, made by the next command."""
        self.project_id = self._known(project_id).id if project_id else ""
        name = self._known(project_id).name if project_id else "a new project, which the next command creates"
        return self._reply(f"From here on, commands apply to {name}.")

    # --- commands ---

    def call(self, verb: str, arguments: JsonObject) -> Reply:
        """Order a command. What needs an approval is asked about, and not done."""
        command = need(verb)
        arguments, files = self._given(command, arguments)
        with self._making if not self.project_id else nullcontext():  # two calls at once make one project
            if self.project_id:
                self._known(self.project_id)  # a deleted project is not made anew behind the user's back
            session = Session(self.catalog, self.project_id or None)
            before = self._jobs(command)
            entries = _since(session.order(verb, arguments, f"{SAID}{verb}", files, own=False), f"{SAID}{verb}")
            self.project_id = session.project_id or ""
        started = [one for one in self._jobs(command) if one not in before]
        if any(entry.role == "assistant" for entry in entries):
            return self._told(entries, started[-1] if started else None)
        return self._asked(verb, session.pending())

    def _asked(self, verb: str, pending: Approval | None) -> Reply:
        if pending is None or pending.verb != verb:  # the user was quicker than this look
            return self._reply(
                f"{verb} needed an approval, and the user has answered already; pending_approval tells how."
            )
        text = f"Waiting for the user. Nothing has been done yet: {verb} needs an approval.\n{approval_text(pending)}\n"
        text += f"The user answers {ANSWERED_AT}; a program cannot. Call pending_approval to wait for the answer."
        return self._reply(text, waiting=question(pending))

    def pending(self) -> Reply:
        """What waits for the user now; else what became of the last thing that a program asked for."""
        if not self.project_id:
            return self._reply("Nothing is waiting for the user.")
        session = Session(self.catalog, self._known(self.project_id).id)
        working = [one.id for one in jobs.active(self.catalog, self.project_id) if one.order.ends]
        job = working[-1] if working else None
        if approval := session.pending():
            text = f"Waiting for the user, who answers {ANSWERED_AT}:\n{approval_text(approval)}"
            return self._reply(text, job=job, waiting=question(approval))
        entries = session.transcript()
        asked = [place for place, one in enumerate(entries) if one.role == "event" and one.text.startswith(SAID)]
        since = entries[asked[-1] :][:SINCE] if asked else []
        told = [entry_text(self.catalog, session.project, one) for one in since]
        return self._reply("\n".join(["Nothing is waiting for the user.", *told]), job=job)

    # --- jobs ---

    def job(self, job_id: str) -> Job:
        """A job as it is now; '' is the newest of the project that ends by itself."""
        if job_id:
            return jobs.check(self.catalog, self.catalog.get(Job, job_id))
        known = [one for one in self.catalog.find(Job, self.project_id) if one.order.ends] if self.project_id else []
        if not known:
            raise RetortError("No job has been started in this project.", "Generate samples, train or evaluate first.")
        return jobs.check(self.catalog, known[-1])

    def ended(self, job: Job) -> Reply:
        """The end of a job with what it left to look at, or how far it is."""
        if job.active:
            return self._reply(f"{job_line(job)} Call wait_for_job again to keep waiting.", job=job.id)
        outcome = job_ended(Here(self.catalog, job.project_id), job)
        project = self.catalog.get(Project, job.project_id)
        text = _with_cards(self.catalog, project, outcome)
        return self._reply(text, show=outcome.show, failed=job.state in ("failed", "died"), job=job.id)

    # --- inside ---

    def _known(self, project_id: str) -> Project:
        try:
            return self.catalog.get(Project, project_id)
        except RetortError as error:
            fix = "list_projects shows the projects; open_project chooses one, and '' begins a new project."
            raise RetortError(error.problem, fix) from error

    def _jobs(self, command: Command) -> list[str]:
        """Ids of the jobs of the kind that this command starts."""
        if command.starts is None or not self.project_id:
            return []
        return [one.id for one in self.catalog.find(Job, self.project_id) if type(one.order) is command.starts]

    def _given(self, command: Command, arguments: JsonObject) -> tuple[JsonObject, list[Path]]:
        """The arguments without local paths, and these: where files are taken, a program may name what lies here."""
        takes = command.file_argument
        said = arguments.get(takes.name) if takes else None
        named = said if isinstance(said, list) else [said]
        paths = [Path(one) for one in named if isinstance(one, str) and _is_file(one)]
        if takes is None or not paths:
            return arguments, []
        if len(paths) < len(named) or (len(paths) > 1 and takes.kind is str):
            raise RetortError(
                f"{command.name} cannot take {', '.join(map(str, named))} together.",
                "Name files that exist, or uploads, and only a single file where the command takes a single file.",
            )
        rest = {name: value for name, value in arguments.items() if name != takes.name}
        return rest, [self._allowed(path) for path in paths]

    def _allowed(self, path: Path) -> Path:
        """The file itself, past links. Keys and passwords lie in hidden files: none is handed over by a program."""
        real = path.resolve()
        hidden = any(part.startswith(".") for part in real.parts)
        if hidden or real.is_relative_to(self.catalog.home.resolve()) or any(map(real.is_relative_to, KERNEL)):
            raise RetortError(
                f"A program may not hand over {path}: it is a hidden file, a system file, or one of "
                "Retort's own files.",
                "The user can drop it on the page (`retort ui`).",
            )
        return real

    def _told(self, entries: Sequence[Entry], job: str | None) -> Reply:
        project = self._known(self.project_id)
        parts = [_with_cards(self.catalog, project, Outcome(text=one.text, show=one.show)) for one in entries]
        shows = tuple(show for one in entries for show in one.show)
        return self._reply("\n\n".join(parts), show=shows, failed=any(one.failed for one in entries), job=job)

    def _reply(
        self,
        text: str,
        *,
        show: tuple[Show, ...] = (),
        failed: bool = False,
        job: str | None = None,
        waiting: Question | None = None,
    ) -> Reply:
        project = self.project_id or None
        return Reply(text=text, show=show, failed=failed, project=project, job=job, waiting=waiting)


def question(approval: Approval) -> Question:
    """What waits, without the digest that an answer must quote: no program has a use for it."""
    return Question(
        command=approval.verb,
        arguments=approval.arguments,
        estimate=approval.estimate,
        risk=approval.risk,
        answer=f"The user answers {ANSWERED_AT}.",
    )


def _since(entries: Sequence[Entry], said: str) -> list[Entry]:
    """What came of this call: a turn that a crash had cut short may have been finished before it."""
    told = [place for place, one in enumerate(entries) if one.role == "event" and one.text == said]
    return list(entries[told[-1] + 1 :]) if told else list(entries)


def _with_cards(catalog: Catalog, project: Project, outcome: Outcome) -> str:
    return "\n\n".join([outcome.text, *filter(None, (show_text(catalog, project, one) for one in outcome.show))])


def _is_file(said: str) -> bool:
    try:
        return Path(said).is_absolute() and Path(said).is_file()
    except OSError:  # too long a name, or a folder that this user may not enter
        return False

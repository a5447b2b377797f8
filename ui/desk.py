"""Between the page and the sessions: forwards what the user did, and keeps what is only of the moment.

Of the moment are: a message on its way, a failure just now, an answer that the conversation does not keep. All else is
in the catalog and the checkpointer, so a restarted page shows it again.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Lock

from agent.session import Session
from agent.transcript import Entry
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Project
from ui.cards import Cards, problem_card
from ui.live import live_items
from ui.projects import project_items
from ui.review import Looking, Table
from ui.stream import Moment, empty_stream, stream
from ui.views import Act, Item, View, view

log = logging.getLogger(__name__)
CLOSED = Looking()


@dataclass
class Seat:
    """What is of the moment in one project."""

    lock: Condition = field(default_factory=Condition)
    under_way: list[str] = field(default_factory=list)  # messages said, "" for clicks
    trouble: RetortError | None = None
    passing: tuple[Entry, ...] = ()
    asked: int = 0  # things to do, by their arrival
    done: int = 0


class Desk:
    """Takes what browsers ask, from many threads. Turns of one project queue here, and at the session's own lock."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.cards = Cards(catalog)
        self.table = Table(catalog)
        self._seats: dict[str, Seat] = {}
        self._seating = Lock()

    # --- what the user does ---

    def say(self, project_id: str, text: str, files: Sequence[Path] = ()) -> tuple[str, RetortError | None]:
        """Forward a message; returns the project it went to (a first message makes one) and what failed."""
        session = Session(self.catalog, project_id or None)
        trouble = self._do(project_id, lambda: session.say(text, files), said=text)
        made = session.project_id or ""
        if made and not project_id and trouble:
            self._seat(made).trouble = trouble
        return made, trouble

    def act(self, project_id: str, asked: Act) -> tuple[str, RetortError | None]:
        """Do what a button asks; returns the project to show and what failed."""
        match asked.do:
            case "open":
                return asked.project, None
            case "look":
                return project_id, None
            case "say":
                return self.say(project_id, asked.text)
        session = Session(self.catalog, project_id or None)
        if asked.do == "decide":
            trouble = self._do(project_id, lambda: session.decide(asked.digest, asked.approved))
        else:
            trouble = self._do(project_id, lambda: session.click(asked.verb, **asked.arguments))
        return session.project_id or "", trouble

    def tick(self, project_id: str) -> None:
        """Let the session tell what ended; it does not wait for a turn that is under way."""
        if not project_id:
            return
        trouble = _tried(lambda: Session(self.catalog, project_id).tick())[1]
        if trouble and not isinstance(trouble, NotFound):
            self._seat(project_id).trouble = trouble

    # --- what the page shows ---

    def views(
        self, asked: str, project_id: str, trouble: RetortError | None = None, looking: Looking = CLOSED
    ) -> tuple[View, View, View, View]:
        """The chat, the live panel, the list of projects and the table of a review, as they are now."""
        serial = time.time_ns()
        try:
            chat, live = self._panels(project_id, trouble)
            rows = self._rows(project_id, looking)
        except NotFound as error:  # an old address, or a project deleted just now
            project_id, chat, live, rows = "", empty_stream(trouble or (error if asked else None)), [], []
        projects = project_items(self.catalog, project_id)
        return (
            view(asked, project_id, chat, serial),
            view(asked, project_id, live, serial),
            view(asked, project_id, projects, serial),
            view(asked, project_id, rows, serial),
        )

    def _rows(self, project_id: str, looking: Looking) -> list[Item]:
        if not project_id or not looking.open:
            return []
        seat = self._seat(project_id)
        rows = self.table.items(self.catalog.get(Project, project_id), looking, seat.done)
        with seat.lock:
            trouble = seat.trouble
        return [Item(key="problem", html=problem_card(trouble.problem, trouble.fix)), *rows] if trouble else rows

    def _panels(self, project_id: str, trouble: RetortError | None) -> tuple[list[Item], list[Item]]:
        if not project_id:
            return empty_stream(trouble), []
        project = self.catalog.get(Project, project_id)
        session, seat = Session(self.catalog, project_id), self._seat(project_id)
        with seat.lock:
            moment = Moment(
                said=tuple(text for text in seat.under_way if text),
                busy=bool(seat.under_way),
                problem=(seat.trouble or trouble),
                passing=seat.passing,
            )
        chat = stream(self.cards, project, session.transcript(), session.pending(), moment)
        return chat, live_items(self.catalog, project)

    # --- inside ---

    def _seat(self, project_id: str) -> Seat:
        with self._seating:
            return self._seats.setdefault(project_id, Seat())

    def _do(self, project_id: str, action: Callable[[], list[Entry]], said: str = "") -> RetortError | None:
        if not project_id:
            return _tried(action)[1]
        seat = self._seat(project_id)
        with seat.lock:  # one after another as they came: an undo means what was done before it
            place, seat.asked = seat.asked, seat.asked + 1
            seat.under_way.append(said)
            seat.lock.wait_for(lambda: seat.done == place)
            seat.trouble, seat.passing = None, ()
        entries, trouble = _tried(action)
        with seat.lock:
            seat.under_way.remove(said)
            seat.done += 1
            seat.trouble, seat.passing = trouble, tuple(entries)
            seat.lock.notify_all()
        return trouble


def _tried(action: Callable[[], list[Entry]]) -> tuple[list[Entry], RetortError | None]:
    """The edge: a failure becomes a message with its fix; an unforeseen one also goes to the log."""
    try:
        return action(), None
    except RetortError as error:
        return [], error
    except Exception as error:  # nothing may end silently, and no stack trace belongs on the page
        log.exception("unforeseen failure in a session")
        return [], RetortError(
            f"Something unforeseen failed: {type(error).__name__}: {error}.",
            "Nothing already made is lost. The terminal that runs Retort shows the details; then try again.",
        )

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
from typing import TypeAlias

from agent.session import Session
from agent.transcript import Approval, Entry
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Project, new_id
from ui.live import live_items
from ui.projects import project_items
from ui.pulse import Pulse, Stamp
from ui.review import Looking, Table
from ui.show.approval import problem_card
from ui.show.cards import Cards
from ui.stream import Moment, empty_stream, stream
from ui.views import Act, Item, View, view

log = logging.getLogger(__name__)
CLOSED = Looking()
KEPT_VIEWS = 16  # projects and tables whose views are kept as drawn
Views: TypeAlias = tuple[View, View, View, View]


@dataclass
class Seat:
    """One project: its conversation, what is of the moment, and what was read of it last."""

    session: Session
    lock: Condition = field(default_factory=Condition)
    under_way: list[str] = field(default_factory=list)  # messages said, "" for clicks
    trouble: RetortError | None = None
    passing: tuple[Entry, ...] = ()
    asked: int = 0  # things to do, by their arrival
    done: int = 0
    ticked: Stamp | None = None  # when the session was last asked for news and had no more
    talk: tuple[int, list[Entry], Approval | None] | None = None  # the conversation, by its revision

    def moment(self) -> tuple[object, ...]:
        """Changes with what is of the moment."""
        with self.lock:
            return self.asked, self.done, self.trouble, self.passing


class Desk:
    """Takes what browsers ask, from many threads. Turns of one project queue here, and at the session's own lock."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.cards = Cards(catalog)
        self.table = Table(catalog)
        self._seats: dict[str, Seat] = {}
        self._seating = Lock()
        self._pulse = Pulse(catalog)
        self._name = new_id("desk")  # so that no mark of another run of the server is taken for one of this
        self._heard: dict[str, tuple[object, int]] = {}
        self._views: dict[tuple[str, Looking], tuple[object, Views]] = {}

    # --- what the user does ---

    def say(self, project_id: str, text: str, files: Sequence[Path] = ()) -> tuple[str, RetortError | None]:
        """Forward a message; returns the project it went to (a first message makes one) and what failed."""
        session = self._session(project_id)
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
            case "news":
                self.tick(project_id)
                return project_id, None
            case "say":
                return self.say(project_id, asked.text)
        session = self._session(project_id)
        if asked.do == "decide":
            trouble = self._do(project_id, lambda: session.decide(asked.digest, asked.approved))
        else:
            trouble = self._do(project_id, lambda: session.click(asked.verb, **asked.arguments))
        return session.project_id or "", trouble

    def tick(self, project_id: str) -> None:
        """Let the session tell what ended; it does not wait for a turn that is under way."""
        if not project_id:
            return
        seat, stamp = self._seat(project_id), self._pulse.now(project_id)
        if stamp is not None and stamp == seat.ticked:
            return
        session = seat.session
        trouble = _tried(session.tick)[1]
        seat.ticked = None if trouble or session.held_up else stamp
        if trouble and not isinstance(trouble, NotFound):
            seat.trouble = trouble

    def news(self, project_id: str) -> str:
        """A mark that changes whenever what the page shows may have; empty where that cannot be told."""
        stamp = self._stamp(project_id)
        if stamp is None:
            return ""
        with self._seating:
            known, number = self._heard.get(project_id, (None, 0))
            if known != stamp:
                number += 1
                self._heard[project_id] = stamp, number
        return f"{self._name}-{number}"

    # --- what the page shows ---

    def views(
        self, asked: str, project_id: str, trouble: RetortError | None = None, looking: Looking = CLOSED
    ) -> Views:
        """The chat, the live panel, the list of projects and the table of a review, as they are now."""
        serial = time.time_ns()
        stamp = (
            None if trouble else self._stamp(project_id)
        )  # before anything is read: later changes are seen next time
        known = self._views.get((project_id, looking))
        if stamp is None or known is None or known[0] != stamp:
            known = stamp, self._draw(asked, project_id, trouble, looking)
            if stamp is not None and known[1][0].project == project_id:
                self._keep((project_id, looking), known)
        chat, live, projects, rows = (one.model_copy(update={"serial": serial, "asked": asked}) for one in known[1])
        return chat, live, projects, rows

    def _stamp(self, project_id: str) -> object:
        """What the views of the project are as new as; None where only reading all tells."""
        stamp = self._pulse.now(project_id)
        return stamp and (stamp, self._seat(project_id).moment() if project_id else ())

    def _keep(self, key: tuple[str, Looking], known: tuple[object, Views]) -> None:
        with self._seating:
            self._views.pop(key, None)
            self._views[key] = known
            while len(self._views) > KEPT_VIEWS:
                self._views.pop(next(iter(self._views)))

    def _draw(self, asked: str, project_id: str, trouble: RetortError | None, looking: Looking) -> Views:
        try:
            chat, live = self._panels(project_id, trouble)
            rows = self._rows(project_id, looking)
        except NotFound as error:  # an old address, or a project deleted just now
            project_id, chat, live, rows = "", empty_stream(trouble or (error if asked else None)), [], []
        projects = project_items(self.catalog, project_id)
        return (
            view(asked, project_id, chat),
            view(asked, project_id, live),
            view(asked, project_id, projects),
            view(asked, project_id, rows),
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
        seat = self._seat(project_id)
        with seat.lock:
            moment = Moment(
                said=tuple(text for text in seat.under_way if text),
                busy=bool(seat.under_way),
                problem=(seat.trouble or trouble),
                passing=seat.passing,
            )
        chat = stream(self.cards, project, *self._talk(seat), moment)
        return chat, live_items(self.catalog, project)

    def _talk(self, seat: Seat) -> tuple[list[Entry], Approval | None]:
        """The transcript and the waiting approval, read again only when the conversation was written to."""
        revision, known = self._pulse.watch.revision(), seat.talk
        if revision is None or known is None or known[0] != revision[1]:
            known = revision[1] if revision else -1, seat.session.transcript(), seat.session.pending()
            seat.talk = known
        return known[1], known[2]

    # --- inside ---

    def _seat(self, project_id: str) -> Seat:
        with self._seating:
            if project_id not in self._seats:
                self._seats[project_id] = Seat(Session(self.catalog, project_id))
            return self._seats[project_id]

    def _session(self, project_id: str) -> Session:
        """The conversation of a project, one for all windows; a session of its own before there is a project."""
        if not project_id:
            return Session(self.catalog)
        seat = self._seat(project_id)
        if seat.session.project_id != project_id:  # the project was deleted in it, and it has gone on to another
            seat.session = Session(self.catalog, project_id)
        return seat.session

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
            f"Something unexpected went wrong: {type(error).__name__}: {error}.",
            "Nothing that was already made is lost. The terminal that runs Retort shows the details; "
            "look there, then try again.",
        )

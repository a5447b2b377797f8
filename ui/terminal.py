"""The conversation in a terminal: the same sessions as the page, read line by line."""

import sys
import time

from agent.session import Session
from agent.transcript import Entry
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, Project
from ui.printing import approval_text, entry_text
from ui.progress import whole_line

POLL_S = 1.0
HELLO = "Say what a small model should learn. An empty line looks for news, Ctrl-D ends; jobs go on without you."


def chat(project_id: str) -> None:
    """Talk until the end of input. An empty `project_id` starts a new project with the first message."""
    catalog = Catalog()
    if project_id:
        catalog.get(Project, project_id)
    session = Session(catalog, project_id or None)
    print(HELLO)
    _print(session, session.transcript())
    while True:
        try:
            _follow(session)
            words = _ask(session)
        except EOFError:
            print()
            return
        try:
            _print(session, _answer(session, words), echo=False)
        except RetortError as error:
            print(f"       !  {error.problem}\n          {error.fix}")


def _ask(session: Session) -> str:
    pending = session.pending()
    if pending:
        print(approval_text(pending))
        return input("approve? (y/n, or say something else) > ").strip()
    return input("\n> ").strip()


def _answer(session: Session, words: str) -> list[Entry]:
    """A plain y or n decides what is asked; anything else is said."""
    pending = session.pending()
    if pending and words.lower() in ("y", "yes", "n", "no"):
        return session.decide(pending.digest, words.lower().startswith("y"))
    return session.say(words) if words else session.tick()


def _follow(session: Session) -> None:
    """Show the progress of running jobs until they end; Ctrl-C goes back to the conversation and stops nothing."""
    try:
        while session.pending() is None and (running := _running(session)):
            _line(" | ".join(whole_line(job) for job in running))
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        _line("(the job goes on)")
        print()
    _line("")
    _print(session, session.tick())


def _running(session: Session) -> list[Job]:
    """Jobs that end by themselves; a server runs until it is stopped."""
    if session.project is None:
        return []
    return [job for job in jobs.active(session.catalog, session.project.id) if job.order.kind != "serve"]


def _print(session: Session, entries: list[Entry], *, echo: bool = True) -> None:
    """`echo=False` leaves out the user's own words, which stand on the line above."""
    for entry in entries:
        if echo or entry.role != "user":
            print(entry_text(session.catalog, session.project, entry), flush=True)


def _line(text: str) -> None:
    """Rewrite one line; nothing where the output is no terminal."""
    if sys.stdout.isatty():
        print(f"\r\x1b[2K{text}", end="", flush=True)

"""The conversation in a terminal: the same sessions as the page, read line by line."""

import re
import shlex
import sys
import time
from pathlib import Path

from agent.session import Session
from agent.transcript import Approval, Entry
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job
from ui.progress import whole_line
from ui.projects import need_project
from ui.show.approval import approval_text
from ui.show.cards import entry_text

POLL_S = 1.0
HELLO = (
    "Say what a small model should learn. Hand over a file with `/file PATH` or just its path. An "
    "empty line checks for news. `/quit` or Ctrl-D leaves the chat; jobs keep running without you."
)


def chat(name: str) -> None:
    """Talk until `/quit` or the end of input. Without the name of a project the first message begins one."""
    catalog = Catalog()
    session = Session(catalog, need_project(catalog, name).id if name else None)
    print(HELLO)
    _print(session, session.transcript())
    while True:
        try:
            _follow(session)
            asked = session.pending()
            words = _ask(asked)
        except EOFError:
            print()
            return
        if words in ("/quit", "/exit"):
            return
        try:
            _print(session, _answer(session, asked, words), echo=False)
        except RetortError as error:
            print(f"       !  {error.problem}\n          {error.fix}")


def _ask(asked: Approval | None) -> str:
    if asked:
        print(approval_text(asked))
        return input("approve? (y/n, or say something else) > ").strip()
    return input("\n> ").strip()


def _answer(session: Session, asked: Approval | None, words: str) -> list[Entry]:
    """A plain y or n decides the question that stood above it, and no other; files and anything else are said."""
    if asked and words.lower() in ("y", "yes", "n", "no"):
        return session.decide(asked.digest, words.lower().startswith("y"))
    text, files = with_files(words)
    return session.say(text, files) if text or files else session.tick()


def with_files(words: str) -> tuple[str, list[Path]]:
    """A message and the files in it: `/file PATH [words]`, or a message that is nothing but paths of files.

    RetortError when `/file` names no file: a path mistyped is never a message.
    """
    given = re.fullmatch(r"/file\s+(.+)", words, re.DOTALL)
    body = given[1] if given else words
    try:
        parts = shlex.split(body)
    except ValueError:  # an apostrophe in plain words
        parts = body.split()
    if given:
        path = Path(parts[0]).expanduser()
        if not path.is_file():
            raise RetortError(
                f"There is no file {parts[0]!r}.", "Write /file PATH, with quotes around a path that contains spaces."
            )
        return " ".join(parts[1:]), [path]
    paths = [Path(one).expanduser() for one in parts]
    whole = Path(words).expanduser()
    if words and len(words) < 4096 and "\0" not in words and whole.is_file():
        return "", [whole]
    return ("", paths) if paths and all("/" in str(one) and one.is_file() for one in paths) else (words, [])


def _follow(session: Session) -> None:
    """Show the progress of running jobs until they end; Ctrl-C goes back to the conversation and stops nothing."""
    try:
        while session.pending() is None and (running := _running(session)):
            _line(" | ".join(whole_line(job) for job in running))
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        _line("(the job keeps running)")
        print()
    _line("")
    _print(session, session.tick())


def _running(session: Session) -> list[Job]:
    """Jobs that end by themselves; a server runs until it is stopped."""
    if session.project is None:
        return []
    return [job for job in jobs.active(session.catalog, session.project.id) if job.order.ends]


def _print(session: Session, entries: list[Entry], *, echo: bool = True) -> None:
    """`echo=False` leaves out the user's own words, which stand on the line above."""
    for entry in entries:
        if echo or entry.role != "user":
            print(entry_text(session.catalog, session.project, entry), flush=True)


def _line(text: str) -> None:
    """Rewrite one line; nothing where the output is no terminal."""
    if sys.stdout.isatty():
        print(f"\r\x1b[2K{text}", end="", flush=True)

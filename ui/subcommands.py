"""Every declared command as a subcommand: arguments from its types, the gate at the prompt, its outcome printed.

A gated command asks here, with its card, when a person sits at the terminal. Without one the question stays in the
conversation, and it is said where it is answered: a program cannot answer it.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import JsonValue

from agent.command import Command, Parameter
from agent.session import Session
from agent.status import lines, status
from agent.toolbox import commands
from agent.transcript import Approval, Entry
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Job, JsonObject, Project, new_id
from ui.following import watch
from ui.projects import find_project, need_project
from ui.show.approval import approval_text
from ui.show.cards import entry_data, entry_text

DONE, JOB_FAILED, REFUSED, WAITS, DECLINED = 0, 1, 2, 3, 4  # exit codes


# --- parsers ------------------------------------------------------------------------------------------------------


def add_declared(
    every: "argparse._SubParsersAction[argparse.ArgumentParser]", about: Mapping[str, str], epilog: str
) -> None:
    """A subcommand for each declared command; `about` says in a sentence what those of the toolbox do."""
    for command in commands():
        name = command.terminal.split()[0]
        told = about.get(name, command.doc).replace("%", "%%")
        parser = every.add_parser(name, help=told, description=command.doc, epilog=epilog)
        _add_arguments(parser, command)


def _add_arguments(parser: argparse.ArgumentParser, command: Command) -> None:
    _, *places = command.terminal.split()
    positional = {place.strip("[].") for place in places}
    known = {one.name: one for one in command.parameters if one.settled.offered}
    for place in places:
        parser.add_argument(
            place.strip("[]."), **_positional(known[place.strip("[].")], optional=place.startswith("["))
        )
    for one in known.values():
        if one.name not in positional:
            _add_option(parser, one)
    parser.add_argument("--project", default="", help="id or name (default: the newest project)")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    if command.starts is not None:
        parser.add_argument("--wait", action="store_true", help="wait until the job has ended, and show its progress")
    parser.set_defaults(command=command)


def _positional(one: Parameter, *, optional: bool) -> dict[str, Any]:
    if one.is_list:
        return {"nargs": "*" if optional else "+", "default": None, **_typed(one)}
    return {**({"nargs": "?"} if optional else {}), **_typed(one)}


def _add_option(parser: argparse.ArgumentParser, one: Parameter) -> None:
    flag = f"--{(one.spoken.option or one.name).replace('_', '-')}"
    if one.kind is bool:
        parser.add_argument(flag, dest=one.name, action="store_true", default=argparse.SUPPRESS)
    elif one.is_mapping:
        parser.add_argument(flag, dest=one.name, action="append", metavar="NAME=VALUE", default=argparse.SUPPRESS)
    elif one.is_list:
        parser.add_argument(flag, dest=one.name, nargs="+", default=argparse.SUPPRESS, **_typed(one))
    else:
        parser.add_argument(flag, dest=one.name, default=argparse.SUPPRESS, required=one.required, **_typed(one))


def _typed(one: Parameter) -> dict[str, Any]:
    if get_origin(one.kind) is Literal:
        return {"choices": [choice for choice in get_args(one.kind) if choice]}
    return {"type": one.kind} if one.kind in (int, float) else {}


def _said(command: Command, given: argparse.Namespace) -> tuple[JsonObject, list[Path]]:
    """The arguments that were typed, and the files among them."""
    found: JsonObject = {}
    files: list[Path] = []
    for one in command.parameters:
        value = getattr(given, one.name, None)
        if value in (None, []):  # not typed
            continue
        if one.is_mapping:
            value = dict(map(_pair, value))
        if one.spoken.file:
            paths = [Path(str(path)).expanduser() for path in (value if isinstance(value, list) else [value])]
            if all(path.is_file() for path in paths):
                files += paths
                continue
        found[one.name] = _parted(one, value) if one.spoken.read else value
    return found, files


def _parted(one: Parameter, value: JsonValue) -> JsonValue:
    """A list as it is spoken, `approve 1,3-5` as ['1', '3', '4', '5'], or with commas between its parts."""
    if not isinstance(value, list):
        return value
    text = ",".join(map(str, value))
    read = one.spoken.read if one.spoken.read and re.fullmatch(one.spoken.pattern or "", text, re.IGNORECASE) else None
    return read(text) if read else [part for part in text.split(",") if part]


def _pair(said: str) -> tuple[str, str | int | float]:
    name, equals, value = said.partition("=")
    if not equals:
        raise RetortError(f"{said!r} sets nothing.", "Write NAME=VALUE, e.g. --set lora_rank=16.")
    try:
        read = json.loads(value)
    except ValueError:
        read = value
    return name, read if isinstance(read, int | float) else value


# --- running ------------------------------------------------------------------------------------------------------


def run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """A declared command with its arguments as typed; returns the exit code."""
    given = parser.parse_args(arguments)
    try:
        return _run(given, arguments)
    except RetortError as error:
        if not given.json:
            raise
        print(json.dumps(_outcome(given.command, None, failed=True, text=str(error)), ensure_ascii=False))
        return REFUSED


def _run(given: argparse.Namespace, arguments: Sequence[str]) -> int:
    command: Command = given.command
    catalog = Catalog()
    project = find_project(catalog, given.project, optional=command.group in ("task", "rows", "documents"))
    session = Session(catalog, project.id if project else None)
    said, files = _said(command, given)
    before = {one.id for one in catalog.find(Job, session.project_id)} if session.project_id else set()
    waiting = session.pending()
    entries = session.order(command.name, said, _line(arguments), files, own=at_a_terminal())
    asked, approved = session.pending(), True
    if asked and asked != waiting:
        if not at_a_terminal():
            return _leave(session, asked, command, as_json=given.json)
        approved = ask(asked, session.project.name if session.project else "")
        entries = session.decide(asked.digest, approved)
    started = [one for one in catalog.find(Job, session.project_id) if one.id not in before]
    failed = any(one.failed for one in entries)
    ended = watch(catalog, started[-1]) if started and getattr(given, "wait", False) and not failed else None
    _tell(session, command, entries, ended or (started[-1] if started else None), as_json=given.json)
    if not approved or failed:
        return REFUSED if approved else DECLINED
    return JOB_FAILED if ended and not (ended.active or ended.state == "done") else DONE


def _tell(session: Session, command: Command, entries: list[Entry], job: Job | None, *, as_json: bool) -> None:
    """Print the outcome: what was said, what there is to look at, the job as it is now."""
    catalog, project = session.catalog, session.project
    told = [one for one in entries if one.role == "assistant"]
    if as_json:
        data = _outcome(command, session, text="\n".join(one.text for one in told))
        data["failed"] = any(one.failed for one in told)
        data["show"] = [shown for one in told for shown in entry_data(catalog, project, one)]
        data["job"] = job.model_dump(mode="json") if job else None
        print(json.dumps(data, ensure_ascii=False))
        return
    for one in told:
        print(entry_text(catalog, project, one), file=sys.stderr if one.failed else sys.stdout)
    if job and not job.active:
        print(f"{job.order.title} ({job.id}) is {job.state}. {job.result or job.problem}")


def _outcome(command: Command | None, session: Session | None, text: str, *, failed: bool = False) -> JsonObject:
    """What `--json` prints, always in this shape."""
    project = session.project_id if session else None
    name = command.name if command else ""
    return {
        "command": name,
        "project": project,
        "text": text,
        "failed": failed,
        "show": [],
        "job": None,
        "waiting": None,
    }


def _line(arguments: Sequence[str]) -> str:
    return f"From the terminal: `retort {' '.join(arguments)[:300]}`"


def at_a_terminal() -> bool:
    """Whether a person sits here: they see what is written to the error stream and type into the input."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(asked: Approval, project: str) -> bool:
    """Put the question with its card to the person at the terminal. Nothing but a plain yes approves."""
    import termios

    print(f"{approval_text(asked)}\n       ?  in the project {project}", file=sys.stderr)
    sys.stderr.flush()
    termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before the question stood there answers no question
    print("approve? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _leave(session: Session, asked: Approval, command: Command | None, *, as_json: bool) -> int:
    where = f"Answer on the page (retort ui), or here at a terminal: retort answer --project {session.project_id}"
    if as_json:
        data = _outcome(command, session, text=where)
        data["waiting"] = asked.model_dump(mode="json")
        print(json.dumps(data, ensure_ascii=False))
    else:
        print(f"{approval_text(asked)}\n       It is waiting for your approval. {where}", file=sys.stderr)
    return WAITS


def answer(name: str, *, as_json: bool = False) -> int:
    """Show what waits for an approval and ask, at a terminal only."""
    catalog = Catalog()
    session = Session(catalog, need_project(catalog, name).id)
    asked = session.pending()
    if asked is None:
        print("Nothing is waiting for your approval.")
        return DONE
    if not at_a_terminal():
        return _leave(session, asked, None, as_json=as_json)
    approved = ask(asked, session.project.name if session.project else "")
    for entry in session.decide(asked.digest, approved):
        print(entry_text(catalog, session.project, entry))
    return DONE if approved else DECLINED


# --- projects -----------------------------------------------------------------------------------------------------


def begin(name: str, *, as_json: bool) -> int:
    """A new, empty project."""
    from agent.commands.task import UNNAMED

    catalog = Catalog()
    id_ = new_id("project")
    project = catalog.add(Project(id=id_, owner=catalog.owner, slug=id_, name=name or UNNAMED))
    print(json.dumps({"project": project.id, "name": project.name}) if as_json else project.id)
    return DONE


def list_projects(*, as_json: bool) -> int:
    """Where every project stands."""
    catalog = Catalog()
    projects = catalog.find(Project)
    if as_json:
        print(json.dumps([status(catalog, one).model_dump(mode="json") for one in projects], ensure_ascii=False))
        return DONE
    if not projects:
        print(f"There are no projects in {catalog.home} yet. Start one with retort new, retort ui or retort chat.")
    for one in projects:
        print(f"{one.id}\n" + "\n".join(f"  {line}" for line in lines(status(catalog, one))))
    return DONE

"""The command `retort`. Each command imports what it needs, so that help answers at once."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a RetortError is printed with its fix and ends with code 2."""
    from tools.errors import RetortError

    given = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.run
    try:
        return command(given)
    except RetortError as error:
        print(f"{error.problem}\n{error.fix}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="retort", description="Talk a big model's skill into a small model of your own."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    page = commands.add_parser("ui", help="open the page in the browser")
    page.add_argument("--host", default="", help="address to listen on (default: RETORT_HOST, 127.0.0.1)")
    page.add_argument("--port", type=int, default=0, help="port to listen on (default: RETORT_PORT, 7860)")
    page.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    page.set_defaults(run=_ui)

    chat = commands.add_parser("chat", help="the same conversation in this terminal")
    chat.add_argument("--project", default="", help="id of a project to go on with (see: retort status)")
    chat.set_defaults(run=_chat)

    demo = commands.add_parser("demo", help="play the written example from goal to served model")
    demo.add_argument("--conversation", default="", help="file to play (default: examples/shipping)")
    demo.set_defaults(run=_demo)

    replay = commands.add_parser("replay", help="do the run of a card again and compare")
    replay.add_argument("card", help="folder of the card (the chat's 'card' writes one)")
    replay.set_defaults(run=_replay)

    status = commands.add_parser("status", help="where every project stands")
    status.set_defaults(run=_status)

    check = commands.add_parser("setup-check", help="what this machine has, and what is missing")
    check.set_defaults(run=_check)
    return parser


def _ui(given: argparse.Namespace) -> int:
    from tools.settings import settings
    from ui.page import serve

    serve(given.host or settings().host, given.port or settings().port, open_browser=not given.no_browser)
    return 0


def _chat(given: argparse.Namespace) -> int:
    from ui.terminal import chat

    chat(given.project)
    return 0


def _demo(given: argparse.Namespace) -> int:
    from ui.demo import play

    return play(_path(given.conversation))


def _path(name: str) -> "Path | None":
    from pathlib import Path

    return Path(name) if name else None


def _replay(given: argparse.Namespace) -> int:
    from pathlib import Path

    from ui.replaying import replay

    return replay(Path(given.card))


def _status(_given: argparse.Namespace) -> int:
    from agent.status import lines, status
    from tools.catalog import Catalog
    from tools.records import Project

    catalog = Catalog()
    projects = catalog.find(Project)
    if not projects:
        print(f"There is no project in {catalog.home} yet. Start one: retort ui, or retort chat.")
    for project in projects:
        print(f"{project.id}\n" + "\n".join(f"  {line}" for line in lines(status(catalog, project))))
    return 0


def _check(_given: argparse.Namespace) -> int:
    from ui.setup_check import report

    print("\n".join(report()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

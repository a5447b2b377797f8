"""The command `retort`: the faces of the product, and every declared command as a subcommand.

Each imports what it needs, so that help answers at once; the declared commands are listed from their source.
"""

import argparse
import ast
import errno
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

EPILOG = "exit codes: 0 done, 1 a job failed, 2 refused or misused, 3 waiting for your approval, 4 declined"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a RetortError is printed with its fix and ends with code 2."""
    from tools.errors import RetortError

    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        if given and given[0] in {one.name for one in declared()}:
            from ui.subcommands import run

            return run(whole_parser(), given)
        chosen = own_parser().parse_args(given)
        command: Callable[[argparse.Namespace], int] = chosen.run
        return command(chosen)
    except RetortError as error:
        print(f"{error.problem}\n{error.fix}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # the output: whoever read it has gone, or the disk is full
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more is written at the end
        print("The output could not be written completely.", file=sys.stderr)
        return 2


class Listed(NamedTuple):
    """A declared command as the help lists it."""

    name: str
    about: str


def declared() -> list[Listed]:
    """The subcommands made from declarations, in the order of the way, read from their source: nothing is imported."""
    agent = Path(__file__).parents[1] / "agent"
    toolbox = ast.parse((agent / "toolbox.py").read_text(encoding="utf-8"))
    way = next(one for one in toolbox.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "_WAY")
    found = []
    for module in ast.unparse(way.value).strip("()").split(", "):
        for node in ast.parse((agent / "commands" / f"{module}.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                found += [
                    Listed(name, _first_sentence(ast.get_docstring(node) or ""))
                    for name in map(_subcommand, node.decorator_list)
                    if name
                ]
    return found


def _subcommand(decorator: ast.expr) -> str:
    """The first word of `terminal="generate [count]"` in a decorator @command(...)."""
    if not isinstance(decorator, ast.Call) or ast.unparse(decorator.func) != "command":
        return ""
    terminal = next(one.value for one in decorator.keywords if one.arg == "terminal")
    return str(ast.literal_eval(terminal)).split()[0]


def _first_sentence(doc: str) -> str:
    """The doc's first sentence on one line, without what stands in brackets."""
    line = re.sub(r"\s*\([^)]*\)", "", " ".join(doc.split()))
    line = re.split(r"[.;:] ", line)[0].rstrip(".;").replace("`", "")
    return line if len(line) <= 90 else f"{line[:88].rsplit(' ', 1)[0]} …"


def own_parser() -> argparse.ArgumentParser:
    """The faces and what has no place in a conversation; the help lists the declared commands below."""
    listed = "\n".join(f"  {one.name:<18} {one.about}" for one in declared())
    parser = argparse.ArgumentParser(
        prog="retort",
        description="Distil a big model's skill into a small model of your own, in a conversation.",
        epilog=(
            f"commands on a project (all take --project and --json; see retort COMMAND --help):\n{listed}\n\n{EPILOG}"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"retort {_version()}")
    commands = parser.add_subparsers(title="other commands", metavar="COMMAND", required=True)
    add_own(commands)
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """All subcommands in one parser, the declared ones with their arguments."""
    from ui.subcommands import add_declared

    parser = argparse.ArgumentParser(prog="retort", epilog=EPILOG)
    every = parser.add_subparsers(metavar="COMMAND", required=True)
    add_own(every)
    add_declared(every, {one.name: one.about for one in declared()}, EPILOG)
    return parser


def add_own(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Subcommands that are no commands on a project."""
    page = commands.add_parser("ui", help="open the page in the browser")
    page.add_argument("--host", default="", help="address to listen on (default: RETORT_HOST, 127.0.0.1)")
    page.add_argument("--port", type=int, default=0, help="port to listen on (default: RETORT_PORT, 7860)")
    page.add_argument("--no-browser", action="store_true", help="do not open a browser window")
    page.set_defaults(run=_ui)

    chat = commands.add_parser("chat", help="hold the same conversation in this terminal")
    chat.add_argument("--project", default="", help="project to continue, by id or name (see: retort list)")
    chat.set_defaults(run=_chat)

    new = commands.add_parser("new", help="start a project")
    new.add_argument("name", nargs="?", default="", help="name of the project (default: taken from its goal)")
    new.add_argument("--json", action="store_true", help="print JSON")
    new.set_defaults(run=_new)

    listing = commands.add_parser("list", help="list all projects, the newest last")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=_list)

    answer = commands.add_parser("answer", help="see what is waiting for your approval, and answer it here")
    answer.add_argument("--project", default="", help="id or name (default: the newest project)")
    answer.add_argument("--json", action="store_true", help="print what is waiting as JSON, where nobody can be asked")
    answer.set_defaults(run=_answer)

    logs = commands.add_parser("logs", help="show what a job has written (default: the newest job)")
    logs.add_argument("job", nargs="?", default="", help="id of the job")
    logs.add_argument("-f", "--follow", action="store_true", help="keep following the job until it ends")
    logs.add_argument("--project", default="", help="id or name (default: the newest project)")
    logs.set_defaults(run=_logs)

    waiting = commands.add_parser("wait", help="wait for a job and show its progress (default: the newest job)")
    waiting.add_argument("job", nargs="?", default="", help="id of the job")
    waiting.add_argument("--project", default="", help="id or name (default: the newest project)")
    waiting.add_argument("--json", action="store_true", help="print JSON when the job has ended")
    waiting.set_defaults(run=_wait)

    plugin = commands.add_parser("mcp", help="offer the commands to programs (Model Context Protocol)")
    plugin.add_argument("--project", default="", help="id or name (default: the newest project)")
    plugin.add_argument("--http", action="store_true", help="streamable HTTP on loopback instead of stdio")
    plugin.add_argument("--port", type=int, default=0, help="port for --http (default: the port after the page's)")
    plugin.set_defaults(run=_mcp)

    demo = commands.add_parser("demo", help="play the written example, from goal to served model")
    demo.add_argument("--conversation", default="", help="file to play (default: examples/shipping)")
    demo.set_defaults(run=_demo)

    replay = commands.add_parser("replay", help="repeat the run of a run card and compare the results")
    replay.add_argument("folder", help="folder of the run card (the chat's 'report' writes one)")
    replay.set_defaults(run=_replay)

    check = commands.add_parser("setup-check", help="show what this machine has and what is missing")
    check.set_defaults(run=_check)

    completions = commands.add_parser("completions", help="print completions for your shell, to be sourced")
    completions.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    completions.set_defaults(run=_completions)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("retort")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"


def _ui(given: argparse.Namespace) -> int:
    from tools.settings import settings
    from ui.page import serve

    serve(given.host or settings().host, given.port or settings().port, open_browser=not given.no_browser)
    return 0


def _chat(given: argparse.Namespace) -> int:
    from ui.terminal import chat

    chat(given.project)
    return 0


def _new(given: argparse.Namespace) -> int:
    from ui.subcommands import begin

    return begin(given.name, as_json=given.json)


def _list(given: argparse.Namespace) -> int:
    from ui.subcommands import list_projects

    return list_projects(as_json=given.json)


def _answer(given: argparse.Namespace) -> int:
    from ui.subcommands import answer

    return answer(given.project, as_json=given.json)


def _logs(given: argparse.Namespace) -> int:
    from ui.following import logs

    return logs(given.project, given.job, follow=given.follow)


def _wait(given: argparse.Namespace) -> int:
    from ui.following import wait

    return wait(given.project, given.job, as_json=given.json)


def _mcp(given: argparse.Namespace) -> int:
    from tools.catalog import Catalog
    from ui.plugin import serve
    from ui.projects import need_project

    serve(need_project(Catalog(), given.project).id if given.project else "", given.http, given.port)
    return 0


def _demo(given: argparse.Namespace) -> int:
    from ui.demo import play

    return play(Path(given.conversation) if given.conversation else None)


def _replay(given: argparse.Namespace) -> int:
    from ui.replaying import replay

    return replay(Path(given.folder))


def _check(_given: argparse.Namespace) -> int:
    from ui.setup_check import report

    print("\n".join(report()))
    return 0


def _completions(given: argparse.Namespace) -> int:
    import shtab

    print(shtab.complete(whole_parser(), shell=given.shell))
    return 0


if __name__ == "__main__":
    sys.exit(main())

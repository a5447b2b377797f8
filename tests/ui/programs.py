"""Programs that talk to `retort mcp`: the official client over stdio and HTTP, and a scene for a hostile one.

The client is imported where it is used: it takes seconds, and every run of the tests would wait for it.
"""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from agent.gate import FILE
from agent.session import Session
from tests.conftest import CONTACTS
from tests.ui.conftest import ROOT, make_sample
from tools.catalog import Catalog
from tools.records import Deployment, Job, Project, Sample, new_id

if TYPE_CHECKING:
    from mcp import Client

OURS = ("RETORT_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")


def in_own_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a client's scenario in a thread: Playwright's browser, kept for all tests, has a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, scenario).result()


def command(*arguments: str, code: str = "") -> list[str]:
    return [sys.executable, *(["-c", code] if code else ["-m", "ui.cli", "mcp", *arguments])]


def environment(home: Path, **more: str) -> dict[str, str]:
    """As a client starts it, with none of a developer's settings and not even a `.env`'s."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    none = dict.fromkeys(("RETORT_CHAT_MODEL", "RETORT_TEACHER_MODEL"), "")
    own = {"RETORT_HOME": str(home), "RETORT_HUB": "false", "RETORT_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return {**kept, **none, **own, **more}


@asynccontextmanager
async def over_stdio(folder: Path, *arguments: str) -> "AsyncIterator[Client]":
    """A client with the server as its child, over the home of `folder`."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    first, *rest = command(*arguments)
    starting = StdioServerParameters(command=first, args=rest, env=environment(folder / "home"), cwd=folder)
    with (folder / "plugin.log").open("w") as log:
        async with Client(stdio_client(starting, errlog=log)) as client:
            yield client


async def call(client: "Client", name: str, /, progress: Any = None, **arguments: Any) -> dict[str, Any]:
    """The structured answer, which the text says as well."""
    return told(await client.call_tool(name, arguments, progress_callback=progress))


def told(result: Any) -> dict[str, Any]:
    found: dict[str, Any] = result.structured_content
    [content] = result.content
    assert content.text == found["text"]
    assert result.is_error == found["failed"]
    return found


async def read(client: "Client", uri: str) -> str:
    [found] = (await client.read_resource(uri)).contents
    assert found.mime_type == "text/markdown"
    assert hasattr(found, "text")
    return str(found.text)


async def refusal(client: "Client", uri: str) -> str:
    """What the server says to an address that must not be read."""
    from mcp.shared.exceptions import MCPError

    try:
        await client.read_resource(uri)
    except MCPError as error:
        return error.message
    raise AssertionError(f"{uri} was read")


@dataclass
class Listening:
    """`retort mcp --http` in a process of its own, over a home of its own."""

    catalog: Catalog
    port: int
    process: subprocess.Popen[bytes]

    def url(self, project_id: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/mcp{f'?project={project_id}' if project_id else ''}"


@contextmanager
def listens(folder: Path) -> Iterator[Listening]:
    home = folder / "home"
    home.mkdir()
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "plugin.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command("--http", "--port", str(port)),
            cwd=folder,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    deadline = time.monotonic() + 120
    while "listening for programs" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield Listening(catalog, port, process)
    process.terminate()
    process.wait(timeout=30)
    catalog.close()


@dataclass
class Scene:
    """A project with four drafts that nobody judged, and a client that would say yes to whatever it is asked."""

    server: Listening
    project: Project
    samples: list[Sample]
    rows: Path  # a file of rows that would go in as approved
    ledger: list[int]  # rows of the ledger before
    elicited: list[str] = field(default_factory=list)

    @property
    def catalog(self) -> Catalog:
        return self.server.catalog

    def page(self) -> Session:
        """Another face on the same project."""
        return Session(self.catalog, self.project.id)

    def digest(self) -> str:
        pending = self.page().pending()
        return pending.digest if pending else ""

    async def agree(self, _context: Any, asked: Any) -> Any:
        import mcp_types as types

        self.elicited.append(str(asked))
        return types.ElicitResult(action="accept", content={"approved": True})

    @asynccontextmanager
    async def client(self, mode: Any = "auto", project_id: str | None = None) -> "AsyncIterator[Client]":
        from mcp import Client

        url = self.server.url(self.project.id if project_id is None else project_id)
        async with Client(url, mode=mode, elicitation_callback=self.agree) as client:
            yield client

    def nothing_passed(self) -> None:
        """No gated thing happened: nobody decided, nothing was acted, and all is as it was."""
        assert ledger_rows(self.catalog.home) == self.ledger
        assert self.elicited == []
        assert self.catalog.get(Project, self.project.id) == self.project
        assert self.catalog.find(Sample, self.project.id) == self.samples
        assert self.catalog.find(Job, self.project.id) == []
        assert self.catalog.find(Deployment, self.project.id) == []


def make_scene(server: Listening, folder: Path) -> Scene:
    id_ = new_id("project")
    project = Project(id=id_, owner="local", slug=id_, name="Contacts", goal="Read contacts.", task=CONTACTS)
    server.catalog.add(project)
    samples = [make_sample(project, f"Call Ann {number}.", '{"name": "Ann"}') for number in range(4)]
    server.catalog.add_all(samples)
    rows = folder / "rows.csv"
    rows.write_text('input,output\nCall Bob,"{""name"": ""Bob""}"\n')
    Session(server.catalog, id_)  # makes the ledger's tables
    return Scene(server, project, samples, rows, ledger_rows(server.catalog.home))


def ledger_rows(home: Path) -> list[int]:
    with closing(sqlite3.connect(home / FILE)) as ledger:
        return [ledger.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("decisions", "acts")]

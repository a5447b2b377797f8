"""A page in its own process, a browser to look at it, and a project with something to show."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.catalog import Catalog
from tools.records import Message, Project, Sample, SampleState, new_id

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.ui.programs import Listening, Scene

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


def make_sample(project: Project, question: str, answer: str, state: SampleState = "draft") -> Sample:
    told = (("system", "Extract."), ("user", question), ("assistant", answer))
    messages = tuple(Message.model_validate({"role": role, "content": content}) for role, content in told)
    return Sample(
        id=new_id("sample"), owner="local", project_id=project.id, messages=messages, state=state, source="simulator"
    )


class Server:
    """`retort ui` as a person starts it; it can be killed and started again on the same port."""

    def __init__(self, folder: Path, student: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.folder = folder
        self.log = folder / "ui.log"
        # A developer's .env lies in the checkout: it must not lead the conversation or the teaching of a test.
        none = dict.fromkeys(("RETORT_CHAT_MODEL", "RETORT_TEACHER_MODEL"), "")
        self.env = {
            **os.environ,
            **none,
            "PYTHONPATH": str(ROOT),
            "RETORT_STUDENT": f"path:{student}",
            "RETORT_THREADS": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "ui.cli", "ui", "--no-browser", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(self.url, timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        """As a crash or the kernel would: no chance to clean up."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


@pytest.fixture
def server(tmp_path: Path, tiny_student: Path, catalog: Catalog) -> Iterator[Server]:
    """A running page over the test's own home; jobs it leaves are stopped."""
    from tools import jobs

    found = Server(tmp_path, tiny_student)
    found.start()
    yield found
    found.stop()
    for job in jobs.active(catalog):
        jobs.wait(catalog, jobs.stop(catalog, job), timeout_s=60)


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield found
        found.close()


@pytest.fixture
def page(browser: "Browser", server: Server) -> "Iterator[Page]":
    """A window that fails the test when it asks anything of another machine, or when a script fails."""
    trouble: list[str] = []
    window = browser.new_page(viewport={"width": 1400, "height": 900})
    window.on("request", lambda request: trouble.extend([] if _local(request.url) else [f"asked {request.url}"]))
    window.on("pageerror", lambda error: trouble.append(str(error)))
    window.on("dialog", lambda dialog: dialog.dismiss())  # a dialog would be a script that ran: told by the next line
    window.on("dialog", lambda dialog: trouble.append(f"dialog {dialog.message}"))
    window.goto(server.url)
    window.wait_for_selector(".welcome", timeout=30_000)
    yield window
    window.close()
    assert trouble == []


@pytest.fixture(scope="session")
def listening(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Listening]":
    """`retort mcp --http`, once for all tests of it: each takes a project of its own."""
    from tests.ui.programs import listens

    with listens(tmp_path_factory.mktemp("plugin")) as found:
        yield found


@pytest.fixture
def scene(listening: "Listening", tmp_path: Path) -> "Scene":
    from tests.ui.programs import make_scene

    return make_scene(listening, tmp_path)


def _local(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))

"""Shared fixtures: a clean environment, a catalog in a temporary folder, and a real two-layer student."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.catalog import Catalog
from tools.records import Project, Task, TaskField, new_id
from tools.settings import settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the developer's machine reaches a test, and no test reaches the developer's home."""
    import os

    for name in list(os.environ):
        if name.startswith(("RETORT_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RETORT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RETORT_HUB", "false")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)  # away from a developer's .env
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(autouse=True)
def no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright's loop runs in this thread while its browser is open; for any other test there is none."""
    from asyncio import _get_running_loop, _set_running_loop

    running = None if request.node.get_closest_marker("browser") else _get_running_loop()
    if running is not None:
        _set_running_loop(None)
    yield
    if running is not None:
        _set_running_loop(running)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    home = tmp_path / "home"
    home.mkdir()
    found = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    yield found
    found.close()


CONTACTS = Task(
    kind="extraction",
    input_description="short messages with contact details",
    fields=tuple(TaskField(name=name) for name in ("name", "phone", "address", "email")),
    language="en",
)


@pytest.fixture
def project(catalog: Catalog) -> Project:
    """A project whose task is complete: four contact fields out of short English messages."""
    record = Project(id=new_id("project"), owner="local", slug="contacts", name="Contacts", task=CONTACTS)
    return catalog.add(record)


@pytest.fixture
def jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A job runs to its end when it is launched, by its own `main` but in this process, which has torch loaded."""
    import signal

    from tools import jobs
    from tools.records import Job

    def start(catalog: Catalog, job: Job) -> Job:
        jobs.main(job.id, job.order.stage)
        return catalog.get(Job, job.id)

    monkeypatch.setattr(jobs, "_start", start)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def tiny_student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama with a byte-level tokenizer and a ChatML template, as a local folder."""
    from tests.tiny import make_student

    return make_student(tmp_path_factory.mktemp("student"))

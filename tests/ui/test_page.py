"""The page as Gradio blocks: light, closed to other hosts, and without Gradio's template trap."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.session import Session
from tests.ui.conftest import ROOT, Server
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Project
from ui.news import WAIT_S
from ui.page import HERE, PANELS, SELDOM_S, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

BUILD = """
import sys, warnings
from tools.catalog import Catalog
from ui.desk import Desk
from ui.page import build
desk = Desk(Catalog())
page = build(desk)
project, trouble = desk.say("", "Extract the name and the phone from short English messages.")
assert trouble is None, trouble
desk.tick(project)
desk.views(project, project)
heavy = {"torch", "transformers", "peft", "vllm", "unstructured", "matplotlib"} & set(sys.modules)
print(sorted(heavy))
"""


def test_a_page_in_use_has_loaded_no_heavy_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_port_in_use_is_told_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RetortError) as told:
            serve("127.0.0.1", port, open_browser=False)
    assert str(port) in told.value.problem
    assert f"--port {port + 1}" in told.value.fix


def test_the_served_page_is_closed_and_tells_nobody(server: Server) -> None:
    with urllib.request.urlopen(server.url + "config", timeout=20) as answer:
        config = json.loads(answer.read())
    assert config["analytics_enabled"] is False
    assert config["run_history"] is False
    assert all(dependency["api_visibility"] != "public" for dependency in config["dependencies"])
    # Gradio evaluates `${...}` in what a `{{value}}` template renders; our panels put their values in by script.
    panels = [one["props"] for one in config["components"] if one["props"].get("elem_id") in PANELS]
    assert len(panels) == len(PANELS)
    assert all("value" not in panel["html_template"] for panel in panels)
    # A web site that points its own name at this machine gets nothing.
    request = urllib.request.Request(server.url, headers={"Host": "evil.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert refused.value.code == 400
    refused.value.close()


def news(server: Server, project: str, known: str = "") -> str:
    address = f"{server.url}retort/news?project={project}&known={known}"
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(json.loads(answer.read())["mark"])


def test_a_window_is_told_what_another_process_did(server: Server, catalog: Catalog, project: Project) -> None:
    Session(catalog, project.id).say("status")
    mark = news(server, project.id)
    while (again := news(server, project.id)) != mark:  # the first look may itself write
        mark = again
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(news, server, project.id, mark)
        time.sleep(1)
        assert not waiting.done(), "without news nothing is answered"
        Session(catalog, project.id).say("costs")
        assert waiting.result(timeout=30) != mark
    assert time.monotonic() - started < WAIT_S, "it was told, and did not merely end its wait"


@pytest.mark.browser
def test_an_open_window_shows_what_another_process_did(page: "Page", catalog: Catalog, project: Project) -> None:
    page.goto(f"{page.url.split('?')[0]}?project={project.id}")
    page.wait_for_selector("#live .panel")
    for words in ("status", "costs"):
        Session(catalog, project.id).say(words)
        page.wait_for_selector(f".entry.user:has-text('{words}')", timeout=SELDOM_S * 1000 / 3)


def test_the_pages_own_files_ask_for_nothing_elsewhere() -> None:
    for name in ("page.js", "review.js", "style.css"):
        text = (HERE / name).read_text(encoding="utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "@import" not in text

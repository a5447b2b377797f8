"""The page as Gradio blocks: light, closed to other hosts, and without Gradio's template trap."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.ui.conftest import ROOT, Server
from tools.errors import RetortError
from ui.page import HERE, PANELS, serve

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


def test_the_pages_own_files_ask_for_nothing_elsewhere() -> None:
    for name in ("page.js", "review.js", "style.css"):
        text = (HERE / name).read_text(encoding="utf-8")
        assert "http://" not in text
        assert "https://" not in text
        assert "@import" not in text

"""The command line: quick help, and errors as a sentence with the fix."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ui.conftest import ROOT
from tools.catalog import Catalog
from tools.records import Project
from ui.cli import main


def test_help_answers_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "ui.cli", "--help"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=30)
    assert time.monotonic() - began < 1.0 or os.getloadavg()[0] > 2, "slow without a reason"
    for word in ("ui", "chat", "demo", "status", "setup-check"):
        assert word in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"gradio", "torch", "pydantic", "sqlalchemy", "langgraph"}


def test_an_error_is_two_sentences_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RETORT_CATALOG_URL", "nonsense")
    assert main(["status"]) == 2
    told = capsys.readouterr().err
    assert "nonsense" in told
    assert "RETORT_CATALOG_URL" in told
    assert "Traceback" not in told


def test_status_of_nothing_and_of_a_project(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    assert "no project" in capsys.readouterr().out
    catalog.add(Project(id="project-1", owner="local", slug="one", name="One", goal="Do it."))
    assert main(["status"]) == 0
    assert "project-1" in capsys.readouterr().out


def test_setup_check_tells_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup-check"]) == 0
    told = capsys.readouterr().out
    assert "gradio 6" in told
    assert "the built-in guide" in told

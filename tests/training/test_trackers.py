"""Trackers: a missing one gives the line that installs it; figures go to the one named; its failure ends nothing."""

import importlib
import sys
from pathlib import Path

import pytest

from tests.training.kills import small_plan
from tools.errors import RetortError
from tools.records import Run
from tools.training.monitor import Metric
from tools.training.trackers import Tracking, default_tracker, need_tracker

SCRIPTED = """
calls = []
def init(**options): calls.append(("init", options))
def log(figures, step):
    if step == 3: raise ConnectionError("no network")
    calls.append(("log", figures, step))
def finish(): calls.append(("finish",))
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    plan = small_plan(tmp_path).model_copy(update={"tracker": "wandb"})
    return Run(id="run-1", owner="local", project_id="project-1", dataset_id="d", plan=plan, folder="runs/run-1")


def test_a_missing_tracker_gives_its_pip_line() -> None:
    for name in ("wandb", "swanlab", "mlflow"):
        if importlib.util.find_spec(name) is None:
            with pytest.raises(RetortError, match="not installed") as caught:
                need_tracker(name)
            assert f"pip install {name}" in caught.value.fix
    need_tracker("none")
    assert default_tracker() in ("none", "trackio")


def test_figures_go_to_the_tracker_and_its_failure_ends_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb.py").write_text(SCRIPTED)
    monkeypatch.syspath_prepend(tmp_path)
    tracking = Tracking(run, "Words", tmp_path)
    for step in range(1, 5):
        tracking.log(Metric(step=step, epoch=1, loss_per_token=1 / step, learning_rate=1e-3))
    tracking.close()
    calls = importlib.import_module("wandb").calls
    assert calls[0][1]["project"] == "Words"
    assert calls[0][1]["id"] == "run-1"
    assert "reasons" not in calls[0][1]["config"]
    assert [call[1:] for call in calls[1:]] == [
        ({"loss_per_token": 1.0, "learning_rate": 1e-3}, 1),
        ({"loss_per_token": 0.5, "learning_rate": 1e-3}, 2),
    ]


@pytest.mark.parametrize("broken", ["init", "finish"])
def test_a_tracker_that_cannot_be_opened_or_closed_ends_nothing(
    broken: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SCRIPTED.replace(f"def {broken}(", f"def unused_{broken}(") + f"def {broken}(**_): raise OSError('no key')\n"
    (tmp_path / "swanlab.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "swanlab", raising=False)
    importlib.invalidate_caches()
    tracking = Tracking(run.but(plan=run.plan.model_copy(update={"tracker": "swanlab"})), "Words", tmp_path)
    tracking.log(Metric(step=1, epoch=1, loss_per_token=1))
    tracking.close()
    assert "no key" in capsys.readouterr().out

"""Trying a student: a child process for local ones, HTTP for served ones, torch in no page."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluation.world import make_run
from tests.scripted_openai import Reply, ScriptedOpenAI
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.evaluation.candidates import find_candidate, prompt_for
from tools.evaluation.students import LocalStudent
from tools.evaluation.studies.trial import _ask, try_model
from tools.records import Checkpoint, Dataset, Deployment, Project


def test_a_checkpoint_answers_as_in_this_process(
    catalog: Catalog, project: Project, checkpoints: list[Checkpoint], student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = checkpoints[0].id
    candidate = find_candidate(catalog, project, name)
    wanted = _ask(LocalStudent(student, "fp32"), candidate, prompt_for(catalog, project, name, "I am Ann — 三"))
    assert len(wanted) > 20
    assert try_model(catalog, project, name, "I am Ann — 三") == wanted


def test_the_childs_error_is_told(catalog: Catalog, project: Project, dataset: Dataset, tmp_path: Path) -> None:
    make_run(catalog, project, dataset, tmp_path / "nowhere")
    with pytest.raises(RetortError, match="there is no folder"):
        try_model(catalog, project, "base", "Hello")
    with pytest.raises(RetortError, match="no text"):
        try_model(catalog, project, "base", "  ")


def test_a_deployment_is_asked_over_http(catalog: Catalog, project: Project) -> None:
    with ScriptedOpenAI(lambda body: Reply(content=body["messages"][-1]["content"].upper()), key="none") as server:
        port = int(server.base_url.rsplit(":", 1)[1].split("/")[0])
        served = Deployment(
            id="deployment-1", owner="local", project_id=project.id, state="serving", port=port, model="base"
        )
        catalog.add(served)
        assert try_model(catalog, project, served.id, "hello") == "HELLO"


def test_a_page_that_compares_tries_and_deploys_loads_no_torch() -> None:
    modules = ["compare.comparison", "studies.trial", "estimate", "candidates", "score.metrics", "answers"]
    lines = [f"import tools.evaluation.{name}" for name in modules]
    lines += [f"import tools.deployment.{name}" for name in ("starting", "parity", "curl", "job")]
    heavy = "{'torch', 'transformers', 'peft', 'vllm', 'openai'}"
    code = "; ".join(["import sys", *lines, f"print(sorted({heavy} & set(sys.modules)))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

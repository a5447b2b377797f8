"""What is checked before a server starts, how it is started, and how a dead one is told."""

import importlib.util
import json
import shlex
import socket
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.evaluation.world import make_adapter
from tools import jobs
from tools.catalog import Catalog
from tools.deployment import ports
from tools.deployment.curl import curl_line
from tools.deployment.ports import free_port
from tools.deployment.starting import actual, deploy, model_name, stop_deployment
from tools.deployment.vllm import serve_command, serve_environment, served_rank
from tools.errors import RetortError
from tools.evaluation.candidates import Candidate
from tools.evaluation.students import LocalStudent
from tools.records import Checkpoint, Deployment, Example, Job, Project, ServingOrder, new_id


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[ServingOrder]:
    """Jobs are recorded, not started: these tests are about what comes before."""
    orders: list[ServingOrder] = []

    def launch(catalog: Catalog, project: Project, order: ServingOrder) -> Job:
        orders.append(order)
        return catalog.add(Job(id=new_id("job"), owner="local", project_id=project.id, order=order))

    monkeypatch.setattr(jobs, "launch", launch)
    return orders


def test_a_deployment_gets_a_free_port_and_a_name(
    catalog: Catalog, project: Project, checkpoints: list[Checkpoint], launched: list[ServingOrder]
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(RetortError, match=f"Port {port} is in use"):
            deploy(catalog, project, checkpoints[0], port=port)
    assert not catalog.find(Deployment, project.id)
    deployment, job = deploy(catalog, project, checkpoints[0])
    assert (deployment.state, deployment.host, deployment.model) == ("starting", "127.0.0.1", "contacts-step-20")
    assert launched == [ServingOrder(deployment_id=deployment.id)]
    assert deployment.port >= 8100
    with pytest.raises(RetortError, match=f"already serves a student \\({job.id}\\)"):
        deploy(catalog, project, checkpoints[1])
    assert free_port([deployment.port]) != deployment.port


def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    free = {8102, 8103}
    monkeypatch.setattr(ports, "is_free", lambda port: port in free)
    assert free_port() == 8102
    assert free_port([8102]) == 8103
    free.clear()
    with pytest.raises(RetortError, match="All ports from 8100 to 8149"):
        free_port()


def test_what_cannot_be_served_is_told_before_anything_is_made(
    catalog: Catalog, project: Project, checkpoints: list[Checkpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    (catalog.folder(project) / checkpoints[0].folder / "adapter_config.json").unlink()
    with pytest.raises(RetortError, match="damaged or missing"):
        deploy(catalog, project, checkpoints[0])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(RetortError, match=r"vLLM is not installed.*make setup"):
        deploy(catalog, project, checkpoints[1])
    assert not catalog.find(Deployment, project.id)
    assert not catalog.find(Job, project.id)


@pytest.mark.parametrize(("state", "told"), [("stopped", "stopped"), ("died", "failed"), ("failed", "failed")])
def test_a_server_without_its_job_is_told_as_gone(catalog: Catalog, project: Project, state: str, told: str) -> None:
    deployment = catalog.add(
        Deployment(id=new_id("deployment"), owner="local", project_id=project.id, state="serving", port=1)
    )
    order = ServingOrder(deployment_id=deployment.id)
    catalog.add(
        Job.model_validate({"id": "job-1", "owner": "local", "project_id": project.id, "order": order, "state": state})
    )
    assert actual(catalog, deployment).state == told
    assert stop_deployment(catalog, project, deployment).state == told
    with pytest.raises(RetortError, match="no deployment"):
        stop_deployment(catalog, project.but(id="project-other"), deployment)


def test_the_command_line_is_loopback_and_knows_the_adapter(student: Path, tmp_path: Path) -> None:
    adapter = make_adapter(student, tmp_path / "adapter", seed=1, rank=12)
    deployment = Deployment(id="d", owner="local", project_id="p", port=8123, model="contacts-step-20")
    told = shlex.join(serve_command(deployment, "hf:Qwen/Qwen3-0.6B", student, adapter, gpu=False))
    assert "--host 127.0.0.1 --port 8123" in told
    assert f"--model {student}" in told
    assert f"--lora-modules contacts-step-20={adapter}" in told
    assert "--max-lora-rank 16" in told  # 12 is no rank of vLLM's
    assert "--served-model-name Qwen3-0.6B" in told
    assert "--enforce-eager" in told
    assert "--max-model-len 2048" in told
    merged = shlex.join(serve_command(deployment, "hf:Qwen/Qwen3-0.6B", student, None, gpu=True))
    assert "--served-model-name contacts-step-20" in merged
    assert "lora" not in merged
    assert "--enforce-eager" not in merged


def test_a_rank_that_vllm_lacks(tmp_path: Path) -> None:
    def rank(**config: object) -> int:
        (tmp_path / "adapter_config.json").write_text(json.dumps(config))
        return served_rank(tmp_path)

    assert [rank(r=1), rank(r=4), rank(r=32), rank(r=8, rank_pattern={"q_proj": 33})] == [1, 8, 32, 64]
    with pytest.raises(RetortError, match="rank 1024"):
        rank(r=1024)


def test_no_secret_reaches_the_server() -> None:
    known = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
        "RETORT_TEACHER_API_KEY": "sk-1",
        "OPENAI_API_KEY": "sk-2",
        "HF_TOKEN": "hf-3",
        "VLLM_API_KEY": "sk-4",
    }
    told = serve_environment(False, known)
    assert told["PATH"] == "/bin"
    assert told["CUDA_VISIBLE_DEVICES"] == "1"
    assert told["VLLM_CPU_KVCACHE_SPACE"] == "2"
    assert told["HF_HUB_OFFLINE"] == told["VLLM_NO_USAGE_STATS"] == told["DO_NOT_TRACK"] == "1"
    assert not {"RETORT_TEACHER_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "VLLM_API_KEY"} & set(told)


def test_curl_line_is_one_shell_command(project: Project) -> None:
    task = project.task.model_copy(update={"examples": (Example(input='I\'m Ann — 三\n"quoted"', output="{}"),)})
    deployment = Deployment(id="d", owner="local", project_id=project.id, port=8123, model="contacts-step-20")
    words = shlex.split(curl_line(deployment, project.but(task=task)))
    assert words[0] == "curl"
    assert "http://127.0.0.1:8123/v1/chat/completions" in words
    body = json.loads(words[words.index("-d") + 1])
    assert body["model"] == "contacts-step-20"
    assert "phone" in body["messages"][0]["content"]
    assert body["messages"][1]["content"] == task.examples[0].input


def test_model_names() -> None:
    assert model_name("contacts-run 2, step 60") == "contacts-run-2-step-60"
    assert model_name("…") == "student"


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_what_is_scored_has_the_weights_that_are_served(
    student: Path, tmp_path: Path, precision: Literal["bf16", "fp32"]
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from tools.deployment.merging import write_merged

    adapter, other = (make_adapter(student, tmp_path / str(seed), seed=seed) for seed in (1, 2))
    (tmp_path / "merged").mkdir()
    write_merged(student, adapter, tmp_path / "merged", precision)
    served = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    base = AutoModelForCausalLM.from_pretrained(student, dtype=served.dtype)
    if torch.cuda.is_available() and precision == "bf16":
        pytest.skip("a GPU serves adapters as adapters")
    local = LocalStudent(student, precision)

    def held(name: str, folder: Path | None) -> dict[str, Any]:
        list(local.answer([], Candidate(name=name, label=name, student="", adapter=folder), 1))
        return {key.replace(".base_layer", ""): weight for key, weight in local.model.state_dict().items()}

    held("other", other)
    for found, wanted in ((held("one", adapter), served), (held("base", None), base)):
        assert all(torch.equal(found[key], weight) for key, weight in wanted.state_dict().items())


def test_merging_rounds_once(student: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from tools.deployment.merging import merge, write_merged
    from tools.student.chat import load_tokenizer

    adapter = make_adapter(student, tmp_path / "adapter", seed=1)
    folder = merge(student, adapter, tmp_path / "deployments" / "model")
    merged = AutoModelForCausalLM.from_pretrained(folder)
    base = AutoModelForCausalLM.from_pretrained(student)
    assert merged.dtype == torch.bfloat16
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.allclose(merged.state_dict()[name].float(), base.state_dict()[name].float(), atol=1e-2)
    (tmp_path / "exact").mkdir()
    write_merged(student, adapter, tmp_path / "exact", "fp32")
    exact = AutoModelForCausalLM.from_pretrained(tmp_path / "exact")
    assert exact.dtype == torch.float32  # what was scored in fp32 is served in it: no second rounding
    assert load_tokenizer(folder).chat_template == load_tokenizer(student).chat_template
    stamp = (folder / "model.safetensors").stat().st_mtime_ns
    assert merge(student, adapter, folder) == folder  # a resumed job finds it made
    assert (folder / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(RetortError, match=r"Merging .* failed"):
        merge(student, tmp_path / "nothing", tmp_path / "other")

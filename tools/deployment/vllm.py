"""How vLLM is started: its command line and its environment, on loopback and without a secret."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

from tools.deployment.starting import model_name
from tools.errors import RetortError
from tools.evaluation.students import SERVED_CONTEXT_TOKENS
from tools.files import write_atomic
from tools.records import Deployment
from tools.settings import settings
from tools.student.chat import end_token_ids, load_tokenizer, template_arguments
from tools.student.config import read_json, text_config
from tools.student.reference import short_name

Precision: TypeAlias = Literal["bf16", "fp32"]
DTYPES: dict[Precision, str] = {"bf16": "bfloat16", "fp32": "float32"}
LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # what vLLM 0.32 takes for --max-lora-rank
TEMPLATE = "chat_template.jinja"
FEW_CORES = 4  # measured on 2: 93 tokens/s with both, 58 with one
# What a server may know of our environment; keys and tokens of teachers and hubs are none of its business.
_PASSED = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH")
_PASSED_PREFIXES = ("LC_", "CUDA_", "NVIDIA_", "NCCL_", "OMP_", "XDG_", "VLLM_CPU_", "VLLM_CACHE_", "TORCHINDUCTOR_")


def write_speech(model: Path, folder: Path) -> Path:
    """Write how the model is spoken to and where its answers end, as training and evaluation have it: a template and
    a generation config for vLLM. Raises RetortError as `load_tokenizer` does.

    vLLM's own way is to stop at the tokenizer's end token and at those that the model declares; where the template
    ends a turn with another one, answers would run on. A config of ours names all of them, and no penalties.
    """
    tokenizer = load_tokenizer(model)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / TEMPLATE, str(tokenizer.chat_template).encode())
    ends = {"eos_token_id": end_token_ids(tokenizer, model)}
    write_atomic(folder / "generation_config.json", json.dumps(ends).encode())
    return folder


def serve_command(  # noqa: PLR0917  where to, then what
    deployment: Deployment,
    student: str,
    model: Path,
    adapter: Path | None,
    gpu: bool,
    precision: Precision = "bf16",
    speech: Path | None = None,
    thinks: bool = False,
) -> list[str]:
    """The server's command line; `model` is a base with `adapter` on it, or a whole (merged or base) model, `speech`
    the folder of `write_speech` (None: as the model's own files say), `thinks` whether answers begin with reasoning.

    Served in the precision that was trained and scored in: rounding differently changes an answer now and then.
    """
    command = [sys.executable, "-P", "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--host", deployment.host, "--port", str(deployment.port), "--model", str(model)]
    command += ["--dtype", DTYPES[precision], "--max-model-len", str(context_tokens(model))]
    # The model's own generation config may add penalties, and then the served answers are not the scored ones.
    command += ["--generation-config", str(speech or "vllm")]
    command += ["--chat-template", str(speech / TEMPLATE)] if speech else []
    # Texts as texts: vLLM would else guess from the template's code whether it wants parts.
    command += ["--chat-template-content-format", "string"]
    command += ["--default-chat-template-kwargs", json.dumps(template_arguments(thinks))]
    command += ["--no-enable-log-requests", "--disable-uvicorn-access-log", "--disable-log-stats"]
    if not gpu:
        command.append("--enforce-eager")
    if adapter is None:
        return [*command, "--served-model-name", deployment.model]
    command += ["--served-model-name", model_name(short_name(student)), "--enable-lora"]
    command += ["--max-lora-rank", str(served_rank(adapter)), "--max-loras", "1"]
    return [*command, "--lora-modules", f"{deployment.model}={adapter}"]


def serve_environment(gpu: bool, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The server's environment: offline, silent towards its makers, and cut down to what it needs."""
    known = os.environ if environment is None else environment
    passed = {name: value for name, value in known.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}
    fixed = {
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore",
    }
    on_cpu = {"VLLM_CPU_KVCACHE_SPACE": str(settings().serve_memory_gib), "GOMP_SPINCOUNT": "3000"}  # as of jobs
    if (os.cpu_count() or 1) <= FEW_CORES:
        on_cpu["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"  # by itself vLLM leaves one core to the web server
    return {**({} if gpu else on_cpu), **passed, **fixed}


def context_tokens(model: Path) -> int:
    """Tokens of a prompt with its answer that the server takes."""
    own = text_config(model).get("max_position_embeddings")
    return min(SERVED_CONTEXT_TOKENS, own) if isinstance(own, int) else SERVED_CONTEXT_TOKENS


def served_rank(adapter: Path) -> int:
    """The smallest rank that vLLM offers and that holds every matrix of the adapter."""
    config = read_json(adapter / "adapter_config.json")
    if config.get("use_dora"):
        raise RetortError(
            f"vLLM cannot apply the DoRA adapter in {adapter} to its base.",
            "Say 'deploy best merged' to serve it merged.",
        )
    patterns = config.get("rank_pattern")
    ranks = [config.get("r"), *(patterns.values() if isinstance(patterns, dict) else ())]
    rank = max((number for number in ranks if isinstance(number, int)), default=0)
    for offered in LORA_RANKS:
        if 0 < rank <= offered:
            return offered
    raise RetortError(
        f"The adapter in {adapter} has rank {rank}, which vLLM cannot serve (at most {LORA_RANKS[-1]}).",
        "Deploy it merged.",
    )

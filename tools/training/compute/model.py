"""The student made ready to learn: by method, which weights train and how they are kept."""

import importlib.util
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from tools.errors import RetortError
from tools.records import Plan


def use_threads() -> None:
    """As many CPU threads as the settings say."""
    from tools.settings import settings  # here: what computes a step runs where no pydantic-settings is

    if settings().threads:
        torch.set_num_threads(settings().threads)


def student_model(student: Path, plan: Plan, device: str = "") -> Any:
    """The student in evaluation mode with its trainable weights in float32: an adapter, or (full) all of them."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if plan.precision == "bf16" and plan.method != "full" else torch.float32
    options: dict[str, Any] = {"quantization_config": _four_bits(device)} if plan.method == "qlora" else {}
    try:
        base = AutoModelForCausalLM.from_pretrained(student, dtype=dtype, attn_implementation="sdpa", **options)
    except ValueError as error:  # transformers' word for a family that it or this way of attention does not know
        raise _unfit(student.name, error) from error
    if plan.method == "full":
        return base.to(device).eval()
    if plan.method != "qlora":  # a quantised model is placed while it is read
        base.to(device)
    return with_adapter(base, plan)


def with_adapter(base: Any, plan: Plan) -> Any:
    """The base with the plan's adapter on all its linear layers, in evaluation mode."""
    torch.manual_seed(plan.seed)  # fixes the adapter's initial weights
    config = LoraConfig(
        r=plan.lora_rank,
        lora_alpha=plan.lora_alpha,
        lora_dropout=plan.lora_dropout,
        use_rslora=plan.method == "rslora",
        use_dora=plan.method == "dora",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(base, config).eval()
    except ValueError as error:  # peft's word for layers that no adapter fits, such as Mamba's
        raise _unfit(str(base.config.model_type), error) from error


def _unfit(student: str, error: ValueError) -> RetortError:
    told = str(error).strip().splitlines()[0].rstrip(".")[:200]
    return RetortError(f"{student} cannot be trained here: {told}.", "Choose another student, e.g. hf:Qwen/Qwen3-0.6B.")


def _four_bits(device: str) -> Any:
    if device == "cpu" or importlib.util.find_spec("bitsandbytes") is None:
        lacks = "a GPU" if device == "cpu" else "the package bitsandbytes"
        fix = "Say 'use lora' for a new plan." if device == "cpu" else "pip install bitsandbytes, or say 'use lora'."
        raise RetortError(f"qlora needs {lacks}.", fix)

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def set_dropout(model: Any, on: bool) -> None:
    """LoRA's own dropout, and none of the base's: the base stays as it will be served."""
    for name, module in model.named_modules():
        if "lora_dropout" in name:
            module.train(on)


def save_memory(model: Any) -> bool:
    """Recompute activations layer by layer in backward from now on; False if that is so already.

    transformers asks a layer's `training` for it. Only the layers' own flag is set: their parts stay without dropout.
    """
    layers = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
    if any(module.gradient_checkpointing for module in layers):
        return False
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for module in layers:
        module.training = True
    return True

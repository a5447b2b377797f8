"""Students of random weights in the shape of real ones, and samples of a given layout."""

import random
from dataclasses import dataclass
from typing import Any

from tools.records import Plan
from tools.student.chat import Encoded
from tools.training.compute.model import with_adapter

SHAPES: dict[str, tuple[str, dict[str, Any]]] = {  # from each model's config.json
    "Qwen3-0.6B": ("Qwen3Config", {"hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
                                   "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
                                   "vocab_size": 151_936}),
    "Qwen2.5-1.5B": ("Qwen2Config", {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
                                     "num_attention_heads": 12, "num_key_value_heads": 2, "vocab_size": 151_936}),
    "SmolLM2-135M": ("LlamaConfig", {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
                                     "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49_152}),
}  # fmt: skip
TINY = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "vocab_size": 320}  # fmt: skip
LAYOUTS = {  # shared tokens, own tokens, samples in an optimizer step
    "384 shared + 64 own": (384, 64, 16),
    "51 shared + 130 own": (51, 130, 16),
    "130 own, none shared": (0, 130, 16),
    "2048 own, none shared": (0, 2048, 8),
}
TINY_BY = 16  # tiny layouts have so many times fewer tokens


@dataclass(frozen=True)
class Size:
    """Whether the real sizes are meant, on a GPU, or tiny ones that show on a CPU that everything runs."""

    tiny: bool

    @property
    def device(self) -> Any:
        import torch

        return torch.device("cpu" if self.tiny else "cuda")

    def layout(self, name: str) -> tuple[int, int, int]:
        shared, own, batch = LAYOUTS[name]
        return (shared // TINY_BY, max(4, own // TINY_BY), batch // 4) if self.tiny else (shared, own, batch)


def base(shape: str, size: Size, precision: str = "bf16", seed: int = 0) -> Any:
    """A causal LM with random weights, made on the device."""
    import torch
    import transformers

    kind, extra = SHAPES[shape]
    if size.tiny:
        extra = {**extra, **TINY, **({"head_dim": 16} if "head_dim" in extra else {})}
    config = getattr(transformers, kind)(
        **extra, max_position_embeddings=8192, tie_word_embeddings=True, pad_token_id=0, bos_token_id=1, eos_token_id=2
    )
    torch.manual_seed(seed)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    with torch.device(size.device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    return model.eval()


def plan(row_tokens: int, batch: int, precision: str = "bf16", method: str = "lora") -> Plan:
    return Plan(
        student="random",
        epochs=1,
        learning_rate=1e-4,
        batch_samples=batch,
        row_tokens=row_tokens,
        max_sample_tokens=8192,
        lora_rank=16,
        lora_alpha=32,
        precision=precision,
        method=method,
    )


def student(shape: str, size: Size, chosen: Plan) -> Any:
    """LoRA of rank 16 on all linear layers; B is small and random, since zero would hide half of the gradients."""
    import torch

    model = with_adapter(base(shape, size, chosen.precision), chosen)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02)
    return model


def samples(shared: int, own: int, count: int, vocabulary: int, seed: int = 0) -> list[Encoded]:
    """Own lengths vary by a half around the mean, as real ones do; a third of the own tokens is the answer."""
    rng = random.Random(seed)
    prefix = tuple(rng.randrange(3, vocabulary) for _ in range(shared))
    made = []
    for _ in range(count):
        length = rng.randint(max(3, own // 2), own * 3 // 2)
        ids = tuple(rng.randrange(3, vocabulary) for _ in range(length))
        asked = max(1, length * 2 // 3)
        made.append(Encoded(prompt_ids=prefix + ids[:asked], answer_ids=ids[asked:]))
    return made


def clear() -> None:
    """Give back what the last model held, and count memory anew."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb() -> float:
    """The most GPU memory held since `clear`; on a CPU that of the process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 1e9)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6

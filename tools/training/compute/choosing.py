"""Which kernel attends to a row on this GPU: each that can is timed on a row of its size once, and must agree."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tools.files import write_atomic
from tools.student.packing import Row
from tools.training.compute import kernels
from tools.training.compute.attention import NAME, Kind, Layout, attend

REPEATS = 5
APART = 3e-2  # relative; bf16 kernels that are right differ by less than a hundredth
LONG = (
    1_024  # tokens of a branch: for shorter ones FlexAttention's blocks are mostly empty, and compiling takes seconds
)


class Choice:
    """The fastest kernel by size of row, for one student on one device; `cache` keeps what was timed."""

    def __init__(self, model: Any, cache: Path | None = None) -> None:
        config = model.config.get_text_config()
        heads = config.num_attention_heads
        groups = getattr(config, "num_key_value_heads", None) or heads
        dim = getattr(config, "head_dim", None) or config.hidden_size // heads
        self.shape, self.dtype, self.device = (heads, groups, dim), model.dtype, model.device
        self.softcap = getattr(config, "attn_logit_softcapping", None)
        self.cache = cache / f"{NAME}-{_device_key(self.device, self.shape, self.dtype)}.json" if cache else None
        self.known: dict[str, str] = json.loads(self.cache.read_bytes()) if self.cache and self.cache.is_file() else {}

    def way(self, row: Row) -> str:
        """On a CPU there is one way; on a GPU it is timed where no row of about this size was seen before."""
        if self.device.type != "cuda":
            return kernels.PARTS
        size = f"{row.tokens.bit_length()}/{_longest(row).bit_length()}"
        if size not in self.known:
            times = self.times(row)
            self.known[size] = min(times, key=lambda way: times[way])
            if self.cache:
                write_atomic(self.cache, json.dumps(self.known).encode())
        return self.known[size]

    def times(self, row: Row) -> dict[str, float]:
        """Seconds of attention over the row, forward and backward, by each way that computes what parts compute."""
        ways = [kernels.PARTS, kernels.VARLEN, *([kernels.FLEX] if _longest(row) >= LONG else [])]
        found: dict[str, float] = {}
        wanted: list[Any] | None = None
        for way in ways:
            try:
                answer, seconds = self._timed(row, way)
            except (RuntimeError, NotImplementedError, TypeError, AttributeError) as error:
                print(f"Attention by {way} is not available here: {str(error).splitlines()[0][:200]}")
                continue
            wanted = wanted or answer
            if all(float((a - b).norm() / b.norm()) < APART for a, b in zip(answer, wanted, strict=True)):
                found[way] = seconds
            else:
                print(f"Attention by {way} differs from attention in parts on this device and is not used.")
        return found

    def _timed(self, row: Row, way: str) -> tuple[list[Any], float]:
        heads, groups, dim = self.shape
        generator = torch.Generator(device=self.device).manual_seed(1)
        given = [
            torch.randn(1, count, row.tokens, dim, dtype=self.dtype, device=self.device, generator=generator)
            for count in (heads, groups, groups)
        ]
        layout = Layout(row.groups, self.device, way=way)
        if not kernels.knows(way, Kind(layout, 0, None, self.softcap), given[0]):
            raise NotImplementedError("this device, precision or torch lacks it")

        def once() -> list[Any]:
            q, k, v = (part.clone().requires_grad_() for part in given)
            answer, _ = attend(None, q, k, v, None, None, row_layout=layout, softcap=self.softcap)
            answer.float().square().sum().backward()
            return [answer.detach(), q.grad, k.grad, v.grad]

        return once(), best_seconds(once, self.device)


def best_seconds(compute: Callable[[], Any], device: Any, repeats: int = REPEATS) -> float:
    """The fastest of some runs, each waited for; one more before them warms up."""
    seconds: list[float] = []
    for _ in range(repeats + 1):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        compute()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def _longest(row: Row) -> int:
    return max(length for group in row.groups for length in group.branches)


def _device_key(device: Any, shape: tuple[int, ...], dtype: Any) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    told = f"{name} {torch.__version__} {shape} {dtype}"
    return "".join(letter if letter.isalnum() else "-" for letter in told)

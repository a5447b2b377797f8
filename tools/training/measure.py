"""What advice must know about samples and machine, measured in a child process so that its caller never loads torch."""

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, TypeAdapter

from tools.catalog import Catalog
from tools.dataset.splits import Row, read_dev, read_train
from tools.errors import RetortError
from tools.files import write_atomic
from tools.records import Dataset, Value
from tools.settings import settings
from tools.training.student import resolve


class Measured(Value):
    """Token lengths of train and dev for one student, and how fast this machine is with it."""

    samples: int
    prefix_tokens: int = Field(description="Tokens that all prompts begin with.")
    p50_tokens: int = Field(description="Median sample length, prefix included.")
    p95_tokens: int
    longest_tokens: int
    total_own_tokens: int = Field(description="Sum over train of tokens beyond the shared prefix.")
    parameters: int = Field(description="Weights of the student.")
    device: str = Field(description="'cpu' or the GPU's name.")
    precision: Literal["bf16", "fp32"] = Field(
        description="The faster number format for this machine's matrix products."
    )
    flops: float = Field(
        description="Measured matrix-product speed in that format, floating-point operations a second."
    )


def measure(catalog: Catalog, dataset: Dataset, student: str) -> Measured:
    """Measure once for each dataset and student; the answer is kept in the cache folder of the home."""
    key = hashlib.sha256(f"{student} {sorted(dataset.sha256.items())}".encode()).hexdigest()[:24]
    cached = settings().home_dir / "cache" / f"measured-{key}.json"
    if cached.is_file():
        return Measured.model_validate_json(cached.read_bytes())
    rows = [*read_train(catalog, dataset), *read_dev(catalog, dataset)]
    asked = json.dumps({"student": student, "rows": [row.model_dump(mode="json") for row in rows]})
    command = [sys.executable, "-m", "tools.training.measure"]
    done = subprocess.run(
        command, input=asked, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    answer = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    if done.returncode or not answer:
        raise RetortError(
            f"Student {student!r} could not be measured: {(answer or done.stderr.strip())[-500:]}",
            "Check the student reference; `retort status` shows the default for this machine.",
        )
    measured = Measured.model_validate_json(answer)
    write_atomic(cached, answer.encode())
    return measured


def _measure_here(student: str, rows: Sequence[Row]) -> Measured:
    from tools.training.chat import encode, end_token_id, load_tokenizer
    from tools.training.rows import common_prefix

    folder = resolve(student)
    tokenizer = load_tokenizer(folder)
    end = end_token_id(tokenizer)
    samples = [encode(tokenizer, row, end) for row in rows]
    lengths = sorted(sample.tokens for sample in samples)
    prefix = common_prefix(samples)
    precision, flops, device = _fastest()
    return Measured(
        samples=len(samples),
        prefix_tokens=prefix,
        p50_tokens=lengths[len(lengths) // 2],
        p95_tokens=lengths[min(len(lengths) - 1, int(len(lengths) * 0.95))],
        longest_tokens=lengths[-1],
        total_own_tokens=sum(lengths) - prefix * len(lengths),
        parameters=_parameters(folder),
        device=device,
        precision=precision,
        flops=flops,
    )


def _parameters(folder: Path) -> int:
    """Number of weights, read from the headers of the safetensors files."""
    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  not a dict
                size = 1
                for extent in file.get_slice(name).get_shape():
                    size *= extent
                total += size
    return total


def _fastest() -> tuple[Literal["bf16", "fp32"], float, str]:
    """bf16 wins on GPUs and on CPUs with bf16 units; elsewhere it is emulated and slower. So it is timed."""
    import torch

    if torch.cuda.is_available():
        return "bf16", _product_flops("cuda", torch.bfloat16, 4096), torch.cuda.get_device_name()
    torch.set_num_threads(settings().threads or torch.get_num_threads())
    bf16 = _product_flops("cpu", torch.bfloat16, 768)
    fp32 = _product_flops("cpu", torch.float32, 768)
    return ("bf16", bf16, "cpu") if bf16 > fp32 else ("fp32", fp32, "cpu")


def _product_flops(device: str, dtype: object, size: int) -> float:
    """Floating-point operations a second of square matrix products: 2 n^3 each, best of five."""
    import torch

    left = torch.ones(size, size, dtype=dtype, device=device)
    best = float("inf")
    for _ in range(6):  # the first is warm-up, and never the best
        started = time.perf_counter()
        left @ left
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return float(2 * size**3 / best)


def _main() -> int:
    asked = json.load(sys.stdin)
    try:
        measured = _measure_here(asked["student"], TypeAdapter(list[Row]).validate_python(asked["rows"]))
    except RetortError as error:
        print(str(error))
        return 1
    print(measured.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(_main())

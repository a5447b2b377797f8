"""A base and eight checkpoints answered by one evaluation, beside each loaded and evaluated on its own: one run.

"On its own" is what a person does without Retort: a fresh process a checkpoint that loads base and adapter with peft,
and generates greedily with transformers in padded batches of the same size. Both are fp32, where equal answers are
exact, and run the same rows with the same limit.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CHECKPOINTS, ROWS, LIMIT_TOKENS, BATCH_ROWS = 8, 100, 24, 32
SYSTEM = "Extract name, phone, address and email as one JSON object. Copy every value exactly; null if missing."


def run() -> dict[str, float]:
    """Wall time of nine separate evaluations over that of one. AssertionError when any answer differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        student = _student(folder / "student")
        adapters = [_adapter(student, folder / f"adapter-{seed}", seed) for seed in range(CHECKPOINTS)]
        task = {"student": str(student), "adapters": ["", *map(str, adapters)], "rows": _questions()}
        together_s, together = _timed("together", task)
        alone_s, alone = 0.0, []
        for adapter in task["adapters"]:
            seconds, answers = _timed("alone", {**task, "adapters": [adapter]})
            alone_s, alone = alone_s + seconds, alone + answers
    assert together == alone, "the two ways answer differently"
    assert len({tuple(answers) for answers in together}) == CHECKPOINTS + 1, "adapters that change nothing"
    return {"evaluation.checkpoints8.vs_sequential": alone_s / together_s}


def _student(folder: Path) -> Path:
    """SmolLM2 where it has been fetched (RETORT_BENCH_STUDENT names its folder), else six layers of random weights."""
    from tests.evaluation.world import make_lively_student

    given = os.environ.get("RETORT_BENCH_STUDENT")
    return Path(given) if given else make_lively_student(folder, hidden=384, layers=6)


def _adapter(student: Path, folder: Path, seed: int) -> Path:
    from tests.evaluation.world import make_adapter

    return make_adapter(student, folder, seed, rank=16)


def _questions() -> list[str]:
    draw = random.Random(1)
    words = ("call", "me", "at", "the", "office", "on", "Monday", "my", "number", "is", "street", "send", "it", "to")
    return [f"{' '.join(draw.choices(words, k=draw.randint(8, 30)))} {draw.randint(10**6, 10**7)}" for _ in range(ROWS)]


def _timed(way: str, task: dict[str, Any]) -> tuple[float, list[list[str]]]:
    """Seconds of a fresh process, and the answers by candidate."""
    code = f"from tests.benchmarks.bench_evaluation import main; main({way!r})"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(task), capture_output=True, text=True, check=True
    )
    return time.perf_counter() - started, json.loads(done.stdout.splitlines()[-1])


def main(way: str) -> None:
    """The child: the task in, the answers out, both JSON."""
    task = json.load(sys.stdin)
    answers = (_together if way == "together" else _alone)(Path(task["student"]), task["adapters"], task["rows"])
    print(json.dumps(answers))


def _together(student: Path, adapters: list[str], questions: list[str]) -> list[list[str]]:
    """Retort's own way, as its evaluation job answers."""
    from tools.dataset.splits import Row
    from tools.dialogue import Message
    from tools.evaluation.candidates import Candidate
    from tools.evaluation.students import LocalStudent

    rows = [
        Row(
            id=str(at),
            messages=(
                Message(role="system", content=SYSTEM),
                Message(role="user", content=question),
                Message(role="assistant", content=""),
            ),
        )
        for at, question in enumerate(questions)
    ]
    local = LocalStudent(student, "fp32", batch_rows=BATCH_ROWS)
    found = []
    for at, adapter in enumerate(adapters):
        candidate = Candidate(name=str(at), label=str(at), student="", adapter=Path(adapter) if adapter else None)
        said = {row.id: text for row, text in local.answer(rows, candidate, LIMIT_TOKENS)}
        found.append([said[row.id] for row in rows])
    return found


def _alone(student: Path, adapters: list[str], questions: list[str]) -> list[list[str]]:
    """One candidate by the libraries' own means."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from tools.training.chat import end_token_id, load_tokenizer

    tokenizer = load_tokenizer(student)
    tokenizer.padding_side = "left"
    model = AutoModelForCausalLM.from_pretrained(student, dtype=torch.float32).eval()
    if adapters[0]:
        model = PeftModel.from_pretrained(model, adapters[0]).eval()
    ends = sorted({end_token_id(tokenizer), tokenizer.eos_token_id})
    answers = []
    for start in range(0, len(questions), BATCH_ROWS):
        chats = [
            [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]
            for question in questions[start : start + BATCH_ROWS]
        ]
        prompts = tokenizer.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)
        batch = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            made = model.generate(
                **{key: batch[key] for key in ("input_ids", "attention_mask")},
                max_new_tokens=LIMIT_TOKENS,
                do_sample=False,
                eos_token_id=ends,
                pad_token_id=tokenizer.pad_token_id,
            )
        tails = made[:, batch["input_ids"].shape[1] :]
        answers += [tokenizer.decode(tail, skip_special_tokens=True) for tail in tails]
    return [answers]

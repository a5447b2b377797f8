"""Part 4: answers of an evaluation by a base and 8 adapters: one resident base beside each loaded by itself."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.gpu.shapes import Size, base, clear, plan, samples, student
from tools.student.decode.generation import greedy

Tell = Callable[..., None]
SHAPE, ADAPTERS, ROWS, ANSWER_TOKENS, BATCH_ROWS = "Qwen3-0.6B", 8, 100, 64, 50


def run(size: Size, tell: Tell) -> None:
    """Random weights never end an answer, so that each has all its tokens: what is timed is the same both ways."""
    adapters, rows, tokens = (2, 6, 8) if size.tiny else (ADAPTERS, ROWS, ANSWER_TOKENS)
    shared, own, _ = size.layout("384 shared + 64 own")
    prompts = [list(sample.prompt_ids) for sample in samples(shared, own, rows, 320 if size.tiny else 151_936)]
    with tempfile.TemporaryDirectory() as kept:
        folders = [_adapter(Path(kept) / str(seed), size, seed) for seed in range(adapters)]
        clear()
        began = time.perf_counter()
        together = _together(folders, prompts, tokens, size)
        together_s = time.perf_counter() - began
        began = time.perf_counter()
        alone = [_alone(folder, prompts, tokens, size) for folder in (None, *folders)]
        alone_s = time.perf_counter() - began
    pairs = [pair for one, other in zip(together, alone, strict=True) for pair in zip(one, other, strict=True)]
    same = sum(one == other for one, other in pairs) / len(pairs)
    answered = sum(len(answer) for answers in together for answer in answers)
    figures = {"together_s": together_s, "alone_s": alone_s, "ratio": alone_s / together_s, "same_answers": same}
    tell(f"base + {adapters} adapters, {rows} rows", **figures, tokens_per_s=answered / together_s)


def _adapter(folder: Path, size: Size, seed: int) -> Path:
    student(SHAPE, size, plan(1024, 8).model_copy(update={"seed": seed})).save_pretrained(folder)
    return folder


def _together(folders: Sequence[Path], prompts: Sequence[list[int]], tokens: int, size: Size) -> list[list[list[int]]]:
    """As `tools.evaluation.students` does: one base, adapters switched, a common beginning read once, guesses from the
    answers before."""
    from peft import PeftModel

    model = base(SHAPE, size)
    found = [_greedy(model, prompts, tokens, [])]
    for number, folder in enumerate(folders):
        if number == 0:
            model = PeftModel.from_pretrained(model, folder, adapter_name="0")
        else:
            model.load_adapter(folder, adapter_name=str(number))
            model.set_adapter(str(number))
        found.append(_greedy(model.eval(), prompts, tokens, found[-1]))
    del model
    clear()
    return found


def _greedy(model: Any, prompts: Sequence[list[int]], tokens: int, earlier: list[list[int]]) -> list[list[int]]:
    answers = dict(
        greedy(model, prompts, end_ids={-1}, pad_id=0, max_new_tokens=tokens, batch_rows=BATCH_ROWS, earlier=earlier)
    )
    return [answers[place] for place in range(len(prompts))]


def _alone(folder: Path | None, prompts: Sequence[list[int]], tokens: int, size: Size) -> list[list[int]]:
    """transformers and peft by themselves: base and adapter loaded anew, padded batches."""
    import torch
    from peft import PeftModel

    model = base(SHAPE, size)
    if folder is not None:
        model = PeftModel.from_pretrained(model, folder).eval()
    found: list[list[int]] = []
    for start in range(0, len(prompts), BATCH_ROWS):
        few = prompts[start : start + BATCH_ROWS]
        width = max(map(len, few))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in few], device=size.device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in few], device=size.device)
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            eos_token_id=None,
            pad_token_id=0,
        )
        found += made[:, width:].tolist()
    del model
    clear()
    return found

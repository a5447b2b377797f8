"""A few dev prompts answered at each checkpoint, so that one sees the student learn. For the eye: scores come later."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from tools.dataset.splits import Row
from tools.files import write_atomic
from tools.records import Value
from tools.student.chat import end_token_ids, prompt_ids
from tools.text.reasoning import opens_reasoning

GLIMPSES = "glimpses.jsonl"
PROMPTS = 3
MOST_TOKENS = 96  # of an answer; on two cores three such answers take a few seconds


class Glimpse(Value):
    """One dev prompt and what the student answered at one step."""

    step: int = Field(ge=0)
    asked: str
    wanted: str
    answered: str


def look(model: Any, tokenizer: Any, rows: Sequence[Row], step: int, student: Path) -> list[Glimpse]:
    """Greedy answers to the first dev rows; the model must stand as peft made it, or under `fast_rows`."""
    import torch

    chosen = rows[:PROMPTS]
    wanted = [row.answer for row in chosen]
    longest = max(len(tokenizer(text)["input_ids"]) for text in wanted)
    prompts = [prompt_ids(tokenizer, row.prompt, row.tools, thinks=opens_reasoning(row.answer)) for row in chosen]
    width = max(map(len, prompts))
    pad = tokenizer.pad_token_id or 0
    ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts], device=model.device)  # (prompts, width)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=model.device)
    with torch.inference_mode():
        made = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=min(MOST_TOKENS, longest * 5 // 4 + 8),
            do_sample=False,
            pad_token_id=pad,
            eos_token_id=end_token_ids(tokenizer, student),
        )
    answers = tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)
    return [
        Glimpse(step=step, asked=row.prompt[-1].content, wanted=want, answered=answer.strip())
        for row, want, answer in zip(chosen, wanted, answers, strict=True)
    ]


def keep(folder: Path, glimpses: Sequence[Glimpse]) -> None:
    """Add them to those of earlier steps; a step that is done again replaces what it left before."""
    steps = {one.step for one in glimpses}
    kept = [one for one in read_glimpses(folder) if one.step not in steps]
    lines = [one.model_dump_json().encode() + b"\n" for one in (*kept, *glimpses)]
    write_atomic(folder / GLIMPSES, b"".join(lines))


def read_glimpses(folder: Path) -> list[Glimpse]:
    path = folder / GLIMPSES
    return [Glimpse.model_validate_json(line) for line in path.read_bytes().splitlines()] if path.is_file() else []

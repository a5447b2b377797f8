"""Packed rows with a shared prefix compute what single samples compute."""

import random
from pathlib import Path
from typing import Any

import pytest

from tools.training.chat import Encoded
from tools.training.checkpoint import trainable
from tools.training.rows import common_prefix, pack, row_loss
from tools.training.selfcheck import selfcheck


def samples_with_prefix(shared: int, count: int, seed: int = 0) -> list[Encoded]:
    rng = random.Random(seed)
    prefix = tuple(rng.randrange(250) for _ in range(shared))
    return [
        Encoded(
            prompt_ids=prefix + tuple(rng.randrange(250) for _ in range(rng.randint(1, 20))),
            answer_ids=tuple(rng.randrange(250) for _ in range(rng.randint(1, 12))),
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def model(tiny_student: Path) -> Any:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    base = AutoModelForCausalLM.from_pretrained(tiny_student, dtype=torch.float32, attn_implementation="sdpa")
    made = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in trainable(made).items():
            if "lora_B" in name:  # zero at birth, which would hide half of the gradients
                weight.normal_(std=0.05)
    return made.eval()


def test_every_sample_is_packed_once_and_rows_keep_their_room() -> None:
    samples = samples_with_prefix(30, 25)
    rows = pack(samples, row_tokens=150)
    assert sum(row.samples for row in rows) == 25
    assert all(row.tokens <= 150 for row in rows)
    assert sorted(label for row in rows for label in row.labels) == sorted(t for s in samples for t in s.answer_ids)


def test_a_prompt_that_is_all_prefix_keeps_the_token_that_predicts() -> None:
    same = Encoded(prompt_ids=(5, 6, 7), answer_ids=(8,))
    longer = Encoded(prompt_ids=(5, 6, 7, 9), answer_ids=(8,))
    assert common_prefix([same, longer]) == 2
    assert common_prefix([Encoded(prompt_ids=(5,), answer_ids=(1,))]) == 0


def test_a_sample_longer_than_the_row_still_gets_one() -> None:
    long = Encoded(prompt_ids=tuple(range(90)), answer_ids=(1, 2))
    assert [row.tokens for row in pack([long], row_tokens=64)] == [92]


@pytest.mark.parametrize("shared", [0, 1, 17, 60])
@pytest.mark.parametrize("row_tokens", [70, 400])
def test_loss_and_gradients_equal_those_of_single_samples(model: Any, shared: int, row_tokens: int) -> None:
    found = selfcheck(model, samples_with_prefix(shared, 9, seed=shared), row_tokens, "fp32")
    assert found.loss_difference < 1e-6
    assert found.gradient_difference < 1e-5
    assert found.exact


def test_loss_equals_the_padded_batch_of_transformers(model: Any) -> None:
    """The reference that everyone uses: padding, -100 labels, the model's own loss."""
    import torch

    samples = samples_with_prefix(12, 6)
    longest = max(sample.tokens for sample in samples)
    ids, mask, labels = [], [], []
    for sample in samples:
        pad = longest - sample.tokens
        ids.append([*sample.prompt_ids, *sample.answer_ids, *[0] * pad])
        mask.append([1] * sample.tokens + [0] * pad)
        labels.append([-100] * len(sample.prompt_ids) + list(sample.answer_ids) + [-100] * pad)
    padded = model(
        input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask), labels=torch.tensor(labels), use_cache=False
    ).loss
    count = sum(len(sample.answer_ids) for sample in samples)
    packed = sum(row_loss(model, row).detach() for row in pack(samples, 200)) / count
    assert float(packed) == pytest.approx(float(padded.detach()), rel=1e-6)


def test_the_self_check_sees_a_wrong_mask(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches that see each other change the loss; the check must say so."""
    import torch

    from tools.training import rows

    def blind(row: rows.Row, dtype: Any, device: Any) -> Any:
        causal = torch.ones(row.tokens, row.tokens, dtype=torch.bool).tril()
        return torch.zeros(row.tokens, row.tokens, dtype=dtype).masked_fill_(~causal, torch.finfo(dtype).min)[
            None, None
        ]

    monkeypatch.setattr(rows, "attention_mask", blind)
    found = selfcheck(model, samples_with_prefix(10, 6), 400, "fp32")
    assert not found.exact
    assert "singly" in found.sentence

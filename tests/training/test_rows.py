"""Packed rows with a shared prefix compute what single samples compute."""

import random
from pathlib import Path
from typing import Any

import pytest

from tools.student.chat import Encoded
from tools.student.packing import common_prefix, pack, shared_out
from tools.training.checkpoint import trainable
from tools.training.compute.fast import fast_rows
from tools.training.compute.loss import row_loss
from tools.training.compute.selfcheck import selfcheck


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
    assert common_prefix([(5, 6, 7), (5, 6, 7, 9)]) == 2
    assert common_prefix([[1, 2, 3, 4], [1, 2, 9], [1, 2]]) == 1
    assert common_prefix([[1, 2], [1, 2]]) == 1
    assert common_prefix([[5, 2], [1, 2]]) == 0
    assert common_prefix([(5,)]) == 0


@pytest.mark.parametrize(("size", "count"), [(1, 25), (2, 25), (4, 25), (2, 3)])
def test_every_process_gets_a_row(size: int, count: int) -> None:
    samples = samples_with_prefix(30, count)
    rows = shared_out(samples, 8192, size)
    assert len(rows) >= min(size, count)
    assert sum(row.samples for row in rows) == count
    most = max(row.tokens for row in rows)
    assert most <= max(63, 30 + 1.5 * sum(row.tokens - 30 for row in rows) / size)  # 62 tokens are the longest


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


def test_a_wrong_mask_is_seen_and_training_goes_padded(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Branches that see their own future change the loss; the check must say so."""
    from tools.training.compute import attention

    def blind(self: attention.Layout, prefix: int, longest: int, _window: int, dtype: Any) -> Any:
        import torch

        return torch.zeros(longest, prefix + longest, dtype=dtype)

    monkeypatch.setattr(attention.Layout, "mask", blind)
    found = selfcheck(model, samples_with_prefix(10, 6), 400, "fp32")
    assert not found.exact
    assert "training in padded batches" in found.sentence


def test_groups_share_their_own_prefix_and_none_costs_more_than_it_saves() -> None:
    """Two system prompts in one batch: each is computed once a row."""
    first, second = samples_with_prefix(40, 6, seed=1), samples_with_prefix(50, 6, seed=2)
    (row,) = pack([*first, *second], 2_000)
    assert sorted(group.prefix for group in row.groups)[:2] >= [40, 50]
    assert row.tokens == sum(s.tokens for s in [*first, *second]) - 5 * (row.groups[0].prefix + row.groups[1].prefix)
    unlike = [Encoded(prompt_ids=(number, 1, 2), answer_ids=(3,)) for number in range(5)]
    (row,) = pack(unlike, 2_000)
    assert [(group.prefix, len(group.branches)) for group in row.groups] == [(0, 5)]


def test_the_model_is_left_as_it_was(model: Any) -> None:
    import torch

    ids = torch.arange(12)[None]
    before = model(input_ids=ids).logits
    with fast_rows(model):
        row_loss(model, pack(samples_with_prefix(5, 3), 200)[0])
    assert torch.equal(model(input_ids=ids).logits, before)

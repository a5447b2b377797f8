"""Attention as matrix products in bf16: as near to the truth as torch's kernel; packed rows still equal padded ones."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.kills import small_plan
from tests.training.test_families import hidden_states
from tests.training.test_rows import samples_with_prefix
from tools.student.chat import Encoded
from tools.student.packing import pack
from tools.training.compute.attention import SHORT
from tools.training.compute.fast import fast_rows
from tools.training.compute.model import student_model
from tools.training.compute.products import attention
from tools.training.compute.selfcheck import selfcheck


@pytest.mark.parametrize(("prefix", "window", "heads"), [(0, 0, 2), (40, 0, 6), (40, 24, 6), (7, 16, 2)])
def test_errors_are_those_of_torchs_kernel(prefix: int, window: int, heads: int) -> None:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    torch.manual_seed(1)
    longest, groups = 50, 2
    seen = torch.ones(longest, prefix + longest, dtype=torch.bool).tril(prefix)
    if window:
        seen &= ~torch.ones_like(seen).tril(prefix - window)
    mask = torch.zeros(seen.shape).masked_fill_(~seen, torch.finfo(torch.float32).min)
    shapes = [(3, longest, heads, 16), (3, prefix + longest, groups, 16), (3, prefix + longest, groups, 16)]
    given = [torch.randn(shape).bfloat16() for shape in shapes]
    weights = torch.randn(3, longest, heads, 16).bfloat16()

    def torchs(q: Any, k: Any, v: Any) -> Any:
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        added = mask.to(q.dtype).clamp_min(torch.finfo(q.dtype).min)
        return scaled_dot_product_attention(q, k, v, attn_mask=added, scale=0.3, enable_gqa=True).transpose(1, 2)

    def found(compute: Any, dtype: Any) -> list[Any]:
        parts = [part.to(dtype).clone().requires_grad_() for part in given]
        answer = compute(*parts)
        answer.backward(weights.to(dtype))
        return [answer.detach(), *(part.grad for part in parts)]

    truth = found(torchs, torch.float64)
    theirs = found(torchs, torch.bfloat16)
    ours = found(lambda q, k, v: attention(q, k, v, mask, 0.3), torch.bfloat16)
    for true, their, our in zip(truth, theirs, ours, strict=True):
        bound = 1.3 * (their - true).norm()
        assert (our - true).norm() <= bound
        assert (our - true).norm() / true.norm() < 0.01


def test_packed_rows_equal_padded_batches_in_bf16(tiny_student: Path) -> None:
    samples = samples_with_prefix(30, 8)
    model = student_model(tiny_student, small_plan(tiny_student).model_copy(update={"precision": "bf16"}))
    found = selfcheck(model, samples, 2000, "bf16")
    assert found.exact, found.sentence


def test_a_change_in_one_branch_leaves_its_siblings_bitwise_alone_in_bf16(tiny_student: Path) -> None:
    import torch

    model = student_model(tiny_student, small_plan(tiny_student).model_copy(update={"precision": "bf16"}))
    prompts = [(5, 6, 7, 8, *range(9, 9 + length)) for length in (12, 11, 9)]
    states = []
    for last in (30, 31):
        ends = (prompts[0], (*prompts[1][:-1], last), prompts[2])
        (row,) = pack([Encoded(prompt_ids=prompt, answer_ids=(20, 21)) for prompt in ends], 500)
        assert max(row.groups[0].branches) <= SHORT
        with fast_rows(model), torch.inference_mode():
            states.append(hidden_states(model, row))
    start, branches = row.groups[0].prefix, row.groups[0].branches
    second = slice(start + branches[0], start + sum(branches[:2]))
    assert not torch.equal(states[0][second], states[1][second])
    assert torch.equal(states[0][: second.start], states[1][: second.start])
    assert torch.equal(states[0][second.stop :], states[1][second.stop :])

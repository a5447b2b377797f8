"""Whole-row attention equals attention in parts: varlen by a stand-in for the GPU's kernel, FlexAttention forward."""

from typing import Any

import pytest

from tests.training.test_rows import samples_with_prefix
from tools.student.chat import Encoded
from tools.student.packing import pack
from tools.training.compute import kernels
from tools.training.compute.attention import Kind, Layout, attend

HEADS, GROUPS, DIM = 4, 2, 16


def plain_varlen(  # noqa: PLR0917  the kernel's own order
    q: Any, k: Any, v: Any, ends_q: Any, ends_k: Any, longest_q: int, longest_k: int,
    *, window_size: tuple[int, int], scale: float | None,
) -> Any:  # fmt: skip
    """What FlashAttention documents: each sequence alone, the causal mask aligned at the ends of queries and keys."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    assert ends_q.dtype == ends_k.dtype == torch.int32
    assert (longest_q, longest_k) == (int(ends_q.diff().max()), int(ends_k.diff().max()))
    answers = []
    for place in range(len(ends_q) - 1):
        own, seen = slice(*ends_q[place : place + 2].tolist()), slice(*ends_k[place : place + 2].tolist())
        asked, held = own.stop - own.start, seen.stop - seen.start
        mask = torch.ones(asked, held, dtype=torch.bool).tril(held - asked)
        if window_size[0] >= 0:
            mask &= ~torch.ones_like(mask).tril(held - asked - window_size[0] - 1)
        parts = (part.transpose(0, 1)[None] for part in (q[own], k[seen], v[seen]))
        answer = scaled_dot_product_attention(*parts, attn_mask=mask, scale=scale, enable_gqa=True)
        answers.append(answer[0].transpose(0, 1))
    return torch.cat(answers)


def rows() -> list[Any]:
    alone = [Encoded(prompt_ids=tuple(range(90 + i, 100 + i)), answer_ids=(1, 2, 3)) for i in range(0, 60, 20)]
    packed = pack([*samples_with_prefix(23, 5), *alone], 4000)
    assert any(len(row.groups) > 1 for row in packed)
    return packed


def inputs(tokens: int) -> list[Any]:
    import torch

    torch.manual_seed(2)
    return [torch.randn(1, heads, tokens, DIM, requires_grad=True) for heads in (HEADS, GROUPS, GROUPS)]


@pytest.mark.parametrize("window", [0, 12])
def test_varlen_has_the_answer_and_the_gradient_of_parts(window: int) -> None:
    import torch

    for row in rows():
        layout = Layout(row.groups, torch.device("cpu"))
        found = []
        for way in (kernels.PARTS, kernels.VARLEN):
            q, k, v = inputs(row.tokens)
            if way == kernels.PARTS:
                answer, _ = attend(None, q, k, v, None, 0.3, row_layout=layout, sliding_window=window or None)
            else:
                whole = (part[0].transpose(0, 1) for part in (q, k, v))
                answer = kernels.varlen(Kind(layout, window, 0.3, None), *whole, kernel=plain_varlen)[None]
            answer.backward(torch.linspace(-1, 1, answer.numel()).view_as(answer))
            found.append([answer.detach(), q.grad, k.grad, v.grad])
        for parts, varlen in zip(*found, strict=True):
            torch.testing.assert_close(varlen, parts, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")  # torch warns that FlexAttention is not compiled
@pytest.mark.parametrize(("window", "softcap"), [(0, None), (12, None), (0, 5.0)])
def test_flex_has_the_answer_of_parts(window: int, softcap: float | None) -> None:
    import torch

    for row in rows():
        layout = Layout(row.groups, torch.device("cpu"))
        with torch.no_grad():
            q, k, v = inputs(row.tokens)
            parts, _ = attend(
                None, q, k, v, None, 0.3, row_layout=layout, sliding_window=window or None, softcap=softcap
            )
            whole = (part[0].transpose(0, 1) for part in (q, k, v))
            flex = kernels.flex(Kind(layout, window, 0.3, softcap), *whole)[None]
        torch.testing.assert_close(flex, parts, rtol=1e-5, atol=1e-5)


def test_on_a_cpu_rows_are_attended_to_in_parts() -> None:
    import torch

    kind = Kind(Layout((), torch.device("cpu")), 0, None, None)
    assert kernels.knows(kernels.PARTS, kind, torch.zeros(1))
    assert not kernels.knows(kernels.VARLEN, kind, torch.zeros(1, dtype=torch.bfloat16))
    assert not kernels.knows(kernels.FLEX, kind, torch.zeros(1, dtype=torch.bfloat16))

"""The usual computation, by transformers and peft alone: the measure of exactness, and the way where packing fails."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from tools.student.chat import Encoded


def padded_batches(samples: Sequence[Encoded], row_tokens: int) -> list[list[Encoded]]:
    """Batches of answers with their prompts, of like length and at most `row_tokens` padded tokens where one allows."""
    batches: list[list[Encoded]] = []
    answers = [one for sample in samples for one in sample.learnt]
    for sample in sorted(answers, key=lambda sample: -sample.tokens):
        if not batches or batches[-1][0].tokens * (len(batches[-1]) + 1) > row_tokens:
            batches.append([])
        batches[-1].append(sample)
    return batches


def padded_loss(model: Any, samples: Sequence[Encoded]) -> Any:
    """Summed negative log-likelihood in nats of the samples' answers, as one batch padded on the right."""
    samples = [one for sample in samples for one in sample.learnt]
    longest = max(sample.tokens for sample in samples)
    ids = torch.tensor(
        [[*s.prompt_ids, *s.answer_ids, *[0] * (longest - s.tokens)] for s in samples]
    )  # (batch, longest)
    lengths = torch.tensor([sample.tokens for sample in samples])
    prompts = torch.tensor([len(sample.prompt_ids) for sample in samples])
    place = torch.arange(longest)[None]
    real = place < lengths[:, None]
    answers = real & (place >= prompts[:, None])
    ids, real, answers = (part.to(model.device) for part in (ids, real, answers))
    logits = model(input_ids=ids, attention_mask=real.long(), use_cache=False).logits  # (batch, longest, vocabulary)
    return cross_entropy(logits[:, :-1][answers[:, 1:]].float(), ids[:, 1:][answers[:, 1:]], reduction="sum")

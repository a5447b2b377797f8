"""Greedy answers in batches, the prompt's common beginning computed once.

All rows of a task share their system prompt. Its keys and values are computed for one row and expanded over the
batch, which is exact: position ids continue from the prefix, and the padding between prefix and row is masked.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tools.evaluation.cache import roomy_cache


def common_prefix(prompts: Sequence[Sequence[int]]) -> int:
    """Tokens that all prompts begin with, leaving each at least one token of its own."""
    first, last = min(prompts, key=list), max(prompts, key=list)  # what these two share in order, all share
    room = min(len(prompt) for prompt in prompts) - 1
    shared = 0
    while shared < room and first[shared] == last[shared]:
        shared += 1
    return shared


def greedy(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    end_ids: Collection[int],
    pad_id: int,
    max_new_tokens: int,
    batch_rows: int,
    share_prefix: bool = True,
) -> Iterator[tuple[int, list[int]]]:
    """Yield (index of the prompt, its answer's tokens without the end token) as answers end.

    Rows are grouped by length, so that little of a batch is padding; a finished row leaves its batch at once.
    """
    if not prompts:
        return
    shared = common_prefix(prompts) if share_prefix else 0
    prefix = _prefill_prefix(model, prompts[0][:shared]) if shared else []
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch_rows):
        indices = order[start : start + batch_rows]
        batch = _Batch(model, [prompts[index] for index in indices], prefix, shared, pad_id)
        for place, tokens in batch.run(set(end_ids), max_new_tokens):
            yield indices[place], tokens


def _prefill_prefix(model: Any, prefix: Sequence[int]) -> list[tuple[Any, Any]]:
    """Keys and values of the shared prefix by layer, each (1, heads, prefix, head_dim)."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    with torch.inference_mode():
        model(input_ids=torch.tensor([prefix], device=model.device), past_key_values=cache, logits_to_keep=1)
    return [(layer.keys, layer.values) for layer in cache.layers]


class _Batch:
    """Rows on their way: one cache, one mask, and who is still being answered."""

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], prefix: list[tuple[Any, Any]], shared: int, pad_id: int
    ) -> None:
        import torch

        self.model = model
        self.places = list(range(len(prompts)))
        self.answers: list[list[int]] = [[] for _ in prompts]
        own = [list(prompt[shared:]) for prompt in prompts]
        longest = max(len(tokens) for tokens in own)
        padded = [[pad_id] * (longest - len(tokens)) + tokens for tokens in own]
        seen = [[1] * shared + [0] * (longest - len(tokens)) + [1] * len(tokens) for tokens in own]
        self.tokens = torch.tensor(padded, device=model.device)  # (rows, longest)
        self.mask = torch.tensor(seen, device=model.device)  # (rows, shared + longest)
        # Padding counts for no position: a row's first own token follows the prefix directly.
        self.positions = (self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, shared:]
        self.cache = roomy_cache(model.config)
        for number, (keys, values) in enumerate(prefix):
            rows = (len(prompts), -1, -1, -1)
            self.cache.update(keys.expand(*rows), values.expand(*rows), number)

    def run(self, end_ids: set[int], max_new_tokens: int) -> Iterator[tuple[int, list[int]]]:
        for _ in range(max_new_tokens):
            chosen = self._step()
            keep = []
            for row, token in enumerate(chosen):
                place = self.places[row]
                if token in end_ids:
                    yield place, self.answers[place]
                else:
                    self.answers[place].append(token)
                    keep.append(row)
            if not keep:
                return
            self._advance(chosen, keep)
        for place in self.places:  # cut off at the limit
            yield place, self.answers[place]

    def _step(self) -> list[int]:
        import torch

        with torch.inference_mode():
            logits = self.model(
                input_ids=self.tokens,
                attention_mask=self.mask,
                position_ids=self.positions,
                past_key_values=self.cache,
                logits_to_keep=1,
            ).logits  # (rows, 1, vocab)
        chosen: list[int] = logits[:, -1].float().argmax(dim=-1).tolist()
        return chosen

    def _advance(self, chosen: list[int], keep: list[int]) -> None:
        """Drop the finished rows and set the chosen tokens as the next input."""
        import torch

        with torch.inference_mode():
            if len(keep) < len(self.places):
                rows = torch.tensor(keep, device=self.mask.device)
                self.cache.batch_select_indices(rows)
                self.mask, self.positions = self.mask[rows], self.positions[rows]
                self.places = [self.places[row] for row in keep]
            self.tokens = torch.tensor([[chosen[row]] for row in keep], device=self.mask.device)
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(keep), 1)], dim=1)
            self.positions = self.positions[:, -1:] + 1

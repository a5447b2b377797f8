"""Greedy answers in batches, whatever prompts begin with in common computed once.

All rows of a task share their system prompt, those of one document its passage. Keys and values of a common beginning
are computed for one row and copied to all that go on from it, which is exact: position ids continue from there, and the
padding between it and a row's own tokens is masked. Several tokens a step are guessed and checked (`drafting.py`);
only what the model itself says is kept.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

from tools.student.decode.cache import keeps_all, roomy_cache, select_rows
from tools.student.decode.guessing import STEP_TOKENS, Draft, worth_guessing
from tools.student.packing import common_prefix


def greedy(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    end_ids: Collection[int],
    pad_id: int,
    max_new_tokens: int,
    batch_rows: int,
    share_prefix: bool = True,
    earlier: Sequence[Sequence[int]] = (),
) -> Iterator[tuple[int, list[int]]]:
    """Yield (index of the prompt, its answer's tokens without the end token) as answers end.

    Rows are grouped by length, so that little of a batch is padding; a finished row leaves its batch at once.
    `earlier` are another student's answers to these prompts, their ends included: guesses that save steps where right.
    """
    if not prompts:
        return
    # A layer with a window counts what is masked as seen, so there rows may be padded on their left only.
    share = share_prefix and keeps_all(roomy_cache(model.config))
    shared = common_prefix(prompts) if share else 0
    prefix = _prefill(model, prompts[0][:shared]) if shared else []
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), batch_rows):
        indices = order[start : start + batch_rows]
        guesses = [earlier[index] if earlier else () for index in indices]
        asked = [prompts[index] for index in indices]
        batch = _Batch(model, asked, prefix, pad_id=pad_id, earlier=guesses, share=share)
        for place, tokens in batch.run(set(end_ids), max_new_tokens):
            yield indices[place], tokens


def _prefill(model: Any, prefix: Sequence[int]) -> list[tuple[Any, Any]]:
    """Keys and values of what all prompts begin with by layer, each (1, heads, prefix, head_dim)."""
    import torch
    from transformers import DynamicCache

    cache = DynamicCache(config=model.config)
    with torch.inference_mode():
        model(input_ids=torch.tensor([prefix], device=model.device), past_key_values=cache, logits_to_keep=1)
    return [(layer.keys, layer.values) for layer in cache.layers]


class _Batch:
    """Rows on their way: one cache, one mask, and who is still being answered.

    A step gives each row the tokens it has not read yet and some guessed ones. What the model says at these tells how
    many were right; the cache keeps the wrong ones, masked for good.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Sequence[int]],
        prefix: list[tuple[Any, Any]],
        *,
        pad_id: int,
        earlier: Sequence[Sequence[int]],
        share: bool,
    ) -> None:
        import torch

        self.model, self.pad_id = model, pad_id
        shared = prefix[0][0].shape[2] if prefix else 0
        self.places = list(range(len(prompts)))
        self.answers: list[list[int]] = [[] for _ in prompts]
        self.unread = [list(prompt[shared:]) for prompt in prompts]
        self.drafts = [Draft(*pair) for pair in zip(earlier, self.unread, strict=True)]
        self.mask = torch.ones(1, shared, dtype=torch.long, device=model.device)  # (rows, slots so far)
        self.cache = roomy_cache(model.config)
        self.guesses = keeps_all(self.cache)
        for number, layer in enumerate(prefix):
            self.cache.update(*layer, number)
        depths = fork_depths(self.unread, STEP_TOKENS[model.device.type]) if share else []
        self._select(self._read_together(depths))

    def _read_together(self, depths: Sequence[int]) -> list[int]:
        """Read each beginning that several rows have once; tells which of those read each row goes on from."""
        places, read = [0] * len(self.unread), 0
        for depth in depths:
            pieces: dict[tuple[int, tuple[int, ...]], int] = {}
            for row, own in enumerate(self.unread):
                piece = tuple(own[: max(0, min(depth - read, len(own) - 1))])
                places[row] = pieces.setdefault((places[row], piece), len(pieces))
                self.unread[row] = own[len(piece) :]
            self._select([place for place, _ in pieces])
            self._step([list(piece) for _, piece in pieces], [()] * len(pieces))
            read = depth
        return places

    def run(self, end_ids: set[int], max_new_tokens: int) -> Iterator[tuple[int, list[int]]]:
        while self.places:
            guesses = self._guesses(max_new_tokens)
            said = self._step([self.unread[place] for place in self.places], guesses)
            keep, right = [], []
            for row, place in enumerate(self.places):
                guess, tokens = guesses[row], said[row]
                matched = next((at for at, token in enumerate(guess) if token != tokens[at]), len(guess))
                self.drafts[place].learn(len(guess), matched)
                answer, new = self.answers[place], tokens[: matched + 1]
                ended = next((at for at, token in enumerate(new) if token in end_ids), None)
                answer += new[:ended]
                self.unread[place] = new[-1:]
                right.append(matched)
                if ended is None and len(answer) < max_new_tokens:
                    keep.append(row)
                else:
                    yield place, answer
            self._advance([len(guess) for guess in guesses], right, keep)

    def _guesses(self, max_new_tokens: int) -> list[list[int]]:
        """What each row may say next, as long as checking it pays for the whole batch."""
        if not self.guesses:
            return [[] for _ in self.places]
        drafts = [self.drafts[place] for place in self.places]
        said = [self.answers[place] for place in self.places]
        found = [draft.guess(own, max_new_tokens - len(own) - 1) for draft, own in zip(drafts, said, strict=True)]
        unread = max(len(self.unread[place]) for place in self.places)
        width = worth_guessing(drafts, found, unread, self.mask.device.type)
        return [guess[:width] for guess in found]

    def _step(self, unread: Sequence[Sequence[int]], guesses: Sequence[Sequence[int]]) -> list[list[int]]:
        """What the model says after each row's unread tokens and after each guessed one."""
        import torch

        before, after = max(map(len, unread)), max(map(len, guesses))
        # Padding stands outside: first what is unread, to the right, then what is guessed, to the left.
        tokens, seen = [], []
        for own, guess in zip(unread, guesses, strict=True):
            left, right = before - len(own), after - len(guess)
            tokens.append([self.pad_id] * left + [*own, *guess] + [self.pad_id] * right)
            seen.append([0] * left + [1] * (len(own) + len(guess)) + [0] * right)
        self.mask = torch.cat([self.mask, self.mask.new_tensor(seen)], dim=1)
        # Padding counts for no position: a row's own tokens follow each other and the prefix directly.
        positions = (self.mask.cumsum(dim=1) - 1).clamp(min=0)[:, -(before + after) :]
        with torch.inference_mode():
            logits = self.model(
                input_ids=torch.tensor(tokens, device=self.mask.device),  # (rows, before + after)
                attention_mask=self.mask,
                position_ids=positions,
                past_key_values=self.cache,
                logits_to_keep=1 + after,
            ).logits  # (rows, 1 + after, vocab)
        said: list[list[int]] = logits.argmax(dim=-1).tolist()
        return said

    def _advance(self, guessed: list[int], right: list[int], keep: list[int]) -> None:
        """Mask the wrong guesses and drop the finished rows."""
        import torch

        if not keep:
            self.places = []
            return
        width = max(guessed)
        if width:
            allowed = torch.arange(width) < torch.tensor(right)[:, None]  # (rows, width)
            self.mask[:, -width:] = allowed.to(self.mask)
        if len(keep) < len(self.places):
            self._select(keep)
            self.places = [self.places[row] for row in keep]

    def _select(self, rows: Sequence[int]) -> None:
        """Go on with these rows of the cache, each as often as it is named."""
        import torch

        indices = torch.tensor(rows, device=self.mask.device)
        with torch.inference_mode():
            select_rows(self.cache, indices)
        self.mask = self.mask[indices]


# --- reading together what prompts begin with -----------------------------------------------------------------------


def fork_depths(prompts: Sequence[list[int]], step_tokens: int) -> list[int]:
    """Depths at which to stop and fork: rows that agree up to one are read as one row from the depth before it.

    Chosen for the fewest tokens computed, where each stop costs as much as `step_tokens` and a batch is as wide as
    its longest row. Each prompt's last token is read by itself, since it says how the answer begins.
    """
    longest = max(map(len, prompts)) - 1
    in_order = sorted(prompts, key=lambda prompt: prompt[:-1])
    forks = sorted(common_prefix(pair) for pair in pairwise(in_order) if pair[0][:-1] != pair[1][:-1])
    depths = sorted({*forks, longest} - {0})
    best: dict[int, tuple[int, list[int]]] = {}  # by where reading stands: tokens still to compute, depths to come
    for at in (*reversed(depths), 0):
        alone: tuple[int, list[int]] = (len(prompts) * (longest + 1 - at), [])
        together = (
            (step_tokens + (bisect_left(forks, to) + 1) * (to - at) + best[to][0], [to, *best[to][1]])
            for to in depths
            if to > at
        )
        best[at] = min([alone, *together], key=lambda found: found[0])
    return best[0][1]

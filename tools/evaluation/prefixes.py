"""How far reading together what prompts begin with pays."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from tools.training.rows import common_prefix


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

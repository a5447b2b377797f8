"""Clusters of texts that are nearly the same, found without comparing all pairs: sketches, bands, sorting.

Kept as arrays that are sorted, not as the dictionaries of sets of a library.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from tools.text.likeness import BAND_ROWS, sketch

BANDS = 48  # a pair of similarity 0.6 shares a band with 1 - (1 - 0.6^3)^48 = 99.999 %
ENTRIES = BANDS * BAND_ROWS
BESIDE = 6  # bands by which neighbours are sorted where much is alike and little agrees
NEXT = (1, 2, 3, 5, 8, 13)  # with how many of its neighbours in a sorted band a text is compared: keeps it linear


def signatures(texts: Sequence[str]) -> Any:
    """One row of ENTRIES numbers for each text: (texts, ENTRIES) uint32."""
    import numpy as np

    found = np.empty((len(texts), ENTRIES), dtype=np.uint32)
    for place, text in enumerate(texts):
        found[place] = sketch(text, ENTRIES)
    return found


def clusters(signed: Any, similarity: float, agree: Callable[[int, int], bool] | None = None) -> Any:
    """The cluster of each signature's text: those linked by pairs of at least this similarity share a number. `agree`
    has the last word on a pair, given by its places."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(signed)
    labels = np.arange(count)
    agrees = cache(agree) if agree else None
    keys = [_key(signed[:, BAND_ROWS * band : BAND_ROWS * (band + 1)]) for band in range(BANDS)]

    def others(band: int) -> list[Any]:
        return [keys[band - back] for back in range(BESIDE if agree else 1, 0, -1)]

    for band, key in enumerate(keys):
        order = np.lexsort((*others(band), key))  # alike in other bands too: close in the sorted row
        linked = [np.empty((0, 2), dtype=np.int64)]
        for step in NEXT:
            pairs = np.stack([order[:-step], order[step:]], axis=1)
            pairs = pairs[(key[pairs[:, 0]] == key[pairs[:, 1]]) & (labels[pairs[:, 0]] != labels[pairs[:, 1]])]
            pairs = pairs[_alike(signed, pairs) >= similarity]
            if agrees:
                pairs = pairs[np.fromiter((agrees(*pair) for pair in pairs.tolist()), dtype=bool, count=len(pairs))]
            linked.append(pairs)
        edges = labels[np.concatenate(linked)]
        if len(edges):
            graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
            labels = connected_components(graph, directed=False)[1][labels]
    return labels


def _key(part: Any) -> Any:
    """A band's numbers as one."""
    import numpy as np

    key = np.zeros(len(part), dtype=np.uint64)
    for column in range(part.shape[1]):
        key = key * np.uint64(0x9E3779B97F4A7C15) + part[:, column]
    return key


def _alike(signed: Any, pairs: Any) -> Any:
    """The estimated similarity of each pair, a piece at a time."""
    import numpy as np

    pieces = [
        (signed[pairs[at : at + 20_000, 0]] == signed[pairs[at : at + 20_000, 1]]).mean(axis=1)
        for at in range(0, len(pairs), 20_000)
    ]
    return np.concatenate(pieces) if pieces else np.empty(0)

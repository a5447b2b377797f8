"""Texts that are nearly the same, found without comparing all pairs: MinHash signatures, bands, sorting.

Broder's MinHash (1997) estimates the Jaccard similarity of two texts' character n-grams by the share of equal entries
in their signatures; banding as in Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4. Kept as arrays that are
sorted, not as the dictionaries of sets of a library.
"""

from collections.abc import Sequence
from typing import Any

BANDS, BAND_ROWS = 48, 3  # a pair of similarity 0.6 shares a band with 1 - (1 - 0.6^3)^48 = 99.999 %
ENTRIES = BANDS * BAND_ROWS
LETTERS, SIGNS = 4, 2  # n-gram lengths: a Chinese sign says about as much as two letters
CHUNK = 256  # texts hashed at once: their n-grams times the entries stay below some 50 MB
NEXT = (1, 2, 3, 5, 8, 13)  # with how many of its neighbours in a sorted band a text is compared: keeps it linear


def signatures(texts: Sequence[str]) -> Any:
    """One row of ENTRIES numbers for each text: (texts, ENTRIES) uint32."""
    import numpy as np

    rng = np.random.default_rng(20260101)  # fixed: the same texts are near each other on every machine
    factors = rng.integers(1, 2**63, ENTRIES, dtype=np.uint64) | np.uint64(1)
    offsets = rng.integers(0, 2**63, ENTRIES, dtype=np.uint64)
    found = np.empty((len(texts), ENTRIES), dtype=np.uint32)
    for start in range(0, len(texts), CHUNK):
        grams = [_grams(text) for text in texts[start : start + CHUNK]]
        ends = np.cumsum([0, *map(len, grams)])[:-1]
        hashed = (np.concatenate(grams)[:, None] * factors + offsets) >> np.uint64(32)
        found[start : start + CHUNK] = np.minimum.reduceat(hashed, ends)
    return found


def clusters(signed: Any, similarity: float) -> Any:
    """The cluster of each signature's text: those linked by pairs of at least this similarity share a number."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(signed)
    labels = np.arange(count)
    keys = [_key(signed[:, BAND_ROWS * band : BAND_ROWS * (band + 1)]) for band in range(BANDS)]
    for band, key in enumerate(keys):
        order = np.lexsort((keys[band - 1], key))  # alike in another band too: close in the sorted row
        linked = [np.empty((0, 2), dtype=np.int64)]
        for step in NEXT:
            pairs = np.stack([order[:-step], order[step:]], axis=1)
            pairs = pairs[(key[pairs[:, 0]] == key[pairs[:, 1]]) & (labels[pairs[:, 0]] != labels[pairs[:, 1]])]
            linked.append(pairs[_alike(signed, pairs) >= similarity])
        edges = labels[np.concatenate(linked)]
        if len(edges):
            graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(count, count))
            labels = connected_components(graph, directed=False)[1][labels]
    return labels


def _grams(text: str) -> Any:
    """Hashes of the text's n-grams, each once; a shorter text is its own gram."""
    import numpy as np

    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    signs = 2 * int((codes >= 0x2E80).sum()) > len(codes)  # from here on: CJK
    size = min(SIGNS if signs else LETTERS, len(codes)) or 1
    found = np.zeros(max(1, len(codes) - size + 1), dtype=np.uint64)
    for place in range(size if len(codes) else 0):
        found = found * np.uint64(0x100000001B3) + codes[place : place + len(found)]
    found ^= found >> np.uint64(29)
    found *= np.uint64(0xBF58476D1CE4E5B9)
    return np.unique(found ^ (found >> np.uint64(32)))


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

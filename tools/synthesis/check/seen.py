"""The inputs that a generation has seen so far, and whether a new one is nearly one of them."""

from functools import lru_cache
from typing import Any

from tools.synthesis.check.shelf import Shelf
from tools.text.likeness import COPY, nearest, sketch
from tools.text.same_input import same_key

# One bit of a MinHash entry is equal with (1 + J) / 2 at a Jaccard similarity of J (Li, Koenig, b-Bit Minwise Hashing,
# 2010). Of 256, 64 differ at J = 0.5, 85 or fewer with 99.9 %; at J = 0.15, which a common template gives, with 0.1 %.
_BITS, _DIFFERING = 256, 85
_LOOK = 16_384  # sketches at once: what is made on the way stays in the processor's cache


class Index:
    """The inputs seen so far. Those of a scope are few and compared one by one; the others by 32 bytes of sketch first.

    Only the sketches stay in memory, the texts lie on the disk.
    """

    def __init__(self) -> None:
        import numpy as np

        self._texts = Shelf()
        self._count = 0  # of inputs without a scope
        self._bits = np.empty((_BITS // 64, 1024), dtype=np.uint64)  # (words, room for inputs)
        self._lengths = np.empty(1024, dtype=np.int32)
        self._starts = np.empty(1024, dtype=np.int64)  # on the shelf

    def add(self, text: str, scope: str = "") -> None:
        import numpy as np

        key = same_key(text)
        if scope:
            self._texts.add(key, [hash(scope)])
        elif key:
            if self._count == len(self._lengths):
                self._bits = np.concatenate([self._bits, np.empty_like(self._bits)], axis=1)
                self._lengths = np.concatenate([self._lengths, np.empty_like(self._lengths)])
                self._starts = np.concatenate([self._starts, np.empty_like(self._starts)])
            self._bits[:, self._count] = _bits(key)
            self._lengths[self._count] = len(key)
            self._starts[self._count] = self._texts.add(key)
            self._count += 1

    def alike(self, text: str, scope: str = "") -> str:
        """The key of an input that is nearly the same, or nothing."""
        key = same_key(text)
        near = list(self._texts.find([hash(scope)]) if scope else map(self._texts.at, self._near(key)) if key else ())
        return nearest(key, near, COPY)

    def _near(self, key: str) -> list[int]:
        """Where the inputs lie whose sketch and length allow that they are nearly the same."""
        import numpy as np

        bits, found = _bits(key)[:, None], []
        for start in range(0, self._count, _LOOK):
            sketches = self._bits[:, start : min(start + _LOOK, self._count)]
            differing = np.bitwise_count(sketches ^ bits).sum(axis=0, dtype=np.uint8)  # 256 as 0: a look for nothing
            found.append(np.flatnonzero(differing <= _DIFFERING) + start)
        numbers = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
        lengths = self._lengths[numbers]
        likely = abs(lengths - len(key)) <= (1 - COPY) * (lengths + len(key))  # so many letters must be put in
        starts: list[int] = self._starts[numbers[likely]].tolist()
        return starts


@lru_cache(maxsize=64)  # asked for first, added next
def _bits(key: str) -> Any:
    """The lowest bit of each entry of a sketch: (_BITS / 64,) uint64."""
    import numpy as np

    digest = np.array(sketch(key, _BITS), dtype=np.uint32)
    return np.packbits((digest & 1).astype(np.uint8)).view(np.uint64)

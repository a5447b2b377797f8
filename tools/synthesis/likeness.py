"""Which inputs are nearly the same: MinHash over pieces of text, so that not all pairs are compared by letters.

Sketches propose pairs that share pieces; such a pair counts as nearly the same when few edits turn one into the other.
A scope keeps apart what differs for another reason: two messages of one template with other values teach two things.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from tools.files import write_atomic
from tools.synthesis.shelf import Shelf

ALIKE = 0.87  # of the letters stay when one is edited into the other (the normalised indel similarity)
SHARED = 0.7  # of a sketch's entries, where only sketches are known
_BANDS, _ROWS = 32, 3  # a pair that shares half of its pieces is proposed with 98.6 %, a twentieth with 0.4 %
# One bit of a MinHash entry is equal with (1 + J) / 2 at a Jaccard similarity of J (Li, Koenig, b-Bit Minwise Hashing,
# 2010). Of 256, 64 differ at J = 0.5, 85 or fewer with 99.9 %; at J = 0.15, which a common template gives, with 0.1 %.
_BITS, _DIFFERING = 256, 85
_LOOK = 16_384  # sketches at once: what is made on the way stays in the processor's cache
_SEED = 17
FINGERPRINTS = "fingerprints.json"  # beside the files of a frozen dataset
_NO_WORD = re.compile(r"[\W_]+")


def exact_key(text: str) -> str:
    """Inputs with one key are the same to a student: case, spacing, punctuation and width do not count."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


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

        key = exact_key(text)
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
        from rapidfuzz import process
        from rapidfuzz.distance import Indel

        key = exact_key(text)
        near = list(self._texts.find([hash(scope)]) if scope else map(self._texts.at, self._near(key)) if key else ())
        found = process.extractOne(key, near, scorer=Indel.normalized_similarity, score_cutoff=ALIKE)
        return str(found[0]) if found else ""

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
        likely = abs(lengths - len(key)) <= (1 - ALIKE) * (lengths + len(key))  # so many letters must be put in
        starts: list[int] = self._starts[numbers[likely]].tolist()
        return starts


class Fingerprints:
    """Sketches of texts that must not be repeated, such as the sealed test: they say yes or no and give nothing away.

    A file of them lies beside a frozen dataset; no row can be read from it.
    """

    def __init__(self, digests: Iterable[Iterable[int]] = (), exact: Iterable[str] = ()) -> None:
        self._bands: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        self._digests = [tuple(digest) for digest in digests]
        self._exact = set(exact)
        for digest in self._digests:
            for band in _cut(digest):
                self._bands.setdefault(band, []).append(digest)

    @classmethod
    def of(cls, texts: Iterable[tuple[str, str]]) -> "Fingerprints":
        """Of texts with their scopes."""
        keys = [(key, scope) for text, scope in texts if (key := exact_key(text))]
        return cls([_sketch(key, scope).digest() for key, scope in keys], [_hash(key) for key, _ in keys])

    @classmethod
    def read(cls, path: Path) -> "Fingerprints":
        """Those in the file; none where there is no file."""
        if not path.is_file():
            return cls()
        found = json.loads(path.read_bytes())
        return cls(found["sketches"], found["exact"])

    def write(self, path: Path) -> None:
        found = {"sketches": self._digests, "exact": sorted(self._exact)}
        write_atomic(path, json.dumps(found, separators=(",", ":")).encode())

    def has(self, text: str, scope: str = "") -> bool:
        """Whether the text is one of them or, as far as the sketches tell, nearly one of the same scope."""
        key = exact_key(text)
        if not key or not self._digests:
            return False
        if _hash(key) in self._exact:
            return True
        digest = tuple(_sketch(key, scope).digest())
        near = (known for band in _cut(digest) for known in self._bands.get(band, ()))
        return any(sum(map(int.__eq__, digest, known)) >= SHARED * len(digest) for known in near)


def _pieces(key: str) -> set[str]:
    """Overlapping pieces: three letters, or two where a letter is a word's worth."""
    size = 3 if key.isascii() else 2
    return {key[at : at + size] for at in range(max(1, len(key) - size + 1))}


@lru_cache(maxsize=64)  # asked for first, added next
def _sketch(key: str, scope: str = "", entries: int = _BANDS * _ROWS) -> Any:
    from rensa import RMinHash

    sketch = RMinHash(num_perm=entries, seed=_SEED)
    sketch.update([f"{scope} {piece}" for piece in _pieces(key)])
    return sketch


@lru_cache(maxsize=64)
def _bits(key: str) -> Any:
    """The lowest bit of each entry of a longer sketch: (_BITS / 64,) uint64."""
    import numpy as np

    digest = np.array(_sketch(key, "", _BITS).digest(), dtype=np.uint32)
    return np.packbits((digest & 1).astype(np.uint8)).view(np.uint64)


def _cut(digest: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The digest's bands, each with its number."""
    return [(band, *digest[band * _ROWS : (band + 1) * _ROWS]) for band in range(_BANDS)]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()

"""Which inputs are nearly the same: MinHash over pieces of text, found in bands, so that not all pairs are compared.

Bands propose pairs that share pieces; such a pair counts as nearly the same when few edits turn one into the other.
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

ALIKE = 0.87  # of the letters stay when one is edited into the other (the normalised indel similarity)
SHARED = 0.7  # of a sketch's entries, where only sketches are known
_BANDS, _ROWS = 32, 3  # a pair that shares half of its pieces is proposed with 98.6 %, a twentieth with 0.4 %
_SEED = 17
FINGERPRINTS = "fingerprints.json"  # beside the files of a frozen dataset
_NO_WORD = re.compile(r"[\W_]+")


def exact_key(text: str) -> str:
    """Inputs with one key are the same to a student: case, spacing, punctuation and width do not count."""
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


class Index:
    """The inputs seen so far. Those of a scope are few and compared one by one; those without one go through bands."""

    def __init__(self) -> None:
        from rensa import RMinHashLSH

        self._bands: Any = RMinHashLSH(threshold=SHARED, num_perm=_BANDS * _ROWS, num_bands=_BANDS)
        self._keys: list[str] = []  # by their number in the bands
        self._scopes: dict[int, list[str]] = {}

    def add(self, text: str, scope: str = "") -> None:
        key = exact_key(text)
        if scope:
            self._scopes.setdefault(hash(scope), []).append(key)
        elif key:
            self._bands.insert(len(self._keys), _sketch(key))
            self._keys.append(key)

    def alike(self, text: str, scope: str = "") -> str:
        """The key of an input that is nearly the same, or nothing."""
        from rapidfuzz import process
        from rapidfuzz.distance import Indel

        key = exact_key(text)
        if scope:
            near = self._scopes.get(hash(scope), [])
        else:
            near = [self._keys[number] for number in self._bands.query(_sketch(key))] if key else []
        found = process.extractOne(key, near, scorer=Indel.normalized_similarity, score_cutoff=ALIKE)
        return str(found[0]) if found else ""


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
def _sketch(key: str, scope: str = "") -> Any:
    from rensa import RMinHash

    sketch = RMinHash(num_perm=_BANDS * _ROWS, seed=_SEED)
    sketch.update([f"{scope} {piece}" for piece in _pieces(key)])
    return sketch


def _cut(digest: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The digest's bands, each with its number."""
    return [(band, *digest[band * _ROWS : (band + 1) * _ROWS]) for band in range(_BANDS)]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()

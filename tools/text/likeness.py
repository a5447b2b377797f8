"""How alike two texts are: by their letters, by the pieces that they share, and by MinHash sketches of these pieces.

One measure and one table of limits for all who ask. Sketches find what may be alike among many (A. Broder, "On the
resemblance and containment of documents", 1997: the share of equal entries estimates the Jaccard similarity), banding
finds it without comparing all pairs (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4).
"""

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from tools.files import write_atomic
from tools.text.language import CJK_LETTER

# The limits from which two inputs count as nearly the same.
# By letters: the share that stays when one is edited into the other (the normalised indel similarity).
COPY = 0.87  # synthesis: an invented input is a copy of another, unless it has other values to extract or calls to make
LEAK = 0.95  # evaluation: a train row with the same answer gives a row away; two fresh inputs of a template stay below
# By pieces: the Jaccard similarity that sketches estimate.
TOGETHER = (0.6, 0.7, 0.8, 0.9)  # the split keeps them together: the first that does not swallow much of the set
SEALED = 0.7  # synthesis: it repeats a row of the sealed test, of which nothing but sketches is known

LETTERS, SIGNS = 3, 2  # in a piece: a Chinese sign says about as much as two letters
BAND_ROWS = 3  # entries in a band: a pair that shares half of its pieces agrees in 1 of 8 bands
FINGERPRINTS = "fingerprints.json"  # beside the files of a frozen dataset
_BANDS = 32  # of a fingerprint: a pair that shares half of its pieces is proposed with 98.6 %, a twentieth with 0.4 %
_SEED = 17  # fixed: the same texts have the same sketch on every machine


def nearest(text: str, others: Collection[str], limit: float) -> str:
    """The text among the others that is most like this one by letters, if it reaches the limit; or nothing."""
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    found = process.extractOne(text, others, scorer=Indel.normalized_similarity, score_cutoff=limit)
    return str(found[0]) if found else ""


def pieces(text: str) -> frozenset[str]:
    """Overlapping pieces: three letters, or two where most are signs that say as much as several."""
    size = LETTERS if text.isascii() or 2 * len(CJK_LETTER.findall(text)) <= len(text) else SIGNS
    return frozenset(text[at : at + size] for at in range(max(1, len(text) - size + 1)))


def shared(a: Collection[str], b: Collection[str]) -> float:
    """The Jaccard similarity of two sets of pieces: those in both to those in either."""
    both = len(frozenset(a) & frozenset(b))
    return both / max(1, len(a) + len(b) - both)


def sketch(text: str, entries: int, scope: str = "") -> list[int]:
    """MinHash of the text's pieces: `entries` numbers of 32 bits. Pieces of different scopes have nothing in common."""
    from rensa import RMinHash

    readable = text.encode("utf-8", "replace").decode()  # a lone surrogate is no letter
    made = RMinHash(num_perm=entries, seed=_SEED)
    made.update([f"{scope} {piece}" for piece in pieces(readable)] if scope else list(pieces(readable)))
    digest: list[int] = made.digest()
    return digest


class Input(NamedTuple):
    """What is compared of one sample's input."""

    key: str  # of `same_input.input_key`: equal for the same input
    said: str  # what may be alike, as a key of `same_input.same_key`
    scope: str = ""  # inputs of different scopes are not alike


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
    def of(cls, inputs: Iterable[Input]) -> "Fingerprints":
        known = [one for one in inputs if one.said]
        return cls(map(_digest, known), (_hash(one.key) for one in known))

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

    def has(self, one: Input) -> bool:
        """Whether the input is one of them or, as far as the sketches tell, nearly one of the same scope."""
        if not one.said or not self._digests:
            return False
        if _hash(one.key) in self._exact:
            return True
        digest = _digest(one)
        near = (known for band in _cut(digest) for known in self._bands.get(band, ()))
        return any(sum(map(int.__eq__, digest, known)) >= SEALED * len(digest) for known in near)


def _digest(one: Input) -> tuple[int, ...]:
    return tuple(sketch(one.said, _BANDS * BAND_ROWS, one.scope))


def _cut(digest: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The digest's bands, each with its number."""
    return [(band, *digest[band * BAND_ROWS : (band + 1) * BAND_ROWS]) for band in range(_BANDS)]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()

"""Which samples must stay together: those of one document, and those whose inputs are nearly the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from tools.records import Sample

_DIGITS = re.compile(r"\d+")
_NO_WORD = re.compile(r"[\W_]+")
Mark = Callable[[Sample], str]


def loose_key(sample: Sample) -> str:
    """The input without what near-duplicates differ in: case, width, digits, punctuation and spaces."""
    said = exact_key(sample)
    return _NO_WORD.sub(" ", _DIGITS.sub("0", said)).strip() or said  # an input of signs alone stands for itself


def exact_key(sample: Sample) -> str:
    """The input but for case, width and spaces. Earlier turns belong to it: a "yes" after two talks is no duplicate."""
    said = "\n".join(message.content for message in sample.messages[:-1] if message.role != "system")
    return " ".join(unicodedata.normalize("NFKC", said).casefold().split())


def key_for(samples: Sequence[Sample]) -> Mark:
    """The loose key, or the exact one where inputs differ in little but numbers ("12 + 30") and most would be one."""
    if not samples:
        return loose_key
    distinct = {exact_key(sample): loose_key(sample) for sample in samples}
    most = Counter(distinct.values()).most_common(1)[0][1]
    return exact_key if most > 1 and 2 * most > len(distinct) else loose_key


def by_document(sample: Sample) -> str:
    return sample.document_id


def by_passage(sample: Sample) -> str:
    return sample.passage_id


def group(samples: Sequence[Sample], marks: Sequence[Mark]) -> list[list[Sample]]:
    """The samples in groups that share a non-empty mark, directly or through others (union-find)."""
    leader = list(range(len(samples)))

    def find(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    first: dict[tuple[int, str], int] = {}
    for index, sample in enumerate(samples):
        for number, mark in enumerate(marks):
            value = mark(sample)
            if value:
                leader[find(index)] = find(first.setdefault((number, value), index))
    groups: dict[int, list[Sample]] = {}
    for index, sample in enumerate(samples):
        groups.setdefault(find(index), []).append(sample)
    return list(groups.values())

"""Which samples must stay together: those of one document, and those whose inputs are nearly the same."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from tools.records import Sample

_DIGITS = re.compile(r"\d+")
_NO_WORD = re.compile(r"[\W_]+")
Mark = Callable[[Sample], str]
SIMILARITIES = (0.6, 0.7, 0.8, 0.9)  # share of common character n-grams from which inputs are nearly the same
MOST_SHARE, FEW = 0.1, 3  # a cluster with more of the distinct inputs starves the splits


def loose_key(sample: Sample) -> str:
    """The input without what near-duplicates differ in: case, width, digits, punctuation and spaces."""
    said = exact_key(sample)
    return _NO_WORD.sub(" ", _DIGITS.sub("0", said)).strip() or said  # an input of signs alone stands for itself


def exact_key(sample: Sample) -> str:
    """The input but for case, width and spaces. Earlier turns belong to it: a "yes" after two talks is no duplicate."""
    said = "\n".join(message.content for message in sample.messages[:-1] if message.role != "system")
    return " ".join(unicodedata.normalize("NFKC", said).casefold().split())


def near_duplicates(samples: Sequence[Sample]) -> tuple[Mark, str]:
    """A mark that samples with nearly the same input share, and a note when less than usual counts as nearly.

    Inputs made from a few templates are all nearly the same: where one cluster would swallow much of the set, only
    nearer ones are kept together, at last only equal ones ("12 + 30" and "7 + 1" differ in numbers alone).
    """
    from tools.dataset.neighbours import clusters, signatures

    exact = {sample.id: exact_key(sample) for sample in samples}
    loose = {sample.id: loose_key(sample) for sample in samples}
    distinct = {exact[id_]: loose[id_] for id_ in exact}
    if _swallows(list(distinct.values()), 0.5):
        return (lambda sample: exact[sample.id]), "Inputs differ mostly in numbers: only equal ones are kept together."
    texts = sorted(set(loose.values()))
    signed = signatures(texts)
    labels, note = list(range(len(texts))), "Inputs are much alike: only those equal but for numbers are kept together."
    for similarity in SIMILARITIES:
        found = clusters(signed, similarity).tolist()
        if not _swallows(found, MOST_SHARE):
            usual = similarity == SIMILARITIES[0]
            labels, note = found, "" if usual else f"Many inputs are alike: {similarity:.0%} counts as nearly the same."
            break
    first: dict[int, str] = {}
    leader = {text: first.setdefault(label, text) for text, label in zip(texts, labels, strict=True)}
    return (lambda sample: leader[loose[sample.id]]), note


def _swallows(labels: Sequence[str] | Sequence[int], share: float) -> bool:
    """Whether one label is that of more than this share (and of more than a few)."""
    most = max(Counter(labels).values(), default=0)
    return most > max(FEW, share * len(labels))


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

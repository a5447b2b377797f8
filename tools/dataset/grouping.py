"""Which samples must stay together: of one family, of one document, or with nearly the same input."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tools.dataset.copies import Compared, compared, frame, given, same_values
from tools.records import Sample
from tools.text.likeness import TOGETHER
from tools.text.same_input import input_key

Mark = Callable[[Sample], str]
MOST_SHARE, FEW = 0.1, 3  # a cluster with more of the distinct inputs starves the splits


class Near(NamedTuple):
    """Marks that samples share whose inputs are nearly the same, empty for a sample to which a mark does not apply."""

    own: Mark  # of rows that the user gave, by words and values
    made: Mark  # of generated rows by their frame, and of the user's rows that are like one of them
    notes: tuple[str, ...]  # when less than usual counts as nearly the same

    def leader(self, sample: Sample) -> str:
        """What stands for the sample's cluster, whatever the order of arrival."""
        return self.own(sample) or self.made(sample)


def near_duplicates(samples: Sequence[Sample]) -> Near:
    """The marks of these samples, and a note where less than usual counts as nearly the same.

    Inputs made from a few templates are all nearly the same: where one cluster would swallow much of the set, only
    nearer ones are kept together, at last only equal ones ("12 + 30" and "7 + 1" differ in numbers alone).
    """
    own = {sample.id: sample for sample in samples if given(sample)}
    by_key: dict[str, Compared] = {}
    keys = {id_: input_key(sample.messages) for id_, sample in own.items()}
    for id_, sample in own.items():
        by_key.setdefault(keys[id_], compared(sample))
    names = sorted(by_key)
    things = [by_key[name] for name in names]
    own_leader, own_note = _leaders(names, [one.text for one in things], len(names), things)
    made_leader, made_note = _of_made(samples)
    return Near(
        own=lambda sample: own_leader[keys[sample.id]] if sample.id in keys else "",
        made=lambda sample: made_leader.get(sample.id, ""),
        notes=tuple(dict.fromkeys(filter(None, (made_note, own_note)))),
    )


def _of_made(samples: Sequence[Sample]) -> tuple[dict[str, str], str]:
    """The leader of each generated sample by its id, and of each given one that is like a generated one."""
    made = [sample for sample in samples if not given(sample)]
    if not made:
        return {}, ""
    frames = {sample.id: frame(sample) for sample in samples}
    exact = {sample.id: input_key(sample.messages) for sample in made}
    if _swallows(list({exact[sample.id]: frames[sample.id] for sample in made}.values()), 0.5):
        note = "The inputs differ mostly in numbers, so only equal inputs are kept together."
        return {sample.id: input_key(sample.messages) for sample in samples}, note
    written = {frames[sample.id] for sample in made}
    texts = [*sorted(written), *sorted({*frames.values()} - written)]
    leaders, note = _leaders(texts, texts, len(written))
    beside = {leaders[text] for text in written}
    return {id_: leaders[text] for id_, text in frames.items() if leaders[text] in beside}, note


def _leaders(
    names: Sequence[str], texts: Sequence[str], counting: int, things: Sequence[Compared] = ()
) -> tuple[dict[str, str], str]:
    """The leader of each name's cluster by its text, and a note. Only the first `counting` may swallow the set."""
    from tools.dataset.neighbours import clusters, signatures

    if not names:
        return {}, ""
    signed = signatures(texts)
    agree = (lambda a, b: same_values(things[a], things[b])) if things else None
    labels, note = (
        list(range(len(texts))),
        "The inputs are very similar, so only inputs that are equal apart from their numbers are kept together.",
    )
    for similarity in TOGETHER:
        found = clusters(signed, similarity, agree).tolist()
        if not _swallows(found[:counting], MOST_SHARE):
            usual = similarity == TOGETHER[0]
            many = f"Many inputs are similar, so a similarity of {similarity:.0%} counts as nearly the same."
            labels, note = found, "" if usual else many
            break
    first: dict[int, str] = {}
    return {name: first.setdefault(label, name) for name, label in zip(names, labels, strict=True)}, note


def _swallows(labels: Sequence[str] | Sequence[int], share: float) -> bool:
    """Whether one label is that of more than this share (and of more than a few)."""
    most = max(Counter(labels).values(), default=0)
    return most > max(FEW, share * len(labels))


def by_input(sample: Sample) -> str:
    return input_key(sample.messages)


def by_family(sample: Sample) -> str:
    return sample.family


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

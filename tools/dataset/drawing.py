"""Which sample goes into which split. Groups stay whole, pins are honoured, the same content is drawn alike."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from tools.dataset.grouping import Mark, by_document, by_passage, group, near_duplicates
from tools.dataset.inference import labels_of
from tools.errors import RetortError
from tools.records import Sample, Value

FEWEST_ROWS = 10
TEST_AT_LEAST, TEST_AT_MOST, TEST_SHARE = 60, 500, 0.15
DEV_AT_MOST = 100


class Sizes(Value):
    """Rows wanted: None leaves the number to the shares."""

    dev_share: float = 0.1
    dev_rows: int | None = None
    test_rows: int | None = None


class Draw(Value):
    """The samples of each split, and what a person should know about the splitting."""

    train: tuple[Sample, ...]
    dev: tuple[Sample, ...]
    test: tuple[Sample, ...]
    notes: tuple[str, ...] = ()


def draw(samples: Sequence[Sample], sizes: Sizes, seed: int) -> Draw:
    """Split the samples. Raises RetortError with the numbers when a split would stay empty.

    Documents stay whole; where that starves a split (one big document), passages do instead.
    """
    if len(samples) < FEWEST_ROWS:
        raise RetortError(
            f"{len(samples)} approved samples are too few for train, dev and test: at least {FEWEST_ROWS} are needed.",
            "Approve, generate or import more samples.",
        )
    key, note = near_duplicates(samples)
    notes = [note] if note else []
    kept = _without_leaks(samples, key)
    if len(kept) < len(samples):
        notes.append(
            f"{len(samples) - len(kept)} rows left out: their inputs are nearly those of pinned dev or test rows."
        )
    parts, wanted = _divide(kept, (key, by_document), sizes, seed)
    if any(2 * len(part) < rows for part, rows in zip(parts, wanted, strict=True)):
        parts, wanted = _divide(kept, (key, by_passage), sizes, seed)
        if any(sample.document_id for sample in kept):
            notes.append("There are too few documents to keep each within one split; each passage is kept instead.")
    train, dev, test = parts
    if not (train and dev and test):
        raise RetortError(
            f"{len(kept)} samples give {len(train)} train, {len(dev)} dev and {len(test)} test rows; none may be empty "
            "(pinned rows stay where they are; rows of one passage or with nearly the same input stay together).",
            "Add samples with other inputs, or import rows for the empty split.",
        )
    for name, part, asked in (("dev", dev, sizes.dev_rows), ("test", test, sizes.test_rows)):
        if asked is not None and asked != len(part):
            notes.append(f"{len(part)} {name} rows instead of {asked}: pinned rows count, and groups stay whole.")
    return Draw(train=tuple(train), dev=tuple(dev), test=tuple(test), notes=tuple(notes))


def _without_leaks(samples: Sequence[Sample], key: Mark) -> list[Sample]:
    """The samples less those that repeat what is pinned to test, or of the others what is pinned to dev."""
    taken: set[tuple[str, str]] = set()
    kept: list[Sample] = []
    for splits in (("test",), ("dev",), ("train", "")):
        fresh = [sample for sample in samples if sample.split in splits and not taken & _marks(sample, key)]
        kept += fresh
        taken.update(*(_marks(sample, key) for sample in fresh))
    return kept


def _marks(sample: Sample, key: Mark) -> set[tuple[str, str]]:
    marks = {("input", key(sample))}
    return marks | {("document", sample.document_id)} if sample.document_id else marks


def _divide(
    samples: Sequence[Sample], marks: Sequence[Mark], sizes: Sizes, seed: int
) -> tuple[tuple[list[Sample], list[Sample], list[Sample]], tuple[int, int, int]]:
    """(train, dev, test) and the rows wanted of each; pinned rows first, the rest drawn by whole groups.

    Groups come in the order of a hash of seed and content, so neither ids nor the order of arrival matter.
    """
    key = marks[0]

    def place(sample: Sample) -> tuple[str, str, str]:
        content = "\n".join(message.text for message in sample.messages)
        return hashlib.sha256(f"{seed}|{key(sample)}".encode()).hexdigest(), content, sample.id

    pinned = {split: sorted((s for s in samples if s.split == split), key=place) for split in ("dev", "test")}
    free = sorted((sample for sample in samples if sample.split in ("", "train")), key=place)
    groups = _spread(group(free, marks), [sample.answer.strip() for sample in samples])
    open_groups = [members for members in groups if all(sample.split == "" for sample in members)]
    open_rows = sum(map(len, open_groups))
    test_rows = 0 if pinned["test"] else _test_rows(open_rows, sizes)
    dev_rows = 0 if pinned["dev"] else _dev_rows(len(free), sizes)
    if test_rows + dev_rows >= len(free):
        raise RetortError(
            f"{test_rows} test and {dev_rows} dev rows leave none to train on: only {len(free)} can be chosen.",
            "Ask for fewer, or add samples.",
        )
    test = _fill(open_groups, test_rows, max(test_rows, open_rows // 3))
    chosen = {members[0].id for members in test}
    rest = [members for members in groups if members[0].id not in chosen]
    dev = _fill(rest, dev_rows, max(dev_rows, sum(map(len, rest)) // 3))
    chosen |= {members[0].id for members in dev}
    train = [sample for members in rest if members[0].id not in chosen for sample in members]
    parts = (train, [*pinned["dev"], *chain(*dev)], [*pinned["test"], *chain(*test)])
    return parts, (1, max(dev_rows, 1), max(test_rows, 1))


def _spread(groups: Sequence[list[Sample]], answers: Sequence[str]) -> list[list[Sample]]:
    """The groups so ordered that any beginning holds each label by its share; as they are where answers are no labels.

    Each group has its place within its label (by its most frequent one) as a share of the label's rows.
    """
    if not labels_of(answers):
        return list(groups)
    rows: Counter[str] = Counter()
    labels = [Counter(sample.answer.strip() for sample in members).most_common(1)[0][0] for members in groups]
    places: list[float] = []
    for members, label in zip(groups, labels, strict=True):
        places.append(rows[label] + len(members) / 2)
        rows[label] += len(members)
    order = sorted(range(len(groups)), key=lambda at: places[at] / rows[labels[at]])
    return [groups[at] for at in order]


def _test_rows(rows: int, sizes: Sizes) -> int:
    if sizes.test_rows is not None:
        return sizes.test_rows
    return min(TEST_AT_MOST, rows // 3, max(TEST_AT_LEAST, round(TEST_SHARE * rows)))


def _dev_rows(rows: int, sizes: Sizes) -> int:
    if sizes.dev_rows is not None:
        return sizes.dev_rows
    return max(1, min(DEV_AT_MOST, round(sizes.dev_share * rows)))


def _fill(groups: Sequence[list[Sample]], rows: int, ceiling: int) -> list[list[Sample]]:
    """Groups for about `rows` rows: in order while they fit, then the smallest others while below `ceiling`."""
    chosen: list[list[Sample]] = []
    passed: list[list[Sample]] = []
    count = 0
    for members in groups:
        fits = count + len(members) <= rows
        (chosen if fits else passed).append(members)
        count += len(members) if fits else 0
    for members in sorted(passed, key=len):
        if count < rows and count + len(members) <= ceiling:
            chosen.append(members)
            count += len(members)
    return chosen

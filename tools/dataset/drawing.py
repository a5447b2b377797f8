"""Which sample goes into which split. Groups stay whole, pins are honoured, the same content is drawn alike."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from tools.dataset.copies import Likeness, keeps, left
from tools.dataset.grouping import Mark, Near, by_document, by_family, by_input, by_passage, group, near_duplicates
from tools.dataset.inference import labels_of
from tools.errors import RetortError
from tools.records import Copies, LeftOut, Sample, Value
from tools.text.same_input import input_key

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
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def draw(samples: Sequence[Sample], sizes: Sizes, seed: int, copies: Copies = "out") -> Draw:
    """Split the samples; `copies` is what is kept of rows that are like pinned ones. Raises RetortError with the
    numbers when a split would stay empty.

    Families stay whole, and documents; where a big document starves a split, its passages stay whole instead.
    """
    if len(samples) < FEWEST_ROWS:
        raise RetortError(
            f"{len(samples)} approved samples are too few for train, dev and test: at least {FEWEST_ROWS} are needed.",
            "Approve, generate or import more samples.",
        )
    _need_families(samples)
    near = near_duplicates(samples)
    notes = list(near.notes)
    kept, left_out = _without_leaks(samples, near, copies)
    parts, wanted = _divide(kept, near, by_document, sizes, seed)
    if any(2 * len(part) < rows for part, rows in zip(parts, wanted, strict=True)):
        parts, wanted = _divide(kept, near, by_passage, sizes, seed)
        if any(sample.document_id for sample in kept):
            notes.append(
                "There are too few documents to keep each of them within one split, so each passage is "
                "kept within one split instead."
            )
    train, dev, test = parts
    if not (train and dev and test):
        raise RetortError(
            f"{len(kept)} samples give {len(train)} train, {len(dev)} dev and {len(test)} test rows; "
            "no split may be empty (pinned rows stay where they are, and rows of one passage or with "
            f"nearly the same input stay together).{''.join(f' {one.sentence}' for one in left_out)}",
            "Add samples with other inputs, or import rows for the empty split."
            + (" To keep what was left out, say 'keep the near ones' or 'keep them all'." if left_out else ""),
        )
    if lost := sorted(_labels(kept) - _labels(test)):
        notes.append(
            f"The test has no row of the label {', '.join(lost)}: too few example sentences were varied. Give more of "
            "them, or import real rows for the test."
        )
    for name, part, asked in (("dev", dev, sizes.dev_rows), ("test", test, sizes.test_rows)):
        if asked is not None and asked != len(part):
            notes.append(
                f"There are {len(part)} {name} rows instead of {asked}: pinned rows count, and groups stay whole."
            )
    return Draw(train=tuple(train), dev=tuple(dev), test=tuple(test), left_out=left_out, notes=tuple(notes))


def _need_families(samples: Sequence[Sample]) -> None:
    """Raises RetortError when all is written in the words of so few that a split would hold what another teaches."""
    free = {sample.family for sample in samples if sample.split in ("", "train")}
    pinned = {sample.split for sample in samples} & {"dev", "test"}
    needed = 3 - len(pinned)
    if "" in free or len(free) >= needed or not free:
        return
    raise RetortError(
        f"The simulator wrote these samples in the words of {len(free)} {'family' if len(free) == 1 else 'families'}, "
        "so there is no simulated test: every row of it would repeat what training has seen.",
        "Import real rows for the test (and for dev), give more example sentences, or generate with a teacher.",
    )


def _labels(samples: Sequence[Sample]) -> set[str]:
    """The labels of varied examples; none where answers are no labels."""
    answers = [sample.answer.strip() for sample in samples]
    varied = any(sample.family and sample.source.startswith("simulator:variation") for sample in samples)
    return set(answers) if varied else set()


def _without_leaks(samples: Sequence[Sample], near: Near, copies: Copies) -> tuple[list[Sample], tuple[LeftOut, ...]]:
    """The samples less those that repeat what is pinned to test, or of the others what is pinned to dev; and those."""
    taken: set[tuple[str, str]] = set()
    kept: list[Sample] = []
    gone: dict[Likeness, list[Sample]] = {"equal": [], "near": []}
    for splits in (("test",), ("dev",), ("train", "")):
        fresh: list[Sample] = []
        for sample in (one for one in samples if one.split in splits):
            how: Likeness | None = "near" if taken & _marks(sample, near) else None
            how = "equal" if ("equal", input_key(sample.messages)) in taken else how
            (fresh if not how or keeps(copies, how) else gone[how]).append(sample)
        kept += fresh
        taken.update(*(_marks(sample, near, pinned=True) for sample in fresh))
    left_out = (left("equal", gone["equal"]), left("near", gone["near"]))
    return kept, tuple(filter(None, left_out))


def _marks(sample: Sample, near: Near, *, pinned: bool = False) -> set[tuple[str, str]]:
    """What says that the sample repeats a pinned one. Two rows of the user's are compared by words and values alone,
    however many generated rows are like both."""
    marks = {("own", near.own(sample)), ("equal", input_key(sample.messages) if pinned else "")}
    marks |= {("made", near.made(sample))} if pinned or not near.own(sample) else set()
    return {mark for mark in (*marks, ("document", sample.document_id), ("family", sample.family)) if mark[1]}


def _divide(
    samples: Sequence[Sample], near: Near, by_source: Mark, sizes: Sizes, seed: int
) -> tuple[tuple[list[Sample], list[Sample], list[Sample]], tuple[int, int, int]]:
    """(train, dev, test) and the rows wanted of each; pinned rows first, the rest drawn by whole groups.

    Groups come in the order of a hash of seed and content, so neither ids nor the order of arrival matter.
    """
    marks = (near.own, near.made, by_input, by_family, by_source)

    def place(sample: Sample) -> tuple[str, str, str]:
        content = "\n".join(message.text for message in sample.messages)
        return hashlib.sha256(f"{seed}|{near.leader(sample)}".encode()).hexdigest(), content, sample.id

    pinned = {split: sorted((s for s in samples if s.split == split), key=place) for split in ("dev", "test")}
    free = sorted((sample for sample in samples if sample.split in ("", "train")), key=place)
    groups = _spread(group(free, marks), [sample.answer.strip() for sample in samples])
    open_groups = [members for members in groups if all(sample.split == "" for sample in members)]
    open_rows = sum(map(len, open_groups))
    test_rows = 0 if pinned["test"] else _test_rows(open_rows, sizes)
    dev_rows = 0 if pinned["dev"] else _dev_rows(len(free), sizes)
    if test_rows + dev_rows >= len(free):
        raise RetortError(
            f"{test_rows} test and {dev_rows} dev rows leave no rows to train on: only {len(free)} can be chosen.",
            "Ask for fewer rows, or add samples.",
        )
    test = _fill(open_groups, test_rows, max(test_rows, open_rows // 3, _least(open_groups)))
    chosen = {members[0].id for members in test}
    rest = [members for members in groups if members[0].id not in chosen]
    dev = _fill(rest, dev_rows, max(dev_rows, sum(map(len, rest)) // 3, _least(rest)))
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


def _least(groups: Sequence[list[Sample]]) -> int:
    """Rows of the smallest family: where there are few, one is all that a split can have."""
    sizes = [len(members) for members in groups if any(sample.family for sample in members)]
    return min(sizes, default=0) if len(sizes) == len(groups) > 1 else 0


def _fill(groups: Sequence[list[Sample]], rows: int, ceiling: int) -> list[list[Sample]]:
    """Groups for about `rows` rows: in order while they fit, then the smallest others while below `ceiling`."""
    chosen: list[list[Sample]] = []
    passed: list[list[Sample]] = []
    count = 0
    for members in groups:
        fits = count + len(members) <= rows
        (chosen if fits else passed).append(members)
        count += len(members) if fits else 0
    return _nearest(chosen, passed, rows, ceiling)


def _nearest(chosen: list[list[Sample]], passed: list[list[Sample]], rows: int, ceiling: int) -> list[list[Sample]]:
    """The chosen groups made to come nearer to `rows`: by one more, or by one in the place of another."""
    while True:
        count = sum(map(len, chosen))
        sizes = {len(members): members for members in reversed(passed)}  # the first of each size
        places: dict[int, list[Sample]] = {len(members): members for members in chosen}  # the last of each size
        nobody: list[Sample] = []
        offers = [(count + size, nobody, members) for size, members in sizes.items()]
        offers += [
            (count + size - gone, out, members) for size, members in sizes.items() for gone, out in places.items()
        ]
        offers = [offer for offer in offers if offer[0] <= ceiling and rows]
        best = min(offers, key=lambda offer: abs(rows - offer[0]), default=None)
        if best is None or (chosen and abs(rows - best[0]) >= abs(rows - count)):
            return chosen
        _, out, members = best
        chosen = [one for one in chosen if one is not out] + [members]
        passed = [one for one in passed if one is not members] + ([out] if out else [])

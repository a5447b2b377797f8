"""Answers that are labels: macro F1, the confusion matrix, and how often "none of these" is noticed."""

from collections.abc import Sequence

from tools.evaluation.score.objects import Pairs
from tools.evaluation.statistics.clusters import Array
from tools.evaluation.statistics.intervals import Indices, bootstrap, share
from tools.records import Measure, Score, Value
from tools.text.plain import label_key, labels_equal, plain

# An imported label of this name says that no other fits; a task that names its own has it from the user.
OUT_OF_SCOPE = frozenset({"oos", "out_of_scope", "out of scope", "none of these", "以上都不是"})
NO_LABEL = "(no label)"  # an answer that is none of the labels


class Confusion(Value):
    """How often each label was answered where another was right."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]  # counts[right][answered]; the last column is NO_LABEL


def macro_f1(pairs: Pairs, origins: Sequence[str] = ()) -> Measure:
    """Mean of the F1 of every label that occurs, by scikit-learn; an answer that is no known label is a miss."""
    import numpy

    known, right, answered = _coded(pairs)
    # Bootstrap resamples are counted from one table a resample: scikit-learn a thousand times over takes seconds.
    size = len(known) + 1

    def figure(indices: Indices) -> float:
        table = numpy.bincount(right[indices] * size + answered[indices], minlength=size * size).reshape(size, size)
        hits, values = 2 * table.diagonal(), table.sum(axis=0) + table.sum(axis=1)
        # Labels that neither side holds are left out; "no label" is no class of its own.
        occurs = values[:-1] > 0
        return float((hits[:-1][occurs] / values[:-1][occurs]).mean()) if occurs.any() else 0.0

    return bootstrap(len(pairs), figure, origins)


def confusion(pairs: Pairs) -> Confusion:
    """Rows are the right labels, columns the answered ones, both in alphabetical order."""
    from sklearn.metrics import confusion_matrix

    known, right, answered = _coded(pairs)
    table = confusion_matrix(right, answered, labels=range(len(known) + 1))
    counts = tuple(tuple(int(cell) for cell in line) for line in table[:-1])
    return Confusion(labels=tuple(known), counts=counts)


def out_of_scope_recall(pairs: Pairs, label: str = "", origins: Sequence[str] = ()) -> Score | None:
    """Of the rows that fit no label, the share answered so; None where the task has no such label."""
    names = {label_key(label)} if label else OUT_OF_SCOPE
    outside = [at for at, (right, _) in enumerate(pairs) if label_key(right) in names]
    if not outside:
        return None
    return share([labels_equal(*pairs[at]) for at in outside], [origins[at] for at in outside] if origins else ())


def _coded(pairs: Pairs) -> tuple[Sequence[str], Array, Array]:
    """The labels, and both sides as their numbers; what is no label of a reference gets the number after the last."""
    import numpy

    spelled = {label_key(right): plain(right) for right, _ in pairs}
    known = sorted(spelled)
    number = {label: place for place, label in enumerate(known)}
    right = numpy.array([number[label_key(one)] for one, _ in pairs])
    answered = numpy.array([number.get(label_key(one), len(known)) for _, one in pairs])
    return [spelled[label] for label in known], right, answered

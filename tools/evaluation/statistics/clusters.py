"""Rows by their origins: what is one piece of evidence, however many rows it has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    import numpy

Array: TypeAlias = "numpy.ndarray[Any, Any]"
# Below this many origins of equal size neither interval nor test is given: by simulation (docs/metrics.md) intervals
# hold at 10; a test of 5 could never be significant (2 / 2^5 > 0.05).
FEWEST = 10


class Clusters(NamedTuple):
    """Which rows belong together."""

    of_row: Array  # (rows,) number of each row's cluster
    sizes: Array  # (clusters,) rows of each

    @property
    def effective(self) -> float:
        """How many clusters of equal size say as much: one with most of the rows leaves little to the others.

        L. Kish, "Survey sampling" (1965); for clusters A. V. Carter, K. T. Schnepel and D. G. Steigerwald, "Asymptotic
        behavior of a t-test robust to cluster heterogeneity", Review of Economics and Statistics 99 (2017) 698-709.
        """
        return float(self.sizes.sum() ** 2 / (self.sizes**2).sum())

    @property
    def enough(self) -> bool:
        return self.effective >= FEWEST

    def sums(self, values: Array) -> Array:
        """(clusters,) the sum of the rows' values in each."""
        import numpy

        found: Array = numpy.bincount(self.of_row, weights=values, minlength=len(self.sizes))
        return found

    def variance(self, values: Array) -> float:
        """The square of the clustered standard error of the mean, with the correction for few clusters (CR1)."""
        import numpy

        count = len(self.sizes)
        off = self.sums(values - values.mean())
        return float(count / (count - 1) * numpy.square(off).sum() / len(values) ** 2)

    def resamples(self, draw: "numpy.random.Generator", times: int) -> Iterator[Array]:
        """Indices of rows: as many clusters as there are, drawn with repetition, each with all of its rows."""
        import numpy

        order = numpy.argsort(self.of_row, kind="stable")
        members = numpy.split(order, numpy.cumsum(self.sizes)[:-1])
        for chosen in draw.integers(len(members), size=(times, len(members))):
            yield numpy.concatenate([members[number] for number in chosen])


def marks_of(row_ids: Iterable[str], origins: Mapping[str, str] | None) -> list[str]:
    """Each row's origin; a row of which none is known is one of its own."""
    return [(origins or {}).get(id_, id_) for id_ in row_ids]


def clusters(origins: Sequence[str]) -> Clusters | None:
    """The clusters of rows with these origins; None where each row has its own, so that rows are independent."""
    import numpy

    if len(set(origins)) == len(origins):
        return None
    _, of_row, sizes = numpy.unique(numpy.asarray(origins, dtype=str), return_inverse=True, return_counts=True)
    return Clusters(of_row=of_row, sizes=sizes)

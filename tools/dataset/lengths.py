"""How long samples are in the student's tokens, what its context would cut, and the length to train with."""

from bisect import bisect_right
from collections.abc import Sequence

from pydantic import Field

from tools.records import Value

ROUND_TO = 64  # tokens; lengths beyond the percentile up to the next multiple cost nothing to keep
BINS = 24


class Lengths(Value):
    """Token counts of samples, prompt and answer together."""

    student: str
    context_tokens: int = Field(gt=0, description="Positions that the student was built for.")
    tokens: tuple[int, ...] = Field(min_length=1, description="Of each sample, ascending.")

    def percentile(self, percent: float) -> int:
        """The smallest length that at least `percent` % of the samples do not exceed."""
        place = -(-percent * len(self.tokens) // 100)
        return self.tokens[max(0, int(place) - 1)]

    def over(self, limit: int) -> int:
        """How many samples are longer than `limit` tokens."""
        return len(self.tokens) - bisect_right(self.tokens, limit)

    @property
    def advised_tokens(self) -> int:
        """The 95th percentile, rounded up and within the context: longer rows cost memory that few samples need."""
        wanted = -(-self.percentile(95) // ROUND_TO) * ROUND_TO
        return min(wanted, self.context_tokens)

    @property
    def sentence(self) -> str:
        """What is cut at the context, and what the advice keeps."""
        cut, dropped = self.over(self.context_tokens), self.over(self.advised_tokens)
        return (
            f"95 % of the samples have at most {self.percentile(95):,} tokens, the longest {self.tokens[-1]:,}. "
            f"{cut:,} of {len(self.tokens):,} ({cut / len(self.tokens):.1%}) exceed the student's context of "
            f"{self.context_tokens:,}. Advice: train with samples up to {self.advised_tokens:,} tokens; "
            f"{dropped:,} ({dropped / len(self.tokens):.1%}) are longer."
        )

    def histogram(self) -> list[tuple[int, int]]:
        """(upper edge in tokens, samples) of equal bins from 0 to the longest."""
        width = max(1, -(-self.tokens[-1] // BINS))
        edges = range(width, self.tokens[-1] + width, width)
        return [(edge, self.over(edge - width) - self.over(edge)) for edge in edges]


def lengths(student: str, context_tokens: int, tokens: Sequence[int]) -> Lengths:
    return Lengths(student=student, context_tokens=context_tokens, tokens=tuple(sorted(tokens)))

"""What a look at some says about all: the exact binomial bound on the share that is bad."""

from tools.errors import RetortError
from tools.records import Value

CONFIDENCE = 0.95


class Bound(Value):
    """`bad` of `looked_at` rows drawn at random were bad, so the share of bad ones is below `share`."""

    looked_at: int
    bad: int
    share: float
    confidence: float = CONFIDENCE

    @property
    def sentence(self) -> str:
        """'40 looked at, 0 bad: below 7.2 % bad at 95 %'."""
        return (
            f"{self.looked_at} looked at, {self.bad} bad: "
            f"below {100 * self.share:.1f} % bad at {100 * self.confidence:.0f} %"
        )


def bound(looked_at: int, bad: int, confidence: float = CONFIDENCE) -> Bound:
    """The one-sided upper limit of Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated
    in the case of the binomial", Biometrika 26.

    It is the largest share p with P(at most `bad` of `looked_at`) >= 1 - confidence, which is the `confidence` quantile
    of Beta(bad + 1, looked_at - bad). It is never short of its confidence, whatever the true share is.
    """
    if not 0 <= bad <= looked_at:
        raise RetortError(
            f"{bad} bad of {looked_at} looked at is no count.", "Give numbers with 0 <= bad <= looked at."
        )
    from scipy.stats import beta

    share = 1.0 if bad == looked_at else float(beta.ppf(confidence, bad + 1, looked_at - bad))
    return Bound(looked_at=looked_at, bad=bad, share=share, confidence=confidence)

"""What freezing lets through, by the project's policy and by what was looked at."""

from tools.catalog import Catalog
from tools.dataset.looking import Standing, needed, standing
from tools.errors import RetortError
from tools.records import LeftOut, Policy, Project, Sample, Value
from tools.synthesis.check.rules import unseen


class Passed(Value):
    """The samples that go into the dataset, and what can honestly be said of them."""

    samples: tuple[Sample, ...]
    review: str
    left_out: tuple[LeftOut, ...] = ()


def let_through(catalog: Catalog, project: Project) -> Passed:
    """The approved and edited samples that the policy lets into a dataset.

    `all` leaves out what nobody has looked at. `sampled` lets all through once the bound is low enough; until then
    RetortError says how many must be looked at.
    """
    policy, found = project.policy, standing(catalog, project)
    samples = catalog.find(Sample, project.id, states=("approved", "edited"))
    if policy.kind == "all":
        kept = tuple(one for one in samples if not unseen(one))
        gone = [one for one in samples if unseen(one)]
        left_out = (LeftOut(why="unreviewed", rows=len(gone), example=gone[0].question),) if gone else ()
        review = f"Policy: {in_words(policy)}. {_seen(found)}".strip()
        return Passed(samples=kept, review=review, left_out=left_out)
    if lack := lacking(policy, found):
        raise RetortError(
            f"The policy asks for proof, at 95 % confidence, that at most {100 * policy.most_bad:g} % "
            f"are bad, and there is none yet: {found.sentence}",
            f"Say 'review {lack}': if all samples of that random draw are good, they prove it. Or say "
            "'policy any' to freeze without proof.",
        )
    return Passed(samples=tuple(samples), review=f"Policy: {in_words(policy)}. {found.sentence}".strip())


def lacking(policy: Policy, found: Standing) -> int:
    """How many samples must still be looked at before all go through; 0 when none."""
    if policy.kind == "all":
        return found.unseen
    if policy.most_bad >= 1 or not found.unseen:
        return 0
    return min(found.unseen, max(found.waiting, needed(policy.most_bad, found.drawn, found.bad)))


def in_words(policy: Policy) -> str:
    if policy.kind == "all":
        return "only what you have reviewed"
    if policy.most_bad >= 1:
        return "everything that you have not rejected, reviewed or not"
    return f"at most {100 * policy.most_bad:g} % bad among what you have not reviewed, proven by a random draw"


def _seen(found: Standing) -> str:
    return found.model_copy(update={"unseen": 0}).sentence

"""What freezing lets through, by the project's policy and by what was looked at."""

from tools.catalog import Catalog
from tools.dataset.looking import Standing, needed, standing
from tools.errors import RetortError
from tools.records import Policy, Project, Sample, Value
from tools.synthesis.rules import unseen


class Passed(Value):
    """The samples that go into the dataset, and what can honestly be said of them."""

    samples: tuple[Sample, ...]
    review: str


def let_through(catalog: Catalog, project: Project) -> Passed:
    """The approved and edited samples that the policy lets into a dataset.

    `all` leaves out what nobody has looked at. `sampled` lets all through once the bound is low enough; until then
    RetortError says how many must be looked at.
    """
    policy, found = project.policy, standing(catalog, project)
    samples = catalog.find(Sample, project.id, states=("approved", "edited"))
    if policy.kind == "all":
        kept = tuple(one for one in samples if not unseen(one))
        left = f" {found.unseen:,} that nobody looked at were left out." if found.unseen else ""
        return Passed(samples=kept, review=f"Policy: {in_words(policy)}.{left} {_seen(found)}".strip())
    if lack := lacking(policy, found):
        raise RetortError(
            f"The policy wants at most {100 * policy.most_bad:g} % bad shown at 95 %, and it is not: {found.sentence}",
            f"Say 'review {lack}': that many drawn at random, all good, show it. Or change it: 'policy any'.",
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
        return "only what you looked at"
    if policy.most_bad >= 1:
        return "what you did not reject goes in, looked at or not"
    return f"at most {100 * policy.most_bad:g} % bad of what nobody looked at, shown by a random draw"


def _seen(found: Standing) -> str:
    return found.model_copy(update={"unseen": 0}).sentence

"""Verbs about judging samples: look, approve, edit, reject, undo; rules made of it; what freezing lets through."""

import json
import math
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from agent.references import References
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import JsonObject, Judgement, Policy, Project, Rule, Sample
from tools.settings import settings

MOST_SHOWN = 20  # samples on one card


class ReviewVerbs(References):
    """The user's judgement. Docstrings are what the chat model reads about a verb."""

    def review_samples(
        self, count: int = 10, by: Literal["random", "unusual", "uncertain", "coverage"] = "random"
    ) -> Outcome:
        """Show generated samples that nobody has looked at (at most 20): drawn at random, so that what is found says
        something about the rest; or unusual ones, uncertain ones, one of each coverage value, which do not count."""
        from tools.dataset.looking import draw_next, standing

        if not 1 <= count <= MOST_SHOWN:
            raise RetortError(f"{count} samples do not fit a card.", "Say 'review 10', again and again.")
        found = draw_next(self.catalog, self.project, count, by)
        how = "drawn at random" if by == "random" else f"chosen because {_CHOSEN[by]}: they say nothing of the rest"
        text = f"{_many(len(found), 'sample')} {how}. {standing(self.catalog, self.project).sentence}"
        return Outcome(text=text, show=(Show(kind="samples", ids=tuple(one.id for one in found)),))

    def approve_samples(self, samples: Sequence[str]) -> Outcome:
        """Approve samples for training: numbers of the last card, ids, or 'all' drafts shown. The user's decision."""
        from tools.dataset.reviewing import approve

        done = approve(self.catalog, self.project, self.sample_ids(samples))
        return Outcome(text=f"Approved {_many(len(done), 'sample')}.{self._bound_if_done(done)}")

    def edit_sample(self, sample: str, question: str = "", answer: str = "", reason: str = "") -> Outcome:
        """Replace a sample's input or answer by what the user dictated. The user's decision."""
        from tools.dataset.reviewing import edit

        if not question and not answer:
            raise RetortError("The edit names no new text.", 'Say e.g. \'edit 3: {"name": "Ann"}\'.')
        project = self.project
        id_ = self.sample_id(sample)
        found = edit(self.catalog, project, id_, question=question or None, answer=answer or None, reason=reason)
        shows = [Show(kind="samples", ids=(found.id,))]
        if words := reason.strip() or _change_in_words(found):
            shows.append(self._proposal(project, [found], words))
        return Outcome(text="Edited; it counts as approved.", show=tuple(shows))

    def reject_samples(self, samples: Sequence[str], reason: str = "") -> Outcome:
        """Reject samples, with the reason if the user gave one; a reason is proposed as a rule. The user's decision."""
        from tools.dataset.reviewing import reject

        project = self.project
        done = reject(self.catalog, project, self.sample_ids(samples), reason.strip() or "not wanted")
        text = f"Rejected {_many(len(done), 'sample')}; none is trained on.{self._bound_if_done(done)}"
        return Outcome(text=text, show=(self._proposal(project, done, reason),) if reason.strip() else ())

    def undo_review(self) -> Outcome:
        """Take the newest approval, edit, rejection or rule back; its samples are again exactly as they were."""
        from tools.dataset.reviewing import undo

        taken = undo(self.catalog, self.project)
        what = {"approve": "the approval", "edit": "the edit", "reject": "the rejection", "screen": "the rule"}[
            taken.verb
        ]
        many = f"{_many(len(taken.samples), 'sample')} {'is' if len(taken.samples) == 1 else 'are'} as before"
        shown = tuple(one.id for one in taken.samples[:MOST_SHOWN]) if taken.verb != "screen" else ()
        return Outcome(text=f"Undid {what}: {many}.", show=(Show(kind="samples", ids=shown),) if shown else ())

    # --- rules ---

    def propose_rule(self, samples: Sequence[str] = (), text: str = "") -> Outcome:
        """Propose a rule in words from rejected or edited samples (those of the last such act unless named). It does
        nothing until the user confirms it."""
        project = self.project
        judged = [
            self.catalog.get(Sample, id_) for id_ in (self.sample_ids(samples) if samples else self._last_judged())
        ]
        words = text.strip() or judged[0].reason.removeprefix("rule: ")
        return Outcome(text="A rule to confirm.", show=(self._proposal(project, judged, words),))

    def confirm_rule(self, rule: str = "", max_usd: float | None = None, max_minutes: float | None = None) -> Outcome:
        """Put a proposed rule (the newest unless named) in force: samples that nobody has looked at are screened by
        it, by the teacher if there is one, and later generation obeys it. The user's decision."""
        from tools.synthesis.rules import confirm_by_code
        from tools.synthesis.screening import start

        project, found = self.project, self.catalog.get(Rule, self.rule_id(rule))
        show = (Show(kind="rule", ids=(found.id,)),)
        if not settings().teacher_model:
            bad = confirm_by_code(self.catalog, project, found)
            text = f"The rule is in force: code rejected {_many(len(bad), 'sample')} of those not looked at."
            return Outcome(text=f"{text} 'undo' restores them.", show=show)
        limits = self.screening_limits(found.id)
        usd = limits["max_usd"] if max_usd is None else max_usd
        minutes = limits["max_minutes"] if max_minutes is None else max_minutes
        job = start(self.catalog, project, found, usd, minutes)
        if job is None:
            return Outcome(text="The rule is in force; no sample waits to be screened.", show=show)
        return Outcome(text=f"The rule is in force. Started {job.id}: the teacher screens what nobody has looked at.")

    def show_rules(self) -> Outcome:
        """Show the rules: what each says, from which samples, and what it rejected."""
        rules = self.catalog.find(Rule, self.project_id)
        if not rules:
            raise RetortError("There is no rule yet.", "Reject a sample with a reason, e.g. 'reject 2: no phone'.")
        return Outcome(
            text=f"{_many(len(rules), 'rule')}.", show=(Show(kind="rule", ids=tuple(one.id for one in rules)),)
        )

    # --- policy ---

    def set_policy(self, kind: Literal["sampled", "all"] = "sampled", most_bad_percent: float = 100) -> Outcome:
        """Say what freezing lets through: 'all' only what the user looked at; 'sampled' all, once a random draw shows
        that at most this percentage of the rest is bad (100 asks for no proof). The user's decision."""
        if not 0 < most_bad_percent <= 100:
            raise RetortError(
                f"{most_bad_percent:g} % is no share that can be shown.", "Say e.g. 'policy at most 5 % bad'."
            )
        project = self.project
        self.catalog.save(project.but(policy=Policy(kind=kind, most_bad=most_bad_percent / 100)))
        return self.show_policy()

    def show_policy(self) -> Outcome:
        """Tell what freezing lets through, how much was looked at, and what that says of the rest."""
        from tools.dataset.looking import standing
        from tools.dataset.policy import in_words, lacking

        policy, found = self.project.policy, standing(self.catalog, self.project)
        lack = lacking(policy, found)
        left_out = f" {lack} are not looked at and stay out." if policy.kind == "all" and lack else ""
        more = f" 'review {lack}' is still needed." if policy.kind == "sampled" and lack else ""
        return Outcome(text=f"Policy: {in_words(policy)}.{left_out}{more} {found.sentence}".strip())

    # --- inside ---

    def screening_limits(self, rule_id: str) -> dict[str, float]:
        """Hard stops of a screening by the teacher: the estimate's upper end, and time enough."""
        from tools.synthesis.screening import estimate

        high = estimate(self.catalog, self.project, self.catalog.get(Rule, rule_id))
        return {"max_usd": math.ceil(high.usd_high * 100) / 100, "max_minutes": max(10.0, round(2 * high.minutes_high))}

    def _proposal(self, project: Project, judged: Sequence[Sample], words: str) -> Show:
        from tools.synthesis.rules import propose

        return Show(kind="rule", ids=(propose(self.catalog, project, judged, words).id,))

    def _last_judged(self) -> list[str]:
        done = self.catalog.find(Judgement, self.project_id, states=("done",))
        acts = [one for one in done if one.verb in ("reject", "edit")]
        if not acts:
            raise RetortError("No sample was rejected or edited yet.", "Say e.g. 'reject 2: no phone' first.")
        return [one.id for one in acts[-1].before]

    def _bound_if_done(self, judged: Sequence[Sample]) -> str:
        """When the last sample of a random draw is judged: what the draw says of the rest."""
        from tools.dataset.looking import standing

        if not any(one.drawn_at for one in judged):
            return ""
        found = standing(self.catalog, self.project)
        return "" if found.waiting else f" {found.sentence}"


_CHOSEN = {
    "unusual": "they are unlike the others",
    "uncertain": "they are as like what you rejected as what you approved",
    "coverage": "their part of the coverage table was looked at least",
}


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _change_in_words(edited: Sample) -> str:
    """What an edit changed, where it is a value of a JSON answer; elsewhere only the user knows why."""
    old, new = _object(edited.was.output) if edited.was else {}, _object(edited.answer)
    changed = [name for name in new if name in old and old[name] != new[name]]
    return "; ".join(f"{name} is {_told(old[name])} and should be {_told(new[name])}" for name in changed)


def _object(answer: str) -> JsonObject:
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _told(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)

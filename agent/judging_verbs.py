"""Verbs about which answer is better: the user's own blind votes, the judge's verdicts, and the ranking of both."""

import math

from agent.references import References
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.evaluation.arena import USER, Choice, ballots, judges, meetings, next_match, vote
from tools.records import JudgingOrder, Match, Project

JUDGED = 60  # pairs of answers, where no number is said


class JudgingVerbs(References):
    """From two answers to a ranking. Docstrings are what the chat model reads about a verb."""

    def arena(self) -> Outcome:
        """Show the user two answers to one dev row without their names, to vote on which is better."""
        found = next_match(self.catalog, self.project)
        if found is None:
            return Outcome(text="You have voted on every pair of answers that differ. Say 'ranking' for the result.")
        return Outcome(text="Which answer is better?", show=(_shown(found),))

    def vote(self, choice: Choice, match: str = "") -> Outcome:
        """The user's own vote on the pair shown last: 'a', 'b' or 'tie'. Never vote for the user."""
        given = Match.model_validate_json(self.match_id(match))
        meetings(self.catalog, self.project, [given])  # RetortError when it is gone
        vote(self.catalog, self.project, given, choice)
        number = len(ballots(self.catalog, self.project, USER))
        told = f"{number} vote{'s' if number != 1 else ''} so far; 'ranking' shows who is best."
        following = next_match(self.catalog, self.project)
        if following is None:
            return Outcome(text=f"That was the last pair. {told}", show=())
        return Outcome(text=told, show=(_shown(following),))

    def judge_answers(self, count: int = JUDGED, max_usd: float | None = None) -> Outcome:
        """Have the teacher's model judge which of two dev answers is better, by the project's rubric, each pair in both
        orders. `max_usd` is a hard stop. Needs approval."""
        usd = self.verdicts_limit(count) if max_usd is None else max_usd
        order = self.judging_order(count, usd)
        job = jobs.launch(self.catalog, self.project, order)
        return Outcome(text=f"Started {job.id}: {len(order.matches)} pairs are judged, for at most ${usd:.2f}.")

    def show_ranking(self) -> Outcome:
        """Who wins against whom, by the user's blind votes and by the judge, with intervals and their agreement."""
        from tools.evaluation.agreement import agreement

        known = judges(self.catalog, self.project)
        if not known:
            raise RetortError("Nobody has voted yet.", "Say 'arena' to vote, or 'judge the answers'.")
        mine = ballots(self.catalog, self.project, USER)
        told = [
            found.sentence
            for by in known
            if by != USER and (found := agreement(mine, ballots(self.catalog, self.project, by)))
        ]
        counted = ", ".join(
            f"{len(ballots(self.catalog, self.project, by))} by {'you' if by == USER else by}" for by in known
        )
        text = " ".join([f"Pairs judged: {counted}.", *told])
        return Outcome(text=text, show=(Show(kind="ranking", ids=tuple(known)),))

    def set_rubric(self, rubric: str) -> Outcome:
        """By what the judge calls one answer better than another, in the user's words; '' takes the shipped rubric."""
        self.catalog.change(Project, self.project_id, rubric=rubric.strip())
        told = (
            "The judge goes by your rubric from now on." if rubric.strip() else "The judge goes by the shipped rubric."
        )
        return Outcome(text=f"{told} Verdicts given before stay as they are.")

    def judging_order(self, count: int, max_usd: float = 0.0) -> JudgingOrder:
        from tools.evaluation.judge import worth_judging

        found = worth_judging(self.catalog, self.project, count)
        if not found:
            raise RetortError("The judge has judged every pair of answers that differ.", "Say 'ranking'.")
        return JudgingOrder(matches=found, max_usd=max_usd)

    def verdicts_limit(self, count: int) -> float:
        """US dollars that the judging may take: the estimate's upper end, rounded up to a cent."""
        from tools.evaluation.judge import estimate

        high = estimate(self.catalog, self.project, self.judging_order(count)).usd_high
        return math.ceil(high * 100) / 100

    def match_id(self, said: str) -> str:
        """The match that was shown last, unless one is given. RetortError where none was shown."""
        if not (found := said or self.cards.match):
            raise RetortError("No pair of answers is shown.", "Say 'arena' to see one.")
        return found


def _shown(match: Match) -> Show:
    return Show(kind="arena", ids=(match.model_dump_json(),))

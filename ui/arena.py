"""The blind arena and the ranking that comes of it."""

from collections.abc import Sequence

from tools.catalog import Catalog
from tools.evaluation.arena import USER, Meeting, ballots, key, meetings
from tools.evaluation.ranking import rank
from tools.records import Ballot, Evaluation, Match, Project
from ui.markup import escape
from ui.samples import answer
from ui.scores import bar
from ui.units import plural
from ui.views import button, card, chip, table, verb

MOST_CHARS = 2_000  # of an input or an answer
BUTTONS = (("a", "A is better"), ("tie", "Tie"), ("b", "B is better"))


def arena_card(catalog: Catalog, project: Project, given: str) -> str:
    """Two answers without names and three buttons; a match that was voted on is told in a line."""
    match = Match.model_validate_json(given)
    (met,) = meetings(catalog, project, [match])
    voted = next((one for one in ballots(catalog, project, USER) if key(one) == key(match)), None)
    if voted:
        return _voted(met, voted)
    asked = f'<div class="label">Input</div><div class="text">{escape(met.question[:MOST_CHARS])}</div>'
    sides = "".join(
        f'<div class="side"><h4>{name}</h4>{answer(text[:MOST_CHARS]) if text else "(nothing)"}</div>'
        for name, text in (("A", met.a), ("B", met.b))
    )
    right = f'<details class="fold"><summary>A right answer</summary>{answer(met.reference)}</details>'
    buttons = "".join(
        button(label, verb("vote", choice=choice, match=given), "primary" if choice != "tie" else "", key=choice[0])
        for choice, label in BUTTONS
    )
    hint = '<span class="grow faint">Keys A, T and B vote too, outside the text box.</span>'
    return card("Which is better?", f'{asked}<div class="sides">{sides}</div>{right}', buttons + hint, "arena wide")


def _voted(met: Meeting, voted: Ballot) -> str:
    told = {met.match.first: "A", met.match.second: "B"}.get(voted.winner, "a tie")
    asked = escape(" ".join(met.question.split())[:90])
    return f'<p class="faint">{asked} … {chip(f"you chose {told}", "good")}</p>'


def ranking_card(catalog: Catalog, project: Project, by: Sequence[str]) -> str:
    """One table for each who judged: the chance to win, with its interval, and the counts."""
    parts = []
    for name in by:
        found = ballots(catalog, project, name)
        rows = [
            [
                escape(catalog.get(Evaluation, line.evaluation_id).label),
                bar(line.share),
                str(line.won),
                str(line.tied),
                str(line.lost),
            ]
            for line in rank(found)
        ]
        title = "Your votes" if name == USER else f"Verdicts of {name.removeprefix('judge:')}"
        head = f'<div class="label">{escape(title)} · {plural(len(found), "pair")}</div>'
        parts.append(head + table(["Candidate", "Wins against another", "Won", "Tied", "Lost"], rows, "scores"))
    foot = '<span class="faint">Bradley-Terry on dev rows where answers differ; bars show the 95 % interval</span>'
    return card("Ranking", "".join(parts), foot, "wide")

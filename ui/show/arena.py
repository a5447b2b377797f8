"""The blind arena and the ranking that comes of it."""

from tools.catalog import Catalog
from tools.evaluation.arena.matches import USER, Meeting, ballots, key, meetings
from tools.evaluation.arena.ranking import rank
from tools.records import Ballot, Evaluation, Match, Project
from ui.markup import escape
from ui.show.kind import Kind, Shown, columns, dumped
from ui.show.samples import answer
from ui.show.scores import bar
from ui.units import interval, plural, share
from ui.views import button, card, chip, table, verb

MOST_CHARS = 2_000  # of an input or an answer
BUTTONS = (("a", "A is better"), ("tie", "Tie"), ("b", "B is better"))


def _met(shown: Shown) -> Meeting:
    """The only id is the match itself, as JSON."""
    (met,) = meetings(shown.catalog, shown.project, [Match.model_validate_json(shown.ids[0])])
    return met


def arena_card(shown: Shown) -> str:
    """Two answers without names and three buttons; a match that was voted on is told in a line."""
    met, given = _met(shown), shown.ids[0]
    votes = ballots(shown.catalog, shown.project, USER)
    voted = next((one for one in votes if key(one) == key(met.match)), None)
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


def arena_lines(shown: Shown) -> str:
    met = _met(shown)
    return "\n".join(f"{name}: {text}" for name, text in (("input", met.question), ("A", met.a), ("B", met.b)))


def ranking_card(shown: Shown) -> str:
    """One table for each who judged: the chance to win, with its interval, and the counts."""
    catalog, project, parts = shown.catalog, shown.project, []
    for name in shown.ids:
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


def _ranking_lines(catalog: Catalog, project: Project, by: str) -> str:
    found = rank(ballots(catalog, project, by))
    rows = [
        [
            catalog.get(Evaluation, one.evaluation_id).label,
            share(one.share),
            interval(one.share),
            *map(str, (one.won, one.tied, one.lost)),
        ]
        for one in found
    ]
    return columns([by, "wins", "95 %", "won", "tied", "lost"], rows)


ARENA = Kind(arena_card, arena_lines, lambda shown: dumped([_met(shown)]))
RANKING = Kind(
    ranking_card,
    lambda shown: "\n\n".join(_ranking_lines(shown.catalog, shown.project, by) for by in shown.ids),
    lambda shown: {by: dumped(rank(ballots(shown.catalog, shown.project, by))) for by in shown.ids},
)

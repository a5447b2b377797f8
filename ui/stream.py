"""The conversation as keyed pieces of HTML: entries, what waits for approval, what is of the moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent.transcript import Approval, Entry
from tools.errors import RetortError
from tools.records import Project
from ui.keeping import Keeping
from ui.markup import escape, prose
from ui.projects import welcome
from ui.show.approval import approval_card, problem_card
from ui.show.cards import Cards
from ui.views import Item

BUSY = '<div class="entry assistant busy" role="status" aria-label="working"><i></i><i></i><i></i></div>'


@dataclass(frozen=True)
class Moment:
    """What the conversation does not keep."""

    said: tuple[str, ...] = ()  # messages on their way, which the transcript may not hold yet
    busy: bool = False
    problem: RetortError | None = None  # why the last action failed
    passing: tuple[Entry, ...] = ()  # what the last action answered, whether kept or not


def stream(
    cards: Cards, project: Project, entries: Sequence[Entry], approval: Approval | None, moment: Moment
) -> list[Item]:
    newest = next((entry.id for entry in reversed(entries) if any(show.kind == "samples" for show in entry.show)), "")
    kept = {entry.id for entry in entries}
    told = [*entries, *(entry for entry in moment.passing if entry.id not in kept)]
    drawn = cards.kept(project)
    items = [Item(key=one.id, html=_drawn(drawn, cards, project, one, one.id == newest)) for one in told]
    recent = {entry.text for entry in entries[-4:] if entry.role == "user"}
    items += [Item(key=f"said-{text}", html=_user(text)) for text in moment.said if text not in recent]
    if moment.busy:
        items.append(Item(key="busy", html=BUSY))
    elif approval:
        items.append(Item(key=f"approval-{approval.digest}", html=approval_card(approval)))
    if moment.problem and not moment.busy:
        items.append(_problem(moment.problem))
    return items


def empty_stream(problem: RetortError | None) -> list[Item]:
    """The page without a project."""
    items = [Item(key="welcome", html=welcome())]
    return [*items, _problem(problem)] if problem else items


def _problem(problem: RetortError) -> Item:
    return Item(key="problem", html=problem_card(problem.problem, problem.fix))


def _drawn(drawn: Keeping, cards: Cards, project: Project, entry: Entry, newest: bool) -> str:
    return drawn.html(entry, newest, lambda catalog: _entry(cards.over(catalog), project, entry, newest))


def _entry(cards: Cards, project: Project, entry: Entry, newest: bool) -> str:
    if entry.role == "user":
        return _user(entry.text)
    shown = "".join(cards.draw(project, show, newest, entry.text) for show in entry.show)
    below = f'<div class="shown">{shown}</div>' if shown else ""
    return f'<article class="entry {entry.role}"><div class="said">{prose(entry.text)}</div>{below}</article>'


def _user(text: str) -> str:
    return f'<article class="entry user"><div class="said">{escape(text)}</div></article>'

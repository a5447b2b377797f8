"""The table of a review: a row a sample, filters, one sample in full beside it. For those who judge hundreds."""

import json
from collections import Counter
from collections.abc import Sequence

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.looking import standing
from tools.dataset.policy import in_words
from tools.records import Judgement, Project, Rule, Sample, Value
from tools.synthesis.framing import asked
from ui.markup import escape, fields_of
from ui.rules import rule_card
from ui.samples import UNDO, buttons, sample_body, state_chip, state_of
from ui.units import plural
from ui.views import Item, button, chip, look, verb

ROWS = 40  # on a page
DRAW = "Only what a random draw finds says something of the rest"
STATES = ("to judge", "drawn", "not looked at", "draft", "approved", "edited", "rejected", "imported", "all")


class Looking(Value):
    """What of the table a window shows; the address holds it, so that a reload shows the same."""

    open: bool = False
    state: str = Field("to judge", description="One of STATES.")
    source: str = ""
    cell: str = Field("", description="A coverage value as axis=value.")
    text: str = Field("", description="Words of the input, the answer or the reason.")
    page: int = Field(1, ge=1)


class Table:
    """Draws the table. What it drew is kept until something changes, for windows ask twice a second."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[str, tuple[object, list[Item]]] = {}

    def items(self, project: Project, looking: Looking, turn: int) -> list[Item]:
        """`turn` counts what was done through this page."""
        if not looking.open:
            return []
        catalog = self.catalog
        newest = catalog.find(Judgement, project.id, newest=1)
        seen = (looking, turn, catalog.count(Sample, project.id), newest, catalog.find(Rule, project.id), project)
        known = self._known.get(project.id)
        if known is None or known[0] != seen:
            known = self._known[project.id] = (seen, self._draw(project, looking))
        return known[1]

    def _draw(self, project: Project, looking: Looking) -> list[Item]:
        every = list(self.catalog.each(Sample, project.id))
        found = [one for one in every if _fits(one, looking)]
        pages = max(1, -(-len(found) // ROWS))
        page = min(looking.page, pages)
        first = (page - 1) * ROWS
        told = f"{standing(self.catalog, project).sentence} At freezing: {in_words(project.policy)}."
        turns = _turns(len(found), page, pages)
        items = [Item(key="bar", html=_bar(_filters(every, looking), turns, told, _reasons(every)))]
        if rule := self._rule(project):
            items.append(Item(key=rule.id, html=rule_card(self.catalog, project, rule)))
        items += [self._row(project, one, at) for at, one in enumerate(found[first : first + ROWS], first + 1)]
        if not found:
            items.append(Item(key="none", html=f'<p class="nothing">{_nothing(looking)}</p>'))
        return items

    def _rule(self, project: Project) -> Rule | None:
        """The rule that the newest act is about: just proposed, or just confirmed."""
        newest = self.catalog.find(Judgement, project.id, states=("done",), newest=1)
        if not newest:
            return None
        if newest[0].verb == "screen":
            rules = self.catalog.find(Rule, project.id, states=("confirmed",))
            return rules[-1] if rules else None
        judged = {one.id for one in newest[0].before}
        rules = self.catalog.find(Rule, project.id, states=("proposed",))
        return next((one for one in reversed(rules) if judged & {pair.sample_id for pair in one.pairs}), None)

    def _row(self, project: Project, sample: Sample, number: int) -> Item:
        fields = fields_of(sample.answer)
        told = " · ".join(f"{name}: {value}" for name, value in fields if value != "–") if fields else sample.answer
        tags = "" if state_of(sample) == "not looked at" else state_chip(sample)  # most rows are, and need no word
        tags += chip("drawn", "busy") if _drawn(sample) else ""
        tags += f'<span class="faint">{escape(sample.reason[:80])}</span>' if sample.reason else ""
        line = (
            f'<div class="line"><span class="num">{number}</span>'
            f'<div class="in">{escape(asked(sample.question)[:300])}</div><div class="out">{escape(told[:300])}</div>'
            f'<div class="tags">{tags}</div></div>'
        )
        made = " · ".join((sample.source, *sample.cell.values()))
        full = sample_body(self.catalog, project.task, sample) + f'<p class="faint">{escape(made)}</p>'
        full += f'<div class="foot">{buttons(project.task, sample)}</div>'
        html = f'<article class="look {sample.state}">{line}<section class="more">{full}</section></article>'
        return Item(key=sample.id, html=html)


# --- the bar -------------------------------------------------------------------------------------------------------


def _bar(filters: str, turns: str, told: str, reasons: str) -> str:
    draw = button("Draw 20 at random", verb("review_samples", count=20), "", DRAW)
    draw = draw.replace("<button ", f'<button data-then="{escape(json.dumps({"state": "drawn"}))}" ', 1)
    undo = button("Undo", verb("undo_review"), "quiet", UNDO)
    head = f'{filters}{turns}<span class="grow"></span>{undo}{draw}{look("Close", open=False)}'
    below = f'<p class="faint">{escape(told)}</p>{reasons}'
    return f'<header class="review-bar"><div class="filters">{head}</div>{below}</header>'


def _filters(every: Sequence[Sample], looking: Looking) -> str:
    counts = Counter(state_of(one) for one in every)
    counts["to judge"] = counts["draft"] + counts["not looked at"]
    counts["drawn"] = sum(_drawn(one) for one in every)
    counts["all"] = len(every)
    shown = [name for name in STATES if counts[name] or name == looking.state]
    states = [(name, f"{name} ({counts[name]:,})") for name in shown]
    sources = [("", "every source"), *((one, one) for one in sorted({one.source for one in every}))]
    cells = sorted({f"{axis}={value}" for one in every for axis, value in one.cell.items()})
    made = _select("state", "State", states, looking.state) + _select("source", "Source", sources, looking.source)
    if cells:
        made += _select("cell", "Coverage", [("", "all coverage"), *((one, one) for one in cells)], looking.cell)
    hint = 'aria-label="Text or reason" placeholder="Find text or reason"'
    return f'{made}<input data-look="text" {hint} value="{escape(looking.text)}">'


def _select(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    made = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(told)}</option>'
        for value, told in options
    )
    return f'<select data-look="{name}" aria-label="{label}">{made}</select>'


def _turns(found: int, page: int, pages: int) -> str:
    told = f'<span class="faint">{plural(found, "sample")}</span>'
    if pages == 1:
        return told
    back = look("‹", page=page - 1) if page > 1 else ""
    on = look("›", page=page + 1) if page < pages else ""
    return f'{told}{back}<span class="faint">page {page} of {pages}</span>{on}'


def _reasons(every: Sequence[Sample]) -> str:
    """The user's own reasons, to be chosen again: alike words make one rule."""
    known = sorted({one.reason for one in every if one.state == "rejected" and one.looked_at})
    return f'<datalist id="reasons">{"".join(f"<option>{escape(one)}</option>" for one in known[:50])}</datalist>'


# --- which samples -------------------------------------------------------------------------------------------------


def _fits(sample: Sample, looking: Looking) -> bool:
    state = state_of(sample)
    waits = {"all": True, "to judge": state in ("draft", "not looked at"), "drawn": _drawn(sample)}
    if not waits.get(looking.state, state == looking.state) or (looking.source and sample.source != looking.source):
        return False
    axis, _, value = looking.cell.partition("=")
    if axis and sample.cell.get(axis) != value:
        return False
    words = looking.text.lower()
    return not words or any(words in text.lower() for text in (sample.question, sample.answer, sample.reason))


def _drawn(sample: Sample) -> bool:
    return sample.drawn_at is not None and sample.looked_at is None and sample.state == "approved"


def _nothing(looking: Looking) -> str:
    if looking == Looking(open=True):
        return "Everything that was made has been judged. Say “generate 300” in the chat for more, or “freeze”."
    return "No sample fits these filters."

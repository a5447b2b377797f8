"""The table of a review: a row a sample, filters, one sample in full beside it. For those who judge hundreds."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

from pydantic import Field
from sqlalchemy import ColumnElement, func

from tools.catalog import Catalog, Page
from tools.dataset.looking import standing
from tools.dataset.policy import in_words
from tools.dataset.reviewing import newest_act
from tools.dataset.tally import COLUMNS, Sort, any_of, cells, sorts
from tools.records import Judgement, Project, Rule, Sample, Value
from tools.synthesis.check.rules import Judged
from tools.synthesis.request.framing import asked
from ui.markup import escape, fields_of
from ui.show.rules import rule_card
from ui.show.samples import buttons, sample_body, state_chip, state_of
from ui.units import plural
from ui.views import Item, button, chip, look, undo, verb

ROWS = 40  # on a page
REASONS = 50  # newest rejections whose reasons are offered again
MOST_SAYING = 1000  # samples that are looked for by their words: 25 pages, more than anybody turns
DRAW = "Only a random draw says something about the rest"
STATES = ("to judge", "drawn", "not reviewed", "draft", "approved", "edited", "rejected", "imported", "all")


_CALLS = '"tool_calls":[{'  # in the JSON of a sample whose answer may be spelled otherwise


class Looking(Value):
    """What of the table a window shows; the address holds it, so that a reload shows the same."""

    open: bool = False
    state: str = Field("to judge", description="One of STATES.")
    source: str = ""
    cell: str = Field("", description="A coverage value as axis=value.")
    text: str = Field("", description="Words of the input, the answer or the reason.")
    page: int = Field(1, ge=1)


class Shown(Value):
    """One page of the samples that fit the filters."""

    samples: tuple[Sample, ...]
    found: int  # on all pages
    page: int  # from 1
    cut: bool = False  # more fit than are shown on all pages

    @property
    def pages(self) -> int:
        return max(1, -(-self.found // ROWS))


class Table:
    """Draws the table. What it drew is kept until something changes, for windows ask twice a second."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[str, tuple[object, list[Item]]] = {}
        self._rows: dict[str, tuple[object, Item]] = {}  # of the page drawn last: most rows outlive a judgement
        self._cells: dict[str, tuple[int, list[dict[str, str]]]] = {}  # beside the number of samples

    def items(self, project: Project, looking: Looking, turn: int) -> list[Item]:
        """`turn` counts what was done through this page."""
        if not looking.open:
            return []
        [(number,)] = self.catalog.rows(Sample, project.id, func.count())
        acts = self.catalog.count(Judgement, project.id)
        seen = (looking, turn, number, acts, self.catalog.find(Rule, project.id), project)
        known = self._known.get(project.id)
        if known is None or known[0] != seen:
            known = self._known[project.id] = (seen, self._draw(project, looking, self._cells_of(project, number)))
        return known[1]

    def _cells_of(self, project: Project, number: int) -> list[dict[str, str]]:
        """A sample keeps its cell for life, so that these change only with the number of samples."""
        known = self._cells.get(project.id)
        if known is None or known[0] != number:
            known = self._cells[project.id] = (number, cells(self.catalog, project.id))
        return known[1]

    def _draw(self, project: Project, looking: Looking, given: Sequence[dict[str, str]]) -> list[Item]:
        catalog = self.catalog
        every = sorts(catalog, project.id)
        shown = _shown(catalog, project, looking, every, given)
        told = f"{standing(catalog, project, every).sentence} At freezing: {in_words(project.policy)}."
        bar = _bar(_filters(every, given, looking), _turns(shown), told, _reasons(catalog, project))
        items = [Item(key="bar", html=bar)]
        if rule := self._rule(project):
            items.append(Item(key=rule.id, html=rule_card(catalog, project, rule)))
        before, self._rows = self._rows, {}
        for number, one in enumerate(shown.samples, (shown.page - 1) * ROWS + 1):
            made_of = (one, number, project.task)
            known = before.get(one.id)
            row = known[1] if known and known[0] == made_of else self._row(project, one, number)
            self._rows[one.id] = (made_of, row)
            items.append(row)
        if not shown.samples:
            items.append(Item(key="none", html=f'<p class="nothing">{_nothing(looking)}</p>'))
        return items

    def _rule(self, project: Project) -> Rule | None:
        """The rule that the newest act is about: just proposed, or just confirmed."""
        newest = newest_act(self.catalog, project)
        if not newest or newest.verb == "mend":  # of perhaps all rows, and of no rule
            return None
        if newest.verb == "screen":
            rules = self.catalog.find(Rule, project.id, states=("confirmed",))
            return rules[-1] if rules else None
        judged = {one.id for one in self.catalog.get(Judgement, newest.id).before}
        rules = self.catalog.find(Rule, project.id, states=("proposed",))
        return next((one for one in reversed(rules) if judged & {pair.sample_id for pair in one.pairs}), None)

    def _row(self, project: Project, sample: Sample, number: int) -> Item:
        fields = fields_of(sample.answer)
        told = " · ".join(f"{name}: {value}" for name, value in fields if value != "–") if fields else sample.answer
        tags = "" if state_of(sample) == "not reviewed" else state_chip(sample)  # most rows are, and need no word
        tags += chip("drawn", "busy") if sample.drawn_at and _waits(sample) else ""
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
    head = f'{filters}{turns}<span class="grow"></span>{undo()}{draw}{look("Close", open=False)}'
    below = f'<p class="faint">{escape(told)}</p>{reasons}'
    return f'<header class="review-bar"><div class="filters">{head}</div>{below}</header>'


def _filters(every: Sequence[Sort], given: Sequence[dict[str, str]], looking: Looking) -> str:
    counts = Counter[str]()
    for one in every:
        counts[state_of(one)] += one.number
        counts["drawn"] += one.drawn if _waits(one) else 0
        counts["all"] += one.number
    counts["to judge"] = counts["draft"] + counts["not reviewed"]
    shown = [name for name in STATES if counts[name] or name == looking.state]
    states = [(name, f"{name} ({counts[name]:,})") for name in shown]
    sources = [("", "every source"), *((one, one) for one in sorted({one.source for one in every}))]
    values = sorted({f"{axis}={value}" for cell in given for axis, value in cell.items()})
    made = _select("state", "State", states, looking.state) + _select("source", "Source", sources, looking.source)
    if values:
        made += _select("cell", "Coverage", [("", "all coverage"), *((one, one) for one in values)], looking.cell)
    hint = 'aria-label="Text or reason" placeholder="Find text or reason"'
    return f'{made}<input data-look="text" {hint} value="{escape(looking.text)}">'


def _select(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    made = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(told)}</option>'
        for value, told in options
    )
    return f'<select data-look="{name}" aria-label="{label}">{made}</select>'


def _turns(shown: Shown) -> str:
    many = (
        f"more than {MOST_SAYING:,} samples: please search for rarer words"
        if shown.cut
        else plural(shown.found, "sample")
    )
    told = f'<span class="faint">{many}</span>'
    if shown.pages == 1:
        return told
    back = look("‹", page=shown.page - 1) if shown.page > 1 else ""
    on = look("›", page=shown.page + 1) if shown.page < shown.pages else ""
    return f'{told}{back}<span class="faint">page {shown.page} of {shown.pages}</span>{on}'


def _reasons(catalog: Catalog, project: Project) -> str:
    """The user's newest reasons, to be chosen again: alike words make one rule."""
    own = (COLUMNS.state == "rejected", COLUMNS.looked.is_(True))
    known = sorted({one.reason for one in catalog.find(Sample, project.id, where=own, newest=REASONS)})
    return f'<datalist id="reasons">{"".join(f"<option>{escape(one)}</option>" for one in known)}</datalist>'


def _nothing(looking: Looking) -> str:
    if looking == Looking(open=True):
        return "You have judged everything that was made. Say “generate 300” in the chat to make more, or “freeze”."
    return "No sample matches these filters."


# --- which samples -------------------------------------------------------------------------------------------------


def _shown(
    catalog: Catalog, project: Project, looking: Looking, every: Sequence[Sort], given: Sequence[dict[str, str]]
) -> Shown:
    """Only the page is read. Words are looked for in all samples that fit otherwise, until `MOST_SAYING` say them."""
    where = _where(looking, every, given)
    if not looking.text:
        found = _found(catalog, project, looking, every, where)
        page = _page(looking, found)
        return Shown(
            samples=tuple(catalog.find(Sample, project.id, where=where, page=_cut(page))), found=found, page=page
        )
    words = looking.text.lower()
    saying = (one for one in catalog.each(Sample, project.id, where, _likely(words)) if _says(one, words))
    some = list(islice(saying, MOST_SAYING + 1))
    found = min(len(some), MOST_SAYING)
    page = _page(looking, found)
    skip, rows = _cut(page)
    return Shown(samples=tuple(some[:found][skip : skip + rows]), found=found, page=page, cut=len(some) > found)


def _found(
    catalog: Catalog, project: Project, looking: Looking, every: Sequence[Sort], where: Sequence[ColumnElement[bool]]
) -> int:
    """How many samples fit; where no cell is chosen, the sorts were counted already."""
    if looking.cell:
        [(found,)] = catalog.rows(Sample, project.id, func.count(), where=where)
        return int(found)
    return sum(one.drawn if looking.state == "drawn" else one.number for one in _fitting(looking, every))


def _page(looking: Looking, found: int) -> int:
    return min(looking.page, max(1, -(-found // ROWS)))


def _cut(page: int) -> Page:
    return Page(skip=(page - 1) * ROWS, rows=ROWS)


def _where(looking: Looking, every: Sequence[Sort], given: Sequence[dict[str, str]]) -> list[ColumnElement[bool]]:
    """The filters as conditions on columns, but for the words."""
    where = [any_of(_fitting(looking, every))]
    if looking.state == "drawn":
        where.append(COLUMNS.drawn_at.is_not(None))
    axis, _, value = looking.cell.partition("=")
    if axis:
        where.append(COLUMNS.cell.in_([cell for cell in given if cell.get(axis) == value]))
    return where


def _fitting(looking: Looking, every: Sequence[Sort]) -> list[Sort]:
    return [one for one in every if looking.source in ("", one.source) and _fits(one, looking.state)]


def _fits(one: Judged, state: str) -> bool:
    own = state_of(one)
    wider = {"all": True, "to judge": own in ("draft", "not reviewed"), "drawn": _waits(one)}
    return wider.get(state, own == state)


def _waits(one: Judged) -> bool:
    """Whether it is still to be judged, where it was drawn."""
    return one.state == "approved" and not one.looked


def _says(sample: Sample, words: str) -> bool:
    return any(words in text.lower() for text in (sample.question, sample.answer, sample.reason))


def _likely(words: str) -> Callable[[str], bool]:
    """Whether a sample's JSON may belong to one that says the words: it has them as JSON spells them. Calls of tools
    are spelled otherwise in an answer, but of the same words."""
    spelled = json.dumps(words, ensure_ascii=False)[1:-1]
    single = set(re.findall(r"\w+", words)) - {"tool_call", "name", "arguments"}

    def likely(body: str) -> bool:
        text = body.lower()
        return spelled in text or (_CALLS in text and all(one in text for one in single))

    return likely

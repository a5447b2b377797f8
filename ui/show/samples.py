"""Samples: what goes in, what must come out and how an edit changed it, where it is from, the checks."""

import textwrap

from tools.catalog import Catalog
from tools.dataset.real import is_blank
from tools.errors import NotFound
from tools.records import REAL, Document, Passage, Project, Sample, Task
from tools.settings import settings
from tools.synthesis.check.checks import report
from tools.synthesis.check.rules import Judged
from tools.synthesis.request.framing import asked
from ui.editing import edit_form
from ui.markup import changes, escape, fields_of
from ui.show.kind import WIDTH, Kind, Shown, records
from ui.units import plural
from ui.views import Act, button, card, chip, packed, pairs, undo, verb

LONG_TEXT = 700  # characters; more is folded
TONES = {"draft": "", "approved": "good", "edited": "good", "rejected": "bad"}


def sample_cards(shown: Shown) -> str:
    """The samples with the buttons of a review; only on the newest card do numbers mean something in words."""
    catalog, newest = shown.catalog, shown.newest
    samples = shown.all(Sample)
    if not samples:
        return ""
    task = catalog.get(Project, samples[0].project_id).task
    waiting = [one.id for one in samples if state_of(one) in ("draft", "not reviewed") and not is_blank(task, one)]
    cards = "".join(_card(catalog, task, sample, number, newest) for number, sample in enumerate(samples, 1))
    bar = ""
    if newest and any(one.looked_at for one in samples):
        bar += undo()
    if len(waiting) > 1:
        bar += f'<span class="faint">{escape(plural(len(waiting), "sample"))} to judge</span>'
        bar += button("Approve all", verb("approve_samples", samples=waiting), "primary")
    return f'<div class="samples">{cards}</div><div class="bar">{bar}</div>'


def state_of(sample: Judged) -> str:
    """The state in the words of a review: what was generated well is not yet looked at."""
    if sample.state == "approved" and not sample.looked:
        return "imported" if sample.source.startswith(("import:", REAL)) else "not reviewed"
    return sample.state


def _card(catalog: Catalog, task: Task, sample: Sample, number: int, newest: bool) -> str:
    """`number` is what a person can call the sample in words: 'reject 2'."""
    named = number if newest else 0
    real = chip("real message", "good") if sample.real else ""
    made = f'{state_chip(sample)}{real}<span class="faint">{escape(sample.source)}</span>'
    foot = f'<div class="made">{made}</div>{buttons(task, sample, named)}'
    return card("", sample_body(catalog, task, sample, f"{number} · Input"), foot, f"sample {sample.state}")


def state_chip(sample: Sample) -> str:
    return chip(state_of(sample), TONES[sample.state] if sample.looked_at or sample.state == "rejected" else "")


def sample_body(catalog: Catalog, task: Task, sample: Sample, title: str = "Input") -> str:
    """Input, answer, what an edit changed, the reason, the source passage, the checks."""
    passage = _passage(catalog, sample)
    question = asked(sample.question)
    was = sample.was
    shown = changes(asked(was.input), question) if was else ""
    told = f'<div class="text">{shown}</div>' if was and "<" in shown else _folded(question)
    body = f'<div class="label">{escape(title)}</div>{told}'
    body += (
        f'<div class="label">Answer</div>{answer_change(was.output, sample.answer) if was else answer(sample.answer)}'
    )
    if sample.reason:
        body += f'<p class="reason">{escape(sample.reason)}</p>'
    if sample.quote or passage:
        body += _evidence(catalog, sample, passage)
    return body + _checks(task, sample, passage)


def buttons(task: Task, sample: Sample, number: int = 0) -> str:
    """What can be done with the sample; `number` is its number on the newest card, if it is there."""
    made = []
    if sample.looked_at is None or sample.state == "rejected":
        made.append(button("Approve", verb("approve_samples", samples=[sample.id]), "does-approve"))
    made.append(edit_form(task, sample))
    if sample.state != "rejected":
        made.append(_reject_form(sample))
    if sample.real:
        return "".join(made)  # nothing is written like a real message
    if not settings().teacher_model:
        made.append(button("More like this", verb("draft_samples", like=sample.id), "quiet"))
    elif number:  # a teacher costs money, so this is asked for in words and approved
        made.append(button("More like this", Act(do="say", text=f"more like {number}"), "quiet"))
    return "".join(made)


def answer(text: str) -> str:
    """An answer as a field table when it is a JSON object, as text otherwise."""
    fields = fields_of(text)
    return pairs(fields, "pairs answer") if fields else _folded(text)


def answer_change(old: str, new: str) -> str:
    """What an edit made of an answer, by field where it is a JSON object."""
    before, after = fields_of(old), fields_of(new)
    if not before or not after:
        return f'<div class="text">{changes(old, new)}</div>'
    known = dict(before)
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{changes(known.get(name, ''), value)}</td></tr>" for name, value in after
    )
    return f'<table class="pairs answer"><tbody>{rows}</tbody></table>'


def _folded(text: str) -> str:
    if len(text) <= LONG_TEXT:
        return f'<div class="text">{escape(text)}</div>'
    start = escape(text[: LONG_TEXT // 2].rstrip())
    whole = f'<div class="text">{escape(text)}</div>'
    return f'<details class="fold"><summary class="text">{start} …</summary>{whole}</details>'


def _reject_form(sample: Sample) -> str:
    """A reason is asked for, for only a reason can become a rule; without one it works too."""
    act = packed(verb("reject_samples", samples=[sample.id]))
    box = '<label>What is wrong?<input name="reason" autocomplete="off" list="reasons"></label>'
    bar = '<div class="bar"><button type="submit" class="btn primary">Reject</button></div>'
    inside = f'<form data-act="{act}">{box}{bar}</form>'
    return f'<details class="edit reject"><summary class="btn quiet">Reject</summary>{inside}</details>'


def _checks(task: Task, sample: Sample, passage: Passage | None) -> str:
    found = report(task, sample, passage)
    lines = "".join(
        f'<li class="{"failed" if wrong else "passed"}">{escape(wrong or name)}</li>' for name, wrong in found
    )
    return f'<ul class="checks" aria-label="Checks">{lines}</ul>'


def _passage(catalog: Catalog, sample: Sample) -> Passage | None:
    try:
        return catalog.get(Passage, sample.passage_id) if sample.passage_id else None
    except NotFound:
        return None


def _evidence(catalog: Catalog, sample: Sample, passage: Passage | None) -> str:
    """The passage that the sample was made from, with its quote marked, behind one click."""
    if passage is None:
        return f'<blockquote class="quote">{escape(sample.quote)}</blockquote>'
    try:
        name = catalog.get(Document, passage.document_id).name
    except NotFound:
        name = "a removed document"
    place = name + (f", page {passage.page}" if passage.page else f", {passage.heading}" if passage.heading else "")
    text = _marked(passage.text, sample)
    return f'<details class="fold"><summary>From {escape(place)}</summary><div class="text">{text}</div></details>'


def _marked(passage: str, sample: Sample) -> str:
    """The passage with the quote marked where it stands."""
    start = passage.find(sample.quote) if sample.quote_start is None else sample.quote_start
    end = start + len(sample.quote)
    if not sample.quote or passage[start:end] != sample.quote:
        return escape(passage)
    return f"{escape(passage[:start])}<mark>{escape(sample.quote)}</mark>{escape(passage[end:])}"


def sample_lines(shown: Shown) -> str:
    return "\n".join(_lines(number, sample) for number, sample in enumerate(shown.all(Sample), 1))


def _lines(number: int, sample: Sample) -> str:
    head = f"[{number}] {sample.state} · {sample.source}"  # a real message says so in its source
    question = textwrap.indent(textwrap.shorten(sample.question, 400, placeholder=" …"), "    ")
    fields = fields_of(sample.answer)
    told = " | ".join(f"{name}: {value}" for name, value in fields) if fields else sample.answer
    return f"{head}\n{textwrap.fill(question, WIDTH - 9, subsequent_indent='    ')}\n    -> {told}"


SAMPLES = Kind(sample_cards, sample_lines, records(Sample))

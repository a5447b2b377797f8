"""Samples as cards: what goes in, what must come out, where it is from, and the buttons of a review."""

from collections.abc import Sequence

from tools.catalog import Catalog
from tools.errors import NotFound
from tools.records import Document, Passage, Sample
from tools.settings import settings
from tools.synthesis.framing import asked
from ui.markup import escape, fields_of
from ui.units import plural
from ui.views import Act, button, card, chip, packed, pairs, verb

LONG_TEXT = 700  # characters; more is folded
TONES = {"draft": "", "approved": "good", "edited": "good", "rejected": "bad"}


def sample_cards(catalog: Catalog, ids: Sequence[str], newest: bool = True) -> str:
    """The samples with the buttons of a review; only on the newest card do numbers mean something in words."""
    samples = [catalog.get(Sample, id_) for id_ in ids]
    drafts = [sample.id for sample in samples if sample.state == "draft"]
    cards = "".join(_card(catalog, sample, number, newest) for number, sample in enumerate(samples, 1))
    bar = ""
    if len(drafts) > 1:
        left = escape(f"{plural(len(drafts), 'draft')} to review")
        bar = f'<div class="bar"><span class="faint">{left}</span>'
        bar += f"{button('Approve all', verb('approve_samples', samples=drafts), 'primary')}</div>"
    return f'<div class="samples">{cards}</div>{bar}'


def _card(catalog: Catalog, sample: Sample, number: int, newest: bool) -> str:
    """`number` is what a person can call the sample in words: 'reject 2'."""
    body = f'<div class="label">{number} · Input</div>{_folded(asked(sample.question))}'
    body += f'<div class="label">Answer</div>{answer(sample.answer)}'
    if sample.quote or sample.passage_id:
        body += _evidence(catalog, sample)
    if sample.reason:
        body += f'<p class="faint">{escape(sample.reason)}</p>'
    made = f'{chip(sample.state, TONES[sample.state])}<span class="faint">{escape(sample.source)}</span>'
    foot = f'<div class="made">{made}</div>'
    return card("", body, foot + _buttons(sample, number, newest), f"sample {sample.state}")


def _buttons(sample: Sample, number: int, newest: bool) -> str:
    made = []
    if sample.state in ("draft", "rejected"):
        made.append(button("Approve", verb("approve_samples", samples=[sample.id])))
    made.append(_edit_form(sample))
    if sample.state != "rejected":
        made.append(button("Reject", verb("reject_samples", samples=[sample.id]), "quiet"))
    if not settings().teacher_model:
        made.append(button("More like this", verb("draft_samples", like=sample.id), "quiet"))
    elif newest:  # a teacher costs money, so this is asked for in words and approved
        made.append(button("More like this", Act(do="say", text=f"more like {number}"), "quiet"))
    return "".join(made)


def answer(text: str) -> str:
    """An answer as a field table when it is a JSON object, as text otherwise."""
    fields = fields_of(text)
    return pairs(fields, "pairs answer") if fields else _folded(text)


def _folded(text: str) -> str:
    if len(text) <= LONG_TEXT:
        return f'<div class="text">{escape(text)}</div>'
    start = escape(text[: LONG_TEXT // 2].rstrip())
    whole = f'<div class="text">{escape(text)}</div>'
    return f'<details class="fold"><summary class="text">{start} …</summary>{whole}</details>'


def _edit_form(sample: Sample) -> str:
    """A disclosure, so that opening it asks nothing of the server; what was typed stays while the page updates."""
    act = packed(verb("edit_sample", sample=sample.id))
    rows = min(8, 2 + sample.question.count("\n") + len(sample.question) // 60)
    question = f'<label>Input<textarea name="question" rows="{rows}">\n{escape(sample.question)}</textarea></label>'
    given = (
        f'<label>Answer<textarea name="answer" rows="3" spellcheck="false">\n{escape(sample.answer)}</textarea></label>'
    )
    save = '<div class="bar"><button type="submit" class="btn primary">Save</button></div>'
    form = f'<form data-act="{act}">{question}{given}{save}</form>'
    return f'<details class="edit"><summary class="btn quiet">Edit</summary>{form}</details>'


def _evidence(catalog: Catalog, sample: Sample) -> str:
    """The passage that the sample was made from, with its quote marked, behind one click."""
    try:
        passage = catalog.get(Passage, sample.passage_id)
        name = catalog.get(Document, passage.document_id).name
    except NotFound:
        return f'<blockquote class="quote">{escape(sample.quote)}</blockquote>'
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

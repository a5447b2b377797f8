"""Documents and passages: what was read, what was set aside and why, and the text itself with its place."""

import textwrap

from tools.records import Document, Passage
from ui.markup import escape
from ui.show.kind import Kind, Shown, records
from ui.units import plural
from ui.views import Act, button, card, chip, table, verb


def document_card(shown: Shown) -> str:
    """One row a file; in the foot what they come to."""
    documents = shown.all(Document)
    rows = [_row(document) for document in documents]
    passages, tokens = sum(one.passages for one in documents), sum(one.tokens for one in documents)
    told = f"{plural(passages, 'passage')}, about {tokens:,} tokens"
    foot = f'<span class="faint">{told}</span>'
    return card("Documents", table(["File", "Pages", "Passages", "Language", ""], rows, "plain"), foot)


def _row(document: Document) -> list[str]:
    aside = ", ".join(f"{count} {why}" for why, count in document.set_aside.items())
    told = [document.note, f"Set aside: {aside}." if aside else ""]
    notes = "".join(f'<div class="faint">{escape(one)}</div>' for one in told if one)
    state = chip("replaced") if document.state == "replaced" else ""
    look = button("Look", verb("show_document", document=document.id), "quiet") if document.passages else ""
    if document.scans and document.state == "current":
        look += button("OCR", Act(do="say", text=f"ocr {document.id}"), "quiet")
    pages = f"{document.pages:,}" if document.pages else "–"
    languages = escape(", ".join(document.languages) or "–")
    return [f"{escape(document.name)}{state}{notes}", pages, f"{document.passages:,}", languages, look]


def passage_cards(shown: Shown) -> str:
    """Each passage with the place it is from, and a way on to the next ones."""
    passages = shown.all(Passage)
    cards = "".join(_passage(passage) for passage in passages)
    if not passages:
        return ""
    last = passages[-1]
    further = verb("show_document", document=last.document_id, first=last.position + 2)
    more = last.position + 1 < shown.catalog.get(Document, last.document_id).passages
    bar = f'<div class="bar">{button("Next passages", further, "quiet")}</div>' if more else ""
    return f'<div class="samples">{cards}</div>{bar}'


def _passage(passage: Passage) -> str:
    label = f'<div class="label">{passage.position + 1} · {escape(passage.heading or "no title")}</div>'
    body = f'{label}<div class="text">{escape(passage.text)}</div>'
    foot = f'<span class="faint">{escape(place(passage))} · {passage.tokens} tokens</span>'
    return card("", body, foot, "sample")


def place(passage: Passage) -> str:
    """'page 3 to 4, letters 1,200 to 1,800 of its text'."""
    pages = f"page {passage.page}" if passage.page else ""
    if passage.page and passage.last_page and passage.last_page > passage.page:
        pages += f" to {passage.last_page}"
    letters = f"letters {passage.start:,} to {passage.end:,} of its text"
    return f"{pages}, {letters}" if pages else letters


def document_lines(shown: Shown) -> str:
    return "\n".join(
        f"{document.name}: {plural(document.passages, 'passage')}{f' ({document.note})' if document.note else ''}"
        for document in shown.all(Document)
    )


def passage_lines(shown: Shown) -> str:
    return "\n\n".join(_passage_lines(one) for one in shown.all(Passage))


def _passage_lines(passage: Passage) -> str:
    page = f" (page {passage.page})" if passage.page else ""
    return f"[{passage.position + 1}] {passage.heading}{page}\n{textwrap.indent(passage.text, '    ')}"


DOCUMENTS = Kind(document_card, document_lines, records(Document))
PASSAGES = Kind(passage_cards, passage_lines, records(Passage))

"""The confusion matrix as a heat table, and the form that filters rows."""

from collections.abc import Iterable, Mapping, Sequence

from tools.evaluation.compare.side_by_side import SideBySide
from tools.evaluation.score.labels import NO_LABEL, Confusion, confusion
from tools.evaluation.score.metrics import said
from ui.markup import escape
from ui.units import plural
from ui.views import packed, verb

MOST_LABELS = 16  # columns that can be read at once
LABEL_CHARS = 18  # of a label above its column


def heat_table(label: str, rows: Sequence[SideBySide]) -> str:
    """Right labels down, answered ones across; darker cells hold more rows. Of many labels those most confused."""
    found = confusion([(said(row.reference), said(row.answers[label])) for row in rows])
    chosen = _most_confused(found)
    shown = [found.labels[at] for at in chosen]
    head = "".join(f'<th title="{escape(one)}"><span>{escape(_short(one))}</span></th>' for one in (*shown, NO_LABEL))
    body = "".join(_line(found, at, chosen) for at in chosen)
    left = len(found.labels) - len(chosen)
    more = f"; {plural(left, 'label')} with fewer mistakes left out" if left else ""
    note = f'<p class="faint">{escape(label)}: right label by row, answered label by column{more}.</p>'
    whole = f'<table class="heat"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'{note}<div class="scroll">{whole}</div>'


def _line(found: Confusion, at: int, chosen: Sequence[int]) -> str:
    counts, total = found.counts[at], max(1, sum(found.counts[at]))
    cells = ""
    for answered in (*chosen, len(found.labels)):
        count = counts[answered]
        style = f' style="--share:{100 * count / total:.0f}%"' if count else ""
        tone = ' class="hit"' if answered == at else ' class="miss"' if count else ""
        cells += f"<td{tone}{style}>{count or ''}</td>"
    return f"<tr><th>{escape(found.labels[at])}</th>{cells}</tr>"


def _most_confused(found: Confusion) -> list[int]:
    """Places of the labels that take part in most mistakes, in alphabetical order; all where they fit."""
    size = len(found.labels)
    wrong = [
        sum(found.counts[at])
        - found.counts[at][at]
        + sum(found.counts[other][at] for other in range(size) if other != at)
        for at in range(size)
    ]
    return sorted(sorted(range(size), key=lambda at: -wrong[at])[:MOST_LABELS])


def filter_form(split: str, rows: Sequence[SideBySide]) -> str:
    """Which rows to look at: right and wrong candidates, field, label, document; what does not apply has no box."""
    candidates = list(rows[0].answers)
    fields = sorted({name for row in rows for one in candidates for name in row.wrong_fields(one)})
    labels = sorted({row.reference for row in rows})
    boxes: Mapping[str, tuple[str, Iterable[str]]] = {
        "right": ("Right", candidates if len(candidates) > 1 else ()),
        "wrong": ("Wrong", candidates),
        "field": ("Wrong field", fields),
        "label": ("Right label", labels if len(labels) * 2 <= len(rows) else ()),
        "document": ("Document", sorted({row.document for row in rows if row.document})),
    }
    selects = "".join(_select(name, title, values) for name, (title, values) in boxes.items() if values)
    act = packed(verb("show_rows", split=split))
    return f'<form class="filter" data-act="{act}">{selects}<button type="submit" class="btn">Show rows</button></form>'


def _select(name: str, title: str, values: Iterable[str]) -> str:
    options = "".join(f'<option value="{escape(one)}">{escape(_short(one, 40))}</option>' for one in values)
    return f'<label>{title}<select name="{name}"><option value="">any</option>{options}</select></label>'


def _short(text: str, most: int = LABEL_CHARS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

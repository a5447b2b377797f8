"""The coverage table: what samples spread over, how many each value has, and a form to fill it."""

from itertools import groupby

from tools.records import Coverage, Sample
from tools.synthesis.request.coverage import Tally, table
from ui.markup import escape
from ui.show.kind import Kind, Shown, columns, dumped
from ui.views import card, packed, verb


def _tallies(shown: Shown) -> list[Tally]:
    return table(shown.project.task, shown.catalog.each(Sample, shown.project.id))


def coverage_card(shown: Shown) -> str:
    """One row a value with its bar; the fullest value of an axis is the measure of the others."""
    tallies = _tallies(shown)
    body = "".join(_axis(axis, list(values)) for axis, values in groupby(tallies, key=lambda one: one.axis))
    body = body or '<p class="faint">The task does not say yet what samples should vary in.</p>'
    said = shown.project.task.coverage
    return card(
        "Coverage",
        body + _form(said),
        '<span class="faint">The values with the fewest samples are asked for first.</span>',
    )


def _axis(axis: str, tallies: list[Tally]) -> str:
    most = max(1, *(one.good for one in tallies))
    rows = "".join(
        f'<tr><td>{escape(one.value)}</td><td class="bar-cell"><i style="width:{100 * one.good // most}%"></i></td>'
        f"<td>{one.good:,}</td><td>{f'{one.rejected:,} rejected' if one.rejected else ''}</td></tr>"
        for one in tallies
    )
    return f'<div class="label">{escape(axis)}</div><table class="plain coverage"><tbody>{rows}</tbody></table>'


def _form(said: Coverage) -> str:
    """One line a value; what is left empty keeps its defaults."""
    boxes = "".join(
        f'<label title="{escape(field.description or "")}">{escape(name.capitalize())}'
        f'<textarea name="{name}" rows="2" data-lines>\n{escape(chr(10).join(getattr(said, name)))}</textarea></label>'
        for name, field in Coverage.model_fields.items()
    )
    save = '<div class="bar"><button type="submit" class="btn primary">Save</button></div>'
    form = f'<form data-act="{packed(verb("set_coverage"))}">{boxes}{save}</form>'
    return f'<details class="edit"><summary class="btn quiet">Fill in</summary>{form}</details>'


def coverage_lines(shown: Shown) -> str:
    rows = [[one.axis, one.value, str(one.good), str(one.rejected)] for one in _tallies(shown)]
    return (
        columns(["axis", "value", "good", "rejected"], rows)
        if rows
        else "The task does not say yet what samples should vary in."
    )


COVERAGE = Kind(coverage_card, coverage_lines, lambda shown: dumped(_tallies(shown)))

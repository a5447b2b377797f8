"""The coverage table: what samples spread over, how many each value has, and a form to fill it."""

from itertools import groupby

from tools.catalog import Catalog
from tools.records import Coverage, Project, Sample
from tools.synthesis.coverage import Tally, table
from ui.markup import escape
from ui.views import card, packed, verb


def coverage_card(catalog: Catalog, project: Project) -> str:
    """One row a value with its bar; the fullest value of an axis is the measure of the others."""
    tallies = table(project.task, catalog.each(Sample, project.id))
    body = "".join(_axis(axis, list(values)) for axis, values in groupby(tallies, key=lambda one: one.axis))
    body = body or '<p class="faint">The task says nothing yet that samples could spread over.</p>'
    said = project.task.coverage
    return card("Coverage", body + _form(said), '<span class="faint">The emptiest values are asked for first.</span>')


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

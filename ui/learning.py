"""The learning curve drawn: rows by doublings, dev score with its intervals, and twice the data as expected."""

import math

from tools.catalog import Catalog
from tools.evaluation.learning import Curve, read_curve
from tools.records import Measure, Project
from ui.markup import escape
from ui.views import card

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 40, 24, 12, 26


def learning_card(catalog: Catalog, project: Project, run_id: str) -> str:
    found = read_curve(catalog, project, run_id)
    foot = '<span class="faint">bars are 95 % intervals; the dashed end is what twice the data should bring</span>'
    return card("Learning curve", f"<figure>{_drawing(found)}</figure>", foot)


def _drawing(found: Curve) -> str:
    last, gain = found.points[-1], found.gain
    ahead = Measure(
        share=last.figure.share + gain.share,
        low=last.figure.share + gain.low,
        high=min(1.0, last.figure.share + gain.high),
        rows=gain.rows,
    )
    measured = [(one.rows, one.figure) for one in found.points]
    every = [*measured, (2 * last.rows, ahead)]
    grid = "".join(_line(part) for part in (0.0, 0.25, 0.5, 0.75, 1.0))
    first = measured[0][0]
    styles = ["point"] * len(measured) + ["dev"]
    spots = "".join(_spot(rows, figure, first, style) for (rows, figure), style in zip(every, styles, strict=True))
    done = _path([(rows, figure.share) for rows, figure in measured], first)
    then = _path([(rows, figure.share) for rows, figure in every[-2:]], first)
    lines = f'<polyline class="train" points="{done}"/><polyline class="dev-line" points="{then}"/>'
    label = escape(found.sentence)
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{grid}{lines}{spots}</svg>'
    )


def _x(rows: int, first: int) -> float:
    return LEFT + 14 + math.log2(rows / first) / 3 * (WIDTH - LEFT - RIGHT - 28)  # a quarter, a half, all, twice


def _y(share: float) -> float:
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def _path(points: list[tuple[int, float]], first: int) -> str:
    return " ".join(f"{_x(rows, first):.1f},{_y(share):.1f}" for rows, share in points)


def _line(share: float) -> str:
    y = _y(share)
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{100 * share:.0f} %</text>'


def _spot(rows: int, figure: Measure, first: int, style: str) -> str:
    x = _x(rows, first)
    title = escape(f"{rows} rows: {100 * figure.share:.1f} % ({100 * figure.low:.1f}-{100 * figure.high:.1f})")
    bar = f'<line class="span" x1="{x:.1f}" x2="{x:.1f}" y1="{_y(figure.low):.1f}" y2="{_y(figure.high):.1f}"/>'
    dot = f'<circle class="{style}" r="4" cx="{x:.1f}" cy="{_y(figure.share):.1f}"><title>{title}</title></circle>'
    return f'{bar}{dot}<text class="tick" x="{x:.1f}" y="{HEIGHT - 7}" text-anchor="middle">{rows}</text>'

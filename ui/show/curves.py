"""Curves as small inline SVG: no library, no request, readable in light and dark (colours come from the page)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from tools.evaluation.studies.learning import Curve, read_curve
from tools.records import Measure
from tools.training.monitor import Metric
from ui.markup import escape
from ui.show.kind import Kind, Shown
from ui.views import card

Point = tuple[float, float]
RIGHT, TOP, BOTTOM = 10, 10, 24  # pixels around the plot
MOST_POINTS = 160  # more than the panel has pixels for


@dataclass(frozen=True)
class Plot:
    """Where a point stands in the picture. `across` takes a point's x to 0 at the left and 1 at the right."""

    width: int
    height: int
    left: int
    highest: float
    across: Callable[[float], float]

    def x(self, value: float) -> float:
        return self.left + self.across(value) * (self.width - self.left - RIGHT)

    def y(self, value: float) -> float:
        return TOP + (1 - value / self.highest) * (self.height - TOP - BOTTOM)

    def line(self, points: Sequence[Point], style: str) -> str:
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return f'<polyline class="{style}" points="{path}"/>'

    def dot(self, point: Point, style: str, radius: int, title: str) -> str:
        place = f'cx="{self.x(point[0]):.1f}" cy="{self.y(point[1]):.1f}"'
        return f'<circle class="{style}" r="{radius}" {place}><title>{escape(title)}</title></circle>'

    def grid(self, ticks: Sequence[float], labels: Sequence[str]) -> str:
        rows = []
        for value, label in zip(ticks, labels, strict=True):
            y = self.y(value)
            rows.append(f'<line class="grid" x1="{self.left}" x2="{self.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            rows.append(f'<text class="tick" x="{self.left - 6}" y="{y + 3.5:.1f}" text-anchor="end">{label}</text>')
        return "".join(rows)

    def label(self, x: float, text: str, anchor: str) -> str:
        return f'<text class="tick" x="{x:.1f}" y="{self.height - 6}" text-anchor="{anchor}">{text}</text>'

    def picture(self, parts: Sequence[str], spoken: str) -> str:
        size = f'viewBox="0 0 {self.width} {self.height}"'
        return f'<svg class="curve" {size} role="img" aria-label="{escape(spoken)}">{"".join(parts)}</svg>'


# --- loss over the steps: (step, nats per answer token) -----------------------------------------------------------


def loss_curve(metrics: Sequence[Metric]) -> str:
    """Train loss as a line and dev loss as dots over the steps; a sentence while there is nothing to draw."""
    train = [(float(metric.step), metric.loss_per_token) for metric in metrics if metric.loss_per_token is not None]
    dev = [
        (float(metric.step), metric.dev_loss_per_token) for metric in metrics if metric.dev_loss_per_token is not None
    ]
    return draw(train, dev)


def figures(metrics: Sequence[Metric]) -> list[tuple[str, str]]:
    """Speed, learning rate and memory of the newest step, for a list beside the curve."""
    steps = [metric for metric in metrics if metric.loss_per_token is not None]
    if not steps:
        return []
    last, recent = steps[-1], steps[-10:]
    samples, tokens = (
        [value for metric in recent if (value := getattr(metric, name)) is not None]
        for name in ("samples_per_s", "tokens_per_s")
    )
    rows = []
    if samples and tokens:
        rows.append(("speed", f"{fmean(samples):.3g} samples/s · {fmean(tokens):,.0f} tokens/s"))
    if last.learning_rate is not None:
        rows.append(("learning rate", f"{last.learning_rate:.2e} at step {last.step}, epoch {last.epoch:.2f}"))
    if last.memory_bytes:
        rows.append(("memory", f"{last.memory_bytes / 1e9:.2f} GB at most"))
    return rows


def draw(train: Sequence[Point], dev: Sequence[Point]) -> str:
    train, dev = _finite(train), _finite(dev)
    if not train and not dev:
        return '<p class="faint">The loss curve appears with the first step.</p>'
    last = max(1.0, *(point[0] for point in (*train, *dev)))
    ticks = _ticks(max(point[1] for point in (*train, *dev)))
    plot = Plot(340, 180, 38, ticks[-1], across=lambda step: step / last)
    parts = [
        plot.grid(ticks, [f"{value:.3g}" for value in ticks]),
        plot.label(plot.left, "step 0", "start"),
        plot.label(plot.width - RIGHT, f"{last:.0f}", "end"),
    ]
    if train:
        parts.append(plot.line(_thinned(train), "train-raw"))
        parts.append(plot.line(_thinned(_smoothed(train)), "train"))
    if dev:
        parts.append(plot.line(dev, "dev-line"))
        parts += [plot.dot(one, "dev", 3, f"step {one[0]:.0f}: dev {one[1]:.3f}") for one in _thinned(dev)]
    return f"<figure>{plot.picture(parts, _spoken(train, dev))}{_legend(train, dev)}</figure>"


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[1])]


def _smoothed(points: Sequence[Point]) -> list[Point]:
    """Exponential mean over about a twelfth of the run, started without bias, so that noise does not hide the slope."""
    keep = 1 - 1 / max(1.0, len(points) / 12)
    mean, weight, made = 0.0, 0.0, []
    for step, loss in points:
        mean, weight = keep * mean + (1 - keep) * loss, keep * weight + (1 - keep)
        made.append((step, mean / weight))
    return made


def _thinned(points: Sequence[Point]) -> list[Point]:
    if len(points) <= MOST_POINTS:
        return list(points)
    stride = math.ceil(len(points) / MOST_POINTS)
    return [*points[:-1:stride], points[-1]]


def _ticks(highest: float) -> list[float]:
    """Four or five round values from 0 to above the highest loss."""
    raw = max(highest, 1e-6) / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    count = max(1, math.ceil(highest / step - 1e-9))
    return [step * number for number in range(count + 1)]


def _legend(train: Sequence[Point], dev: Sequence[Point]) -> str:
    shown = []
    if train:
        shown.append(f'<span class="key train">train {train[-1][1]:.3f}</span>')
    if dev:
        shown.append(f'<span class="key dev">dev {dev[-1][1]:.3f}</span>')
    return f'<figcaption>{"".join(shown)}<span class="faint">loss, nats per answer token</span></figcaption>'


def _spoken(train: Sequence[Point], dev: Sequence[Point]) -> str:
    told = [
        f"{name} loss from {points[0][1]:.3f} to {points[-1][1]:.3f}"
        for name, points in (("train", train), ("dev", dev))
        if points
    ]
    return "; ".join(told)


# --- the learning curve: rows by doublings, dev score with intervals, and twice the data as expected ---------------


def _read(shown: Shown) -> Curve:
    return read_curve(shown.catalog, shown.project, shown.ids[0])


def learning_card(shown: Shown) -> str:
    found = _read(shown)
    foot = '<span class="faint">bars are 95 % intervals; the dashed end shows what twice the data should bring</span>'
    return card("Learning curve", f"<figure>{_drawing(found)}</figure>", foot)


def _drawing(found: Curve) -> str:
    last, gain = found.points[-1], found.gain
    ahead = Measure(
        share=last.figure.share + gain.share,
        low=last.figure.share + gain.low,
        high=min(1.0, last.figure.share + gain.high),
        rows=gain.rows,
    )
    every = [*((one.rows, one.figure) for one in found.points), (2 * last.rows, ahead)]
    first, doublings = found.points[0].rows, 3  # a quarter, a half, all, twice
    plot = Plot(420, 200, 40, 1.0, across=lambda rows: 0.04 + 0.92 * math.log2(rows / first) / doublings)
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    points = [(float(rows), figure.share) for rows, figure in every]
    parts = [
        plot.grid(shares, [f"{100 * share:.0f} %" for share in shares]),
        plot.line(points[:-1], "train"),
        plot.line(points[-2:], "dev-line"),
        *(_spot(plot, rows, figure, "dev" if figure is ahead else "point") for rows, figure in every),
    ]
    return plot.picture(parts, found.sentence)


def _spot(plot: Plot, rows: int, figure: Measure, style: str) -> str:
    x = plot.x(rows)
    title = f"{rows} rows: {100 * figure.share:.1f} % ({100 * figure.low:.1f}-{100 * figure.high:.1f})"
    bar = f'<line class="span" x1="{x:.1f}" x2="{x:.1f}" y1="{plot.y(figure.low):.1f}" y2="{plot.y(figure.high):.1f}"/>'
    return f"{bar}{plot.dot((rows, figure.share), style, 4, title)}{plot.label(x, str(rows), 'middle')}"


LEARNING = Kind(learning_card, lambda shown: _read(shown).sentence, lambda shown: _read(shown).model_dump(mode="json"))

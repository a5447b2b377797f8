"""Loss curves as small inline SVG: no library, no request, readable in light and dark (colours come from the page)."""

import math
from collections.abc import Sequence
from statistics import fmean

from tools.training.monitor import Metric
from ui.markup import escape

Point = tuple[float, float]  # (step, nats per answer token)

WIDTH, HEIGHT = 340, 180
LEFT, RIGHT, TOP, BOTTOM = 38, 10, 10, 24
MOST_POINTS = 160  # more than the panel has pixels for


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
    last = max(point[0] for point in (*train, *dev))
    steps = (0.0, max(last, 1.0))
    ticks = _ticks(max(point[1] for point in (*train, *dev)))
    losses = (0.0, ticks[-1])
    parts = [_grid(ticks, losses), _step_labels(steps)]
    if train:
        smooth = _smoothed(train)
        parts.append(f'<polyline class="train-raw" points="{_path(_thinned(train), steps, losses)}"/>')
        parts.append(f'<polyline class="train" points="{_path(_thinned(smooth), steps, losses)}"/>')
    if dev:
        parts.append(f'<polyline class="dev-line" points="{_path(dev, steps, losses)}"/>')
        parts.extend(_dot(point, steps, losses) for point in _thinned(dev))
    label = escape(_spoken(train, dev))
    drawing = (
        f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )
    return f"<figure>{drawing}{_legend(train, dev)}</figure>"


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


def _x(step: float, steps: Point) -> float:
    return LEFT + (step - steps[0]) / (steps[1] - steps[0]) * (WIDTH - LEFT - RIGHT)


def _y(loss: float, losses: Point) -> float:
    return TOP + (1 - (loss - losses[0]) / (losses[1] - losses[0])) * (HEIGHT - TOP - BOTTOM)


def _path(points: Sequence[Point], steps: Point, losses: Point) -> str:
    return " ".join(f"{_x(step, steps):.1f},{_y(loss, losses):.1f}" for step, loss in points)


def _dot(point: Point, steps: Point, losses: Point) -> str:
    title = escape(f"step {point[0]:.0f}: dev {point[1]:.3f}")
    place = f'cx="{_x(point[0], steps):.1f}" cy="{_y(point[1], losses):.1f}"'
    return f'<circle class="dev" r="3" {place}><title>{title}</title></circle>'


def _grid(ticks: Sequence[float], losses: Point) -> str:
    rows = []
    for value in ticks:
        y = _y(value, losses)
        rows.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        rows.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:.3g}</text>')
    return "".join(rows)


def _step_labels(steps: Point) -> str:
    y = HEIGHT - 6
    first = f'<text class="tick" x="{LEFT}" y="{y}">step 0</text>'
    return f'{first}<text class="tick" x="{WIDTH - RIGHT}" y="{y}" text-anchor="end">{steps[1]:.0f}</text>'


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

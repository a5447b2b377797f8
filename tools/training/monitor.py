"""The run folder as others see it: metrics.jsonl, appended while training, and two pictures."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from tools.errors import RetortError
from tools.files import to_jsonl, write_atomic
from tools.records import Value

METRICS = "metrics.jsonl"


class Metric(Value):
    """One line of metrics.jsonl: a training step, a dev measurement, or both."""

    step: int = Field(ge=0)
    epoch: float = Field(ge=0)
    loss_per_token: float | None = Field(None, description="Training loss of the step, nats per answer token.")
    dev_loss_per_token: float | None = Field(None, description="Dev loss after the step, nats per answer token.")
    learning_rate: float | None = None
    samples_per_s: float | None = None
    tokens_per_s: float | None = Field(None, description="Tokens computed a second, shared prefixes counted once.")
    memory_bytes: int | None = Field(None, description="Most memory held so far, of the GPU or of the process.")
    at_s: float = Field(0, ge=0, description="Seconds of training so far, earlier processes included.")


def append_metric(folder: Path, metric: Metric) -> None:
    try:
        with (folder / METRICS).open("ab") as file:
            file.write(metric.model_dump_json(exclude_none=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RetortError(
            f"The metrics of step {metric.step} could not be written to {folder}: {error.strerror}.",
            "Free disk space, then say 'resume': the run continues from its newest checkpoint.",
        ) from error


def read_metrics(folder: Path) -> list[Metric]:
    """All complete lines; a line torn by a kill is left out."""
    path = folder / METRICS
    if not path.is_file():
        return []
    metrics: list[Metric] = []
    for line in path.read_bytes().splitlines():
        try:
            metrics.append(Metric.model_validate_json(line))
        except ValueError:
            continue  # only the last line can be torn, and its step is done again after the resume
    return metrics


def forget_after(folder: Path, step: int) -> float:
    """Drop the metrics of steps that a resume will do again; returns the seconds trained up to `step`."""
    kept = [metric for metric in read_metrics(folder) if metric.step <= step]
    write_metrics(folder, kept)
    return max((metric.at_s for metric in kept), default=0.0)


def write_metrics(folder: Path, metrics: Sequence[Metric]) -> None:
    """The whole curve anew."""
    write_atomic(folder / METRICS, to_jsonl([json.loads(m.model_dump_json(exclude_none=True)) for m in metrics]))


def standing(metrics: Sequence[Metric], step: int) -> tuple[float, float]:
    """(epochs done, learning rate) at a step of the curve; zeros where it has no such step."""
    trained = [m for m in metrics if m.step == step and m.learning_rate is not None]
    return (trained[-1].epoch, trained[-1].learning_rate or 0.0) if trained else (0.0, 0.0)


def dev_points(metrics: Sequence[Metric]) -> list[tuple[int, float]]:
    """(step, dev loss) of every measurement."""
    return [(m.step, m.dev_loss_per_token) for m in metrics if m.dev_loss_per_token is not None]


def base_loss(metrics: Sequence[Metric]) -> float:
    """Loss before anything was learnt: on dev, or of the first batch where a later version has other dev rows."""
    step, loss = dev_points(metrics)[0]
    trained = [m.loss_per_token for m in metrics if m.loss_per_token is not None]
    return trained[0] if step and trained else loss


def draw(folder: Path) -> None:
    """Write train_loss.png and eval_loss.png from the metrics so far."""
    metrics = read_metrics(folder)
    train = [(m.step, m.loss_per_token) for m in metrics if m.loss_per_token is not None]
    dev = dev_points(metrics)
    _plot(folder / "train_loss.png", train, "Training loss", marker="")
    _plot(folder / "eval_loss.png", dev, "Dev loss", marker="o")


def _plot(path: Path, points: list[tuple[int, float]], title: str, marker: str) -> None:
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if points:
        steps, values = zip(*points, strict=True)
        axes.plot(steps, values, marker=marker, color="#2f6f8f")
    axes.set(title=title, xlabel="step", ylabel="nats per answer token")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    picture = BytesIO()
    figure.savefig(picture, format="png")
    write_atomic(path, picture.getvalue())

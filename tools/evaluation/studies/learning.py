"""The learning curve: the same plan on a quarter, a half and all of the rows, and what twice the data should bring."""

import math
import time
from collections.abc import Callable, Sequence

from pydantic import Field

from tools.catalog import Catalog
from tools.dataset.splits import read_dev
from tools.dataset.versions import read_origins
from tools.errors import RetortError
from tools.evaluation.candidates import Candidate, find_candidate
from tools.evaluation.score.metrics import row_values
from tools.evaluation.statistics.clusters import Array, marks_of
from tools.evaluation.statistics.intervals import Indices, bootstrap
from tools.evaluation.students import LocalStudent, answer_limit
from tools.files import write_atomic
from tools.jobs import Stopped, Work, launch
from tools.records import Checkpoint, CurveOrder, Dataset, Estimate, Job, Measure, Plan, Project, Run, Value, new_id
from tools.student.reference import resolve
from tools.training.estimate import estimate as training_estimate
from tools.training.job import train
from tools.training.starting import need_idle

SHARES = (0.25, 0.5)
LEAST_ROWS = 32  # of train: a quarter of fewer teaches nothing that can be measured
WORTH = 0.01  # a gain that is worth paying for twice the data


class CurvePoint(Value):
    rows: int = Field(description="Training rows.")
    figure: Measure = Field(description="Mean over dev of what each row counts in the headline figure.")


class Curve(Value):
    """What a job found; kept as `curves/<run>.json` in the project's folder."""

    points: tuple[CurvePoint, ...]
    gain: Measure = Field(description="What twice the rows should add to the figure.")
    sentence: str


def estimate(catalog: Catalog, project: Project, full: Run) -> Estimate:
    """Minutes of the runs on parts; the answers to dev are few beside them."""
    dataset = catalog.get(Dataset, full.dataset_id)
    found = [training_estimate(catalog, project, dataset, _on_part(full.plan, share)) for share in SHARES]
    return Estimate(
        what=f"Train {len(SHARES)} more runs, on 25 % and 50 % of the {dataset.rows['train']} training rows",
        minutes_low=sum(one.minutes_low for one in found),
        minutes_high=sum(one.minutes_high for one in found) + 2,
        device=found[0].device,
        notes=("the runs on parts are deleted once the curve is known",),
    )


def start(catalog: Catalog, project: Project, full: Run, max_minutes: float) -> Job:
    """Launch the job. RetortError where there are too few rows to take a part of, or none to measure on."""
    rows = catalog.get(Dataset, full.dataset_id).rows
    if rows["train"] < LEAST_ROWS or not rows["dev"]:
        raise RetortError(
            f"A learning curve needs {LEAST_ROWS} training rows and a dev split; there are "
            f"{rows['train']} training and {rows['dev']} dev rows.",
            "Make more samples and freeze again.",
        )
    need_idle(catalog, project)
    parts = []
    for share in SHARES:
        id_ = new_id("run")
        fresh = {"state": "planned", "continues": "", "from_step": 0, "from_batches": 0, "from_loss": 0.0, "learnt": ()}
        parts.append(full.but(id=id_, plan=_on_part(full.plan, share), folder=f"runs/{id_}", **fresh))
    order = CurveOrder(run_id=full.id, parts=tuple(one.id for one in parts), max_minutes=max_minutes)
    catalog.add_all(parts)
    try:
        return launch(catalog, project, order)
    except RetortError:
        catalog.delete_all(parts)
        raise


def run(work: Work) -> str:
    """Train what is not trained, answer dev, and tell. Raises Stopped when asked to, or at the minutes agreed."""
    order = work.job.order
    if not isinstance(order, CurveOrder):
        raise TypeError(f"a learning job was given a {order.kind} order")
    ends_at = time.monotonic() + order.max_minutes * 60
    for id_ in order.parts:
        if work.catalog.get(Run, id_).state != "finished":
            train(work, id_, max(0.01, (ends_at - time.monotonic()) / 60))
    runs = [work.catalog.get(Run, id_) for id_ in (*order.parts, order.run_id)]
    dataset = work.catalog.get(Dataset, runs[-1].dataset_id)
    origins = marks_of((row.id for row in read_dev(work.catalog, dataset)), read_origins(work.catalog, dataset))
    values = [_values(work, dataset, one) for one in runs]
    found = fit([len_of(dataset, one.plan) for one in runs], values, origins)
    write_atomic(work.folder / path_of(order.run_id), found.model_dump_json().encode())
    for one in runs[:-1]:  # they were a means: no table shall offer them
        made = [point for point in work.catalog.find(Checkpoint, work.project.id) if point.run_id == one.id]
        work.catalog.delete_all([*made, one])
    return found.sentence


def read_curve(catalog: Catalog, project: Project, run_id: str) -> Curve:
    path = catalog.folder(project) / path_of(run_id)
    if not path.is_file():
        raise RetortError(f"The learning curve of {run_id} is missing.", "Say 'learning curve' to measure it again.")
    return Curve.model_validate_json(path.read_bytes())


def path_of(run_id: str) -> str:
    return f"curves/{run_id}.json"


def len_of(dataset: Dataset, plan: Plan) -> int:
    return math.ceil(dataset.rows["train"] * plan.train_share)


def fit(rows: Sequence[int], values: Sequence[Sequence[float]], origins: Sequence[str] = ()) -> Curve:
    """The curve through `values`, one a dev row for each number of training rows (each twice the one before).

    `origins` are those of the dev rows.

    The error is taken to fall by the same factor with each doubling, a power law (J. Hestness et al., "Deep learning
    scaling is predictable, empirically", 2017); the factor is that between the first point and the last.
    """
    import numpy

    table = numpy.array(values, dtype=float)  # (points, dev rows)
    points = tuple(
        CurvePoint(rows=count, figure=bootstrap(table.shape[1], _mean_of(line), origins))
        for count, line in zip(rows, table, strict=True)
    )

    def gain(indices: Indices) -> float:
        # An error of nothing is taken as half a row: fewer rows than these could not have shown it.
        first, last = (max(1 - float(table[at, indices].mean()), 0.5 / len(indices)) for at in (0, -1))
        return float(last * (1 - (last / first) ** (1 / (len(rows) - 1))))

    found = bootstrap(table.shape[1], gain, origins)
    return Curve(points=points, gain=found, sentence=_sentence(points, found))


def _mean_of(line: Array) -> Callable[[Indices], float]:
    return lambda indices: float(line[indices].mean())


def _sentence(points: Sequence[CurvePoint], gain: Measure) -> str:
    told = ", ".join(f"{100 * one.figure.share:.1f} % with {one.rows}" for one in points)
    start_ = f"On {gain.rows} dev rows: {told} training rows."
    between = f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    if gain.high < WORTH:
        return f"{start_} Stop buying data: twice as much should bring less than one point {between}."
    if gain.low > 0:
        return f"{start_} Twice the data should bring about {100 * gain.share:+.1f} points {between}."
    return (
        f"{start_} Twice the data may bring {100 * gain.share:+.1f} points {between}; these rows are too few to tell."
    )


def _on_part(plan: Plan, share: float) -> Plan:
    return plan.model_copy(update={"train_share": share, "checkpoints": 1})


def _values(work: Work, dataset: Dataset, trained: Run) -> list[float]:
    """What each dev row counts for the run's best checkpoint by dev loss."""
    made = [one for one in work.catalog.find(Checkpoint, work.project.id) if one.run_id == trained.id]
    if not made:
        raise RetortError(f"{trained.id} left no checkpoint.", "Train it again.")
    candidate = find_candidate(work.catalog, work.project, min(made, key=lambda one: one.dev_loss).id)
    rows = read_dev(work.catalog, dataset)
    said = _answers(work, candidate, dataset)
    values = row_values(work.project.task, rows, said)
    return [values[row.id] for row in rows]


def _answers(work: Work, candidate: Candidate, dataset: Dataset) -> dict[str, str]:
    rows = read_dev(work.catalog, dataset)
    work.phase(f"asking {candidate.label}")
    student = LocalStudent(resolve(candidate.loads), candidate.precision)
    said: dict[str, str] = {}
    for row, text in student.answer(rows, candidate, answer_limit(student.tokenizer, rows)):
        said[row.id] = text
        work.report(len(said), len(rows), "answers", candidate.label)
        if work.should_stop():
            raise Stopped(
                "Stopped while the dev rows were being answered; say 'resume' to continue without "
                "training anything again."
            )
    return said

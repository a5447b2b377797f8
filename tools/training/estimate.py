"""How long a run will take, before it starts: a range, calibrated by the measured machine or by earlier runs."""

from tools.catalog import Catalog
from tools.records import Dataset, Estimate, Plan, Project, Run
from tools.training.measure import Measured, measure
from tools.training.monitor import read_metrics

# Training with LoRA costs about 6 floating-point operations a weight and token: 2 forward, 2 for the gradient of the
# activations, and about 2 for adapters, attention and logits (weight gradients of the base are not computed).
FLOPS_PER_WEIGHT_AND_TOKEN = 6.0
SHARE_OF_PEAK = {"cpu": 0.55, "gpu": 0.25}  # of the measured matrix-product speed; small models keep a GPU less busy
CHECKPOINT_S = 3.0


def seconds_per_epoch(train_samples: int, measured: Measured) -> float:
    """Wall seconds of one pass over the training split, from the machine's measured matrix-product speed."""
    own = measured.total_own_tokens * train_samples / max(1, measured.samples)
    shared = measured.prefix_tokens * train_samples / 8  # about eight samples a row share it
    kind = "cpu" if measured.device == "cpu" else "gpu"
    work = FLOPS_PER_WEIGHT_AND_TOKEN * measured.parameters * (own + shared)
    return work / (measured.flops * SHARE_OF_PEAK[kind])


def estimate(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan) -> Estimate:
    """Minutes of machine time as a range, dev loss and checkpoints included."""
    measured = measure(catalog, dataset, plan.student)
    samples = dataset.rows["train"] * plan.epochs
    pace = _earlier_pace(catalog, project, plan)
    if pace:
        low_s, high_s = samples / pace * 0.85, samples / pace * 1.3
        note = "from the pace of your last run"
    else:
        guess = seconds_per_epoch(dataset.rows["train"], measured) * plan.epochs
        low_s, high_s = guess * 0.6, guess * 1.8
        note = "from this machine's measured speed; the first run makes it sharper"
    # Dev loss needs the forward pass only, a third of the work of a step.
    dev_share = dataset.rows["dev"] * (plan.checkpoints + 1) / 3 / max(1.0, samples)
    extra_s = CHECKPOINT_S * plan.checkpoints + 20.0
    return Estimate(
        what=f"train {dataset.rows['train']} samples x {plan.epochs:g} epochs",
        minutes_low=(low_s * (1 + dev_share) + extra_s) / 60,
        minutes_high=(high_s * (1 + dev_share) + extra_s * 2) / 60,
        device=measured.device,
        notes=(note, "it stops by itself, with a checkpoint, at twice the upper figure"),
    )


def _earlier_pace(catalog: Catalog, project: Project, plan: Plan) -> float | None:
    """Median samples/s of the newest run with the same student and precision, None without one."""
    for run in reversed(catalog.find(Run, project.id)):
        if (run.plan.student, run.plan.precision) != (plan.student, plan.precision):
            continue
        paces = sorted(m.samples_per_s for m in read_metrics(catalog.folder(project) / run.folder) if m.samples_per_s)
        if len(paces) >= 5:
            return paces[len(paces) // 2]
    return None

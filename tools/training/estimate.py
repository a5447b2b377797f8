"""How long a run will take and what it will hold, before it starts: ranges, from real steps on this machine."""

import math

from tools.catalog import Catalog
from tools.records import Dataset, Estimate, Plan, Project, Run, Value
from tools.training.measure import Measured, Wishes, measure
from tools.training.monitor import read_metrics
from tools.training.schedule import dev_measurements, in_epochs, steps_of

FORWARD = 1 / 3  # of a step's work
ADAM_BYTES = 16  # a trained weight: itself, its gradient and two moments, float32 each
CUDA_CONTEXT_BYTES = 600_000_000  # what a process takes of a GPU beside its tensors
# What decides the pace.
PACE = ("student", "precision", "method", "lora_rank", "lora_dropout", "batch_samples", "row_tokens", "learnt")


def measured_for(catalog: Catalog, dataset: Dataset, plan: Plan) -> Measured:
    """What steps like the plan's took on this machine; measured once."""
    wishes = Wishes(method=plan.method, lora_dropout=plan.lora_dropout, precision=plan.precision, learnt=plan.learnt)
    default = measure(catalog, dataset, plan.student, Wishes(learnt=plan.learnt))
    if (plan.method, plan.lora_dropout, plan.precision) == ("lora", 0, default.precision):
        return default
    return measure(catalog, dataset, plan.student, wishes)


def seconds_per_sample(plan: Plan, measured: Measured) -> float:
    """Wall seconds of a training sample in a step of this plan."""
    own, batch = measured.total_own_tokens / max(1, measured.samples), plan.batch_samples
    rows = batch  # padded: each sample computes the common beginning for itself
    if measured.packed:
        rows = math.ceil(batch * own / max(1.0, plan.row_tokens - measured.prefix_tokens))
    return measured.s_per_token * (own + measured.prefix_tokens * rows / batch)


def estimate(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan, epochs_done: float = 0) -> Estimate:
    """Minutes of machine time as a range, dev loss and checkpoints included; memory by part in the notes."""
    measured = measured_for(catalog, dataset, plan)
    train, dev = math.ceil(dataset.rows["train"] * plan.train_share), dataset.rows["dev"]
    epochs = plan.epochs - epochs_done
    looks = 1 + dev_measurements(plan, steps_of(train, plan, epochs), dev)
    pace = _earlier_pace(catalog, project, dataset, plan)
    each_s = 1 / pace if pace else seconds_per_sample(plan, measured)
    middle_s = each_s * (train * epochs + dev * looks * FORWARD) / plan.processes
    fixed_s = measured.start_s + measured.checkpoint_s * plan.checkpoints
    held = memory(plan, measured)
    room = f"{measured.room_bytes / 1e9:.0f} GB are free" + ("" if fits(plan, measured) else ": it may not fit")
    basis = "based on the pace of your last run" if pace else "measured in a few real steps on this machine"
    return Estimate(
        what=f"train {train} samples x {in_epochs(epochs)}",
        minutes_low=(middle_s * 0.8 + fixed_s * 0.5) / 60,
        minutes_high=(middle_s * 1.25 + fixed_s * 1.5) / 60,
        device=measured.device,
        notes=(
            basis,
            f"{held.sentence}; {room}",
            "training stops by itself at twice the upper figure, with a checkpoint",
        ),
    )


def _earlier_pace(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan) -> float | None:
    """Median samples/s by process of the newest run on the same rows whose steps were like these; None without one."""
    for run in reversed(catalog.find(Run, project.id)):
        if run.dataset_id != dataset.id or any(getattr(run.plan, name) != getattr(plan, name) for name in PACE):
            continue
        paces = sorted(m.samples_per_s for m in read_metrics(catalog.folder(project) / run.folder) if m.samples_per_s)
        if len(paces) >= 5:
            return paces[len(paces) // 2] / run.plan.processes
    return None


# --- memory -------------------------------------------------------------------------------------------------------


class Memory(Value):
    """Bytes by part; `peak` is their sum."""

    runtime: int
    weights: int
    trained: int
    activations: int

    @property
    def peak(self) -> int:
        return self.runtime + self.weights + self.trained + self.activations

    @property
    def sentence(self) -> str:
        parts = {
            "the program": self.runtime,
            "the student": self.weights,
            "adapter, gradient and optimizer": self.trained,
            "activations and logits": self.activations,
        }
        told = ", ".join(f"{name} {size / 1e9:.2f}" for name, size in parts.items() if size)
        return f"memory about {self.peak / 1e9:.1f} GB: {told}"


def memory(plan: Plan, measured: Measured) -> Memory:
    """From what real steps held: activations grow with the row, the adapter with its rank."""
    held = {"full": 0.0, "qlora": 0.6}.get(plan.method, 2.0 if plan.precision == "bf16" else 4.0)
    weights = int(measured.parameters * held)
    then = measured.trained * ADAM_BYTES
    activations = max(0, measured.peak_bytes - measured.runtime_bytes - weights - then)
    rank = 1.0 if plan.method == "full" else plan.lora_rank / measured.trained_rank
    longer = row_length(plan, measured) - measured.row_tokens
    return Memory(
        runtime=measured.runtime_bytes,
        weights=weights,
        trained=int(then * rank),
        activations=max(0, int(activations + longer * measured.saved_bytes_per_token)),
    )


def row_length(plan: Plan, measured: Measured) -> int:
    """Tokens of the longest row there will be: a batch may not fill a row, and few batches are far above the mean."""
    own = measured.total_own_tokens / measured.samples
    sigma = (measured.p95_tokens - measured.p50_tokens) / 1.645  # of one sample's length, were it normal
    whole = plan.batch_samples * (own if measured.packed else own + measured.prefix_tokens)
    whole += 2 * sigma * plan.batch_samples**0.5
    batch = int(whole) + (measured.prefix_tokens if measured.packed else 0)
    return max(measured.longest_tokens, min(plan.row_tokens, batch))


def fits(plan: Plan, measured: Measured) -> bool:
    context = 0 if measured.device == "cpu" else CUDA_CONTEXT_BYTES
    return memory(plan, measured).peak - measured.runtime_bytes + context <= 0.9 * measured.room_bytes

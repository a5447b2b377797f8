"""Which choices, and why: every value of a plan comes with its reason, and every one may be changed."""

from collections.abc import Mapping

from pydantic import JsonValue, ValidationError

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Dataset, JsonObject, Plan, Project
from tools.training.estimate import seconds_per_epoch
from tools.training.measure import Measured, measure
from tools.training.student import default_student, short_name

# Epochs by size of the training set: small sets need more passes to reach the same number of steps.
# Prior from practice with LoRA on narrow tasks; dev loss decides which checkpoint is kept.
EPOCHS_BY_SAMPLES = ((150, 8.0), (300, 4.0), (1_000, 3.0), (5_000, 2.0))
YOURS = "your choice"
CPU_BUDGET_S = 360.0  # on a CPU the first plan aims at about this much training; the user may ask for more


def propose(
    catalog: Catalog, project: Project, dataset: Dataset, changes: Mapping[str, JsonValue] | None = None
) -> Plan:
    """A plan for this dataset on this machine. `changes` are the user's own choices by field name and win.

    Raises RetortError naming the field when a change is out of its range or unknown.
    """
    wanted = dict(changes or {})
    student = str(wanted.get("student") or project.student or default_student())
    measured = measure(catalog, dataset, student)
    plan = _advised(student, dataset.rows["train"], measured)
    unknown = set(wanted) - set(Plan.model_fields) | ({"reasons"} & set(wanted))
    if unknown:
        known = ", ".join(name for name in Plan.model_fields if name != "reasons")
        raise RetortError(f"A plan has no {', '.join(sorted(unknown))}.", f"It has: {known}.")
    reasons = {**plan.reasons, **dict.fromkeys(wanted, YOURS)}
    if "lora_rank" in wanted and "lora_alpha" not in wanted:
        wanted["lora_alpha"] = 2 * int(str(wanted["lora_rank"]))
        reasons["lora_alpha"] = "twice the rank"
    try:
        return Plan.model_validate({**plan.model_dump(), **wanted, "reasons": reasons})
    except ValidationError as error:
        first = error.errors()[0]
        raise RetortError(
            f"{first['loc'][0]} = {first['input']!r} does not fit: {first['msg'].lower()}.",
            f"It means: {Plan.model_fields[str(first['loc'][0])].description}",
        ) from error


def chosen(plan: Plan) -> JsonObject:
    """The choices of a plan that were the user's own, as `changes` for the next one."""
    values: JsonObject = plan.model_dump(mode="json")
    return {name: values[name] for name, reason in plan.reasons.items() if reason == YOURS}


def _advised(student: str, train_samples: int, measured: Measured) -> Plan:
    epochs, why_epochs = _epochs(train_samples, measured)
    rate, why_rate = _learning_rate(measured.parameters)
    batch = 8 if train_samples < 1_000 else 16
    own = max(1, measured.p50_tokens - measured.prefix_tokens)
    # Measured here on 2 cores: rows of 4 to 8 samples were best; longer rows pay for their square mask.
    row = min(1_024, measured.prefix_tokens + 8 * own) if measured.device == "cpu" else 8_192
    row = max(row, measured.longest_tokens, 64)
    checkpoints = 2 if measured.device == "cpu" else 3
    return Plan(
        student=student,
        epochs=epochs,
        learning_rate=rate,
        batch_samples=batch,
        row_tokens=row,
        max_sample_tokens=max(32, measured.longest_tokens),
        lora_rank=16,
        lora_alpha=32,
        precision=measured.precision,
        checkpoints=checkpoints,
        reasons={
            "student": f"{short_name(student)}: {measured.parameters / 1e6:,.0f} million weights fit this machine",
            "epochs": why_epochs,
            "learning_rate": why_rate,
            "batch_samples": f"{train_samples} samples are few; small batches give more steps",
            "row_tokens": f"the {measured.prefix_tokens} tokens that all samples share are computed once a row",
            "max_sample_tokens": f"the longest sample has {measured.longest_tokens} tokens, so none is cut "
            f"(95 % have at most {measured.p95_tokens})",
            "lora_rank": "16 on all linear layers learns a narrow task; more rarely helps",
            "lora_alpha": "twice the rank",
            "precision": f"{measured.precision} multiplies matrices faster on this {measured.device}, as measured",
            "checkpoints": f"{checkpoints} points to compare, the last step among them; each takes its time to score",
        },
    )


def _epochs(train_samples: int, measured: Measured) -> tuple[float, str]:
    prior = next((epochs for limit, epochs in EPOCHS_BY_SAMPLES if train_samples <= limit), 1.0)
    each_s = seconds_per_epoch(train_samples, measured)
    if measured.device != "cpu" or prior * each_s <= CPU_BUDGET_S:
        return prior, f"{train_samples} samples usually need about {prior:g} passes; dev loss picks the checkpoint"
    affordable = max(2.0, float(int(CPU_BUDGET_S / each_s)))
    epochs = min(prior, affordable)
    if epochs == prior:
        return prior, f"{train_samples} samples usually need about {prior:g} passes; dev loss picks the checkpoint"
    return epochs, (
        f"{prior:g} would be usual for {train_samples} samples, but one takes about {each_s / 60:.1f} minutes on this "
        "CPU; ask for more if dev loss still falls at the end"
    )


def _learning_rate(parameters: int) -> tuple[float, str]:
    # LoRA bears about ten times the rate of full fine-tuning, and small models more than large ones
    # ("LoRA Without Regret", Thinking Machines 2025).
    for limit, rate in ((3e8, 2e-3), (1e9, 5e-4), (4e9, 3e-4)):
        if parameters <= limit:
            return rate, f"usual for LoRA on {parameters / 1e6:,.0f} million weights; cosine decay"
    return 2e-4, "usual for LoRA on a model of this size; cosine decay"

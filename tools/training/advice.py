"""Which choices, and why: every value of a plan comes with its reason, and every one may be changed."""

import math
from collections.abc import Mapping
from itertools import pairwise

from pydantic import JsonValue, ValidationError

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Dataset, JsonObject, Plan, Project
from tools.student.reference import default_student, short_name
from tools.training.estimate import fits, measured_for, seconds_per_sample
from tools.training.measure import Measured, Wishes, advised_row, measure
from tools.training.trackers import default_tracker, need_tracker

# Passes by size of the training set, from practice with LoRA on narrow tasks: small sets need more to reach as many
# steps. A prior only: dev loss ends a run early and picks its checkpoint.
EPOCHS = ((100, 15.0), (1_000, 10.0), (10_000, 2.0), (100_000, 1.0))
CPU_BUDGET_S = 360.0  # on a CPU the first plan aims at about this much training; the user may ask for more
YOURS = "your choice"
_WHY_LEARNT = {
    "every": "each answer of a conversation teaches; to learn just the last, say 'last answers only'",
    "last": "as you chose; to learn each answer of a conversation, say 'every answer'",
}
# What can be said without a figure: the factor on what the plan would otherwise have.
RELATIVE: dict[tuple[str, str], float] = {
    ("epochs", "longer"): 2,
    ("epochs", "shorter"): 0.5,
    ("learning_rate", "higher"): 3,
    ("learning_rate", "lower"): 1 / 3,
}


def propose(
    catalog: Catalog,
    project: Project,
    dataset: Dataset,
    changes: Mapping[str, JsonValue] | None = None,
    earlier: Plan | None = None,
) -> Plan:
    """A plan for this dataset on this machine. `changes` are the user's own choices by field name and win.

    They may be relative: epochs 'longer' or 'shorter', learning_rate 'higher' or 'lower', than in the `earlier` plan,
    whose own choices are kept. Raises RetortError naming the field when a change is out of its range or unknown.
    """
    wanted: JsonObject = {**(_chosen(earlier) if earlier else {}), **(changes or {})}
    student = str(wanted.get("student") or project.student or default_student())
    learnt = project.task.learnt
    measured = measure(catalog, dataset, student, Wishes(learnt=learnt))
    plan = _advised(student, dataset.rows["train"], measured, wanted)
    plan = plan.model_copy(update={"learnt": learnt, "reasons": {**plan.reasons, "learnt": _WHY_LEARNT[learnt]}})
    unknown = set(wanted) - set(Plan.model_fields) | ({"reasons"} & set(wanted))
    if unknown:
        known = ", ".join(name for name in Plan.model_fields if name != "reasons")
        raise RetortError(f"A plan has no {', '.join(sorted(unknown))}.", f"Its choices are {known}.")
    for (name, word), factor in RELATIVE.items():
        if wanted.get(name) == word:
            value = getattr(earlier or plan, name) * factor
            wanted[name] = max(1.0, round(value)) if name == "epochs" else float(f"{value:.1e}")
    plan = _with(plan, wanted)
    need_tracker(plan.tracker)
    return plan if "row_tokens" in wanted else _that_fits(plan, measured_for(catalog, dataset, plan))


def _with(plan: Plan, wanted: JsonObject) -> Plan:
    reasons = {**plan.reasons, **dict.fromkeys(wanted, YOURS)}
    try:
        return Plan.model_validate({**plan.model_dump(), **wanted, "reasons": reasons})
    except ValidationError as error:
        first = error.errors()[0]
        raise RetortError(
            f"{first['loc'][0]} = {first['input']!r} does not fit: {first['msg'].lower()}.",
            f"It means: {Plan.model_fields[str(first['loc'][0])].description}",
        ) from error


def _chosen(plan: Plan) -> JsonObject:
    """The choices of a plan that were the user's own."""
    values: JsonObject = plan.model_dump(mode="json")
    return {name: values[name] for name, reason in plan.reasons.items() if reason == YOURS}


def _that_fits(plan: Plan, measured: Measured) -> Plan:
    """The same plan with rows halved until memory holds them; a row never cuts a sample."""
    row = plan.row_tokens
    while not fits(plan, measured) and row > measured.longest_tokens:
        row = max(measured.longest_tokens, row // 2)
        why = f"memory: rows of {plan.row_tokens} tokens would not fit into {measured.room_bytes / 1e9:.0f} GB"
        plan = plan.model_copy(update={"row_tokens": row, "reasons": {**plan.reasons, "row_tokens": why}})
    return plan


def _advised(student: str, train_samples: int, measured: Measured, wanted: JsonObject) -> Plan:
    method, rank = str(wanted.get("method", "lora")), int(str(wanted.get("lora_rank", 16)))
    rate, why_rate = _learning_rate(measured.parameters, method)
    alpha, why_alpha = 2 * rank, "twice the rank"
    if method == "rslora":
        alpha, why_alpha = (
            max(1, round(2 * math.sqrt(rank))),
            "twice the square root of the rank, by which rslora divides",
        )
    checkpoints = 2 if measured.device == "cpu" else 3
    batch = int(str(wanted.get("batch_samples", 8 if train_samples < 1_000 else 16)))
    lengths = measured.prefix_tokens, measured.p95_tokens, measured.longest_tokens
    plan = Plan(
        student=student,
        epochs=1,
        learning_rate=rate,
        batch_samples=batch,
        row_tokens=advised_row(batch, *lengths, measured.device),
        max_sample_tokens=max(32, measured.longest_tokens),
        lora_rank=16,
        lora_alpha=alpha,
        precision=measured.precision,
        checkpoints=checkpoints,
        processes=measured.devices,
        tracker=default_tracker(),
    )
    epochs, why_epochs = _epochs(train_samples, plan, measured)
    reasons = {
        "student": f"{short_name(student)}: its {measured.parameters / 1e6:,.0f} million weights fit this machine; "
        f"{measured.template}",
        "epochs": why_epochs,
        "learning_rate": why_rate,
        "batch_samples": f"{train_samples} samples are few, and small batches give more steps",
        "row_tokens": f"the {measured.prefix_tokens} tokens that all samples share are computed once per row",
        "max_sample_tokens": f"the longest sample has {measured.longest_tokens} tokens, so none is cut "
        f"(95 % have at most {measured.p95_tokens})",
        "method": "an adapter learns a narrow task as well as training all weights does, and needs little memory",
        "lora_rank": "rank 16 on all linear layers is enough for a narrow task; a higher rank rarely helps",
        "lora_alpha": why_alpha,
        "lora_dropout": "none, because dropout would rule out packed rows; early stopping guards against overfitting",
        "precision": f"{measured.precision} multiplies matrices faster on this {measured.device}, as measured",
        "checkpoints": f"{checkpoints} points to compare, including the last step; each takes its time to score",
        "patience": "dev loss decides when to stop; the best checkpoint is always kept",
        "tracker": "figures stay on this machine"
        if plan.tracker == "trackio"
        else "the curves are on the page and in the run's folder",
        "processes": f"one for each of {measured.devices} GPUs" if measured.devices > 1 else "one device",
    }
    return plan.model_copy(update={"epochs": epochs, "reasons": reasons})


def _epochs(train_samples: int, plan: Plan, measured: Measured) -> tuple[float, str]:
    prior = _prior_epochs(train_samples)
    usual = (
        f"{train_samples} samples usually need about {prior:g} passes; dev loss may end training earlier, "
        "and it picks the best checkpoint"
    )
    each_s = seconds_per_sample(plan, measured) * train_samples
    if measured.device != "cpu" or prior * each_s <= CPU_BUDGET_S:
        return prior, usual
    epochs = min(prior, max(2.0, float(int(CPU_BUDGET_S / each_s))))
    if epochs == prior:
        return prior, usual
    return epochs, (
        f"{prior:g} epochs would be usual for {train_samples} samples, but one takes about "
        f"{each_s / 60:.1f} minutes on this CPU; say 'train longer' if dev loss is still falling at "
        "the end"
    )


def _prior_epochs(samples: int) -> float:
    """Between the sizes of the table on a logarithmic scale, whole passes."""
    if samples <= EPOCHS[0][0]:
        return EPOCHS[0][1]
    for (fewer, more_epochs), (more, fewer_epochs) in pairwise(EPOCHS):
        if samples <= more:
            share = math.log(samples / fewer) / math.log(more / fewer)
            return float(round(more_epochs + share * (fewer_epochs - more_epochs)))
    return EPOCHS[-1][1]


def _learning_rate(parameters: int, method: str) -> tuple[float, str]:
    # LoRA bears about ten times the rate of full fine-tuning, and small models more than large ones
    # ("LoRA Without Regret", Thinking Machines 2025).
    limits = ((3e8, 2e-3), (1e9, 5e-4), (4e9, 3e-4), (math.inf, 2e-4))
    rate = next(rate for limit, rate in limits if parameters <= limit)
    size = f"{parameters / 1e6:,.0f} million weights"
    if method == "full":
        return rate / 10, f"a tenth of the usual LoRA rate for {size}; level, then falling over the last two fifths"
    return rate, f"the usual LoRA rate for {size}; level, then falling over the last two fifths"

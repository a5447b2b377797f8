"""How long an evaluation will take: from the pace of earlier ones, else from measured constants."""

import os
from collections.abc import Sequence

from tools.catalog import Catalog
from tools.dataset.splits import read_train
from tools.evaluation.candidates import Candidate, find_candidates, find_known
from tools.evaluation.rows import Split
from tools.evaluation.studies.ceiling import expect
from tools.records import Dataset, Estimate, Evaluation, EvaluationOrder, Project
from tools.settings import settings
from tools.student.reference import has_gpu

# SmolLM2-135M, fp32, 2 cores, contacts: 80 tokens/s beside a load of 2, prompts included.
CPU_TOKENS_PER_S_AND_CORE = (30.0, 75.0)
GPU_TOKENS_PER_S = (800.0, 4000.0)
CHARACTERS_PER_TOKEN = 3.0  # JSON in English; prose has 4, Chinese 1 to 2
LOAD_S = (4.0, 20.0)


def order_for(
    catalog: Catalog, dataset_id: str, split: Split, candidates: Sequence[str], max_usd: float = 0
) -> EvaluationOrder:
    """The order to score these on a split; with the test go the real messages of the dataset, where it has any."""
    real = split == "test" and catalog.get(Dataset, dataset_id).rows.get("real", 0) > 0
    return EvaluationOrder(dataset_id=dataset_id, split=split, real=real, candidates=tuple(candidates), max_usd=max_usd)


def estimate(catalog: Catalog, project: Project, order: EvaluationOrder) -> Estimate:
    """Minutes as a range for the candidates that are not evaluated yet."""
    dataset = catalog.get(Dataset, order.dataset_id)
    candidates = find_candidates(catalog, project, order.candidates)
    asks = {
        split: [one for one in candidates if not find_known(catalog, dataset, split, one)] for split in order.splits
    }
    left = [one for one in candidates if any(one in some for some in asks.values())]
    rows_of = {
        one.name + one.student: sum(dataset.rows.get(split, 0) for split in asks if one in asks[split]) for one in left
    }
    low_s, high_s = (0.0, 0.0) if not left else LOAD_S
    notes = []
    if "few-shot" in order.candidates and "teacher" not in order.candidates and not settings().teacher_model:
        notes.append("without the teacher's ceiling: the simulator cannot answer inputs (RETORT_TEACHER_MODEL)")
    asked = Estimate(what="")
    for candidate in left:
        rows = rows_of[candidate.name + candidate.student]
        if candidate.name == "teacher":
            asked = expect(project.task, read_train(catalog, dataset), rows)
            low_s, high_s = low_s + asked.minutes_low * 60, high_s + asked.minutes_high * 60
            notes += asked.notes
            continue
        pace = _earlier_pace(catalog, project, candidate)
        row_s = (pace * 0.7, pace * 1.5) if pace else _guessed_row_s(catalog, dataset)
        low_s, high_s = low_s + rows * row_s[0], high_s + rows * row_s[1]
    if known := len(candidates) - len(left):
        notes.append(f"{known} of {len(candidates)} are already evaluated and are not asked again")
    notes.append("answers are kept one by one, so a stopped evaluation can be resumed")
    told = {
        "what": " and ".join(
            f"{len(some)} x {dataset.rows.get(split, 0)} {split} rows" for split, some in asks.items()
        ),
        "minutes_low": low_s / 60,
        "minutes_high": high_s / 60,
        "device": "GPU" if has_gpu() else "cpu",
        "notes": tuple(notes),
    }
    return asked.model_copy(update=told)


def _earlier_pace(catalog: Catalog, project: Project, candidate: Candidate) -> float | None:
    """Seconds a row in the newest evaluation of this student, asked in the same way."""
    for known in reversed(catalog.find(Evaluation, project.id)):
        alike = known.candidate.startswith("deployment-") == (candidate.deployment is not None)
        if known.student == candidate.student and alike and known.scores.exact_match.rows:
            return known.seconds / known.scores.exact_match.rows
    return None


def _guessed_row_s(catalog: Catalog, dataset: Dataset) -> tuple[float, float]:
    rows = read_train(catalog, dataset)  # the sealed rows are not opened for a guess
    characters = sum(len(row.answer) for row in rows) / max(1, len(rows))
    tokens = characters / CHARACTERS_PER_TOKEN + 1
    cores = settings().threads or os.cpu_count() or 1
    slow, fast = GPU_TOKENS_PER_S if has_gpu() else tuple(rate * cores for rate in CPU_TOKENS_PER_S_AND_CORE)
    return tokens / fast, tokens / slow

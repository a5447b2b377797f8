"""A run that is killed again and again, also while it writes a checkpoint, ends where an untouched one ends."""

from pathlib import Path
from typing import Any

import pytest

from tests.training.kills import Forks, curve, new_run, small_plan, word_samples
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.records import Checkpoint, Job, Project


@pytest.mark.slow
def test_killed_at_moments_and_in_writing_it_goes_on_to_the_same_curve(
    catalog: Catalog, project: Project, tiny_student: Path
) -> None:
    catalog.add_all(word_samples(project, 60))
    dataset, plan = freeze(catalog, project), small_plan(tiny_student)
    with Forks(catalog) as forks:
        whole, job = new_run(catalog, project, dataset, plan)
        assert forks.run(job)["touches"] > 30
        broken, job = new_run(catalog, project, dataset, plan)
        cases: list[dict[str, Any]] = [{"at_touch": touch} for touch in (2, 7, 30, 12)]
        killed = [forks.run(job, **case)["killed"] for case in [{"after_s": 0.3}, *cases, {"after_s": 0.8}]]
        assert sum(killed) >= 4
        forks.run(job)
    assert catalog.get(Job, job.id).state == "done"
    wanted, found = curve(catalog, whole), curve(catalog, broken)
    assert [m.step for m in found] == [m.step for m in wanted]
    for one, other in zip(found, wanted, strict=True):
        shown = {"loss_per_token", "dev_loss_per_token", "learning_rate"}
        figures, reference = (metric.model_dump(include=shown, exclude_none=True) for metric in (one, other))
        assert figures == pytest.approx(reference, rel=1e-4)
    steps = [[c.step for c in catalog.find(Checkpoint, project.id) if c.run_id == run.id] for run in (whole, broken)]
    assert steps[0] == steps[1]
    left = list((catalog.folder(project) / broken.folder / "checkpoints").glob(".*"))
    assert left == [], "nothing half-written stays"

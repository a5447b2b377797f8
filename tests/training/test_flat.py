"""The flat example does what a run of the product does: it is the product's parts, in order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.test_architecture import ROOT
from tests.evaluation.world import make_work
from tests.training.kills import small_plan, word_samples
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.records import Checkpoint, Project, TrainingOrder
from tools.training.job import train
from tools.training.starting import plan_run

FLAT = ROOT / "examples" / "train_flat.py"


def test_the_example_fits_on_a_few_pages() -> None:
    assert len(FLAT.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.slow
def test_dev_loss_is_the_products(catalog: Catalog, project: Project, tiny_student: Path, tmp_path: Path) -> None:
    catalog.add_all(word_samples(project, 60))
    dataset = freeze(catalog, project)
    plan = small_plan(tiny_student).model_copy(update={"learning_rate": 2e-3})  # a high rate blows rounding up
    run = catalog.save(plan_run(catalog, project, dataset, plan))
    train(make_work(catalog, project, TrainingOrder(run_id=run.id, max_minutes=5)), run.id, 5)
    wanted = {one.step: one.dev_loss for one in catalog.find(Checkpoint, project.id)}
    rows = catalog.folder(project) / dataset.folder
    options = {
        "student": plan.student,
        "out": tmp_path / "adapter",
        "epochs": plan.epochs,
        "rate": plan.learning_rate,
        "batch": plan.batch_samples,
        "rank": plan.lora_rank,
        "row-tokens": plan.row_tokens,
        "precision": plan.precision,
        "seed": plan.seed,
    }
    command = [sys.executable, str(FLAT), str(rows / "train.jsonl"), str(rows / "dev.jsonl")]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = {
        int(step): float(loss)
        for step, loss in re.findall(r"^step (\d+)/\d+ .* dev loss (\S+)$", done.stdout, flags=re.MULTILINE)
    }
    both = told.keys() & wanted.keys()
    assert max(wanted) in both
    assert {step: told[step] for step in both} == pytest.approx({step: wanted[step] for step in both}, abs=1e-4)
    assert told[max(told)] < told[min(told)]  # something was learnt, so that agreeing says something
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()

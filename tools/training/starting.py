"""From an approved plan to a running job."""

import shutil

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import need_space
from tools.jobs import active, launch
from tools.records import Dataset, Job, Plan, Project, Run, TrainingOrder, new_id


def start(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan, max_minutes: float) -> tuple[Run, Job]:
    """Make the run's record and folder and launch its job; at `max_minutes` it stops with a checkpoint."""
    if any(job.order.kind == "train" for job in active(catalog, project.id)):
        raise RetortError("A run is already training.", "Wait for it, or stop it first.")
    if dataset.rows.get("train", 0) < 1:
        raise RetortError(f"Dataset v{dataset.version} has no training rows.", "Approve more samples and freeze again.")
    project_folder = catalog.folder(project)
    need_space(project_folder, 200_000_000, "checkpoints")
    run = Run(id=new_id("run"), owner=catalog.owner, project_id=project.id, dataset_id=dataset.id, plan=plan, folder="")
    run = run.but(folder=f"runs/{run.id}")
    (project_folder / run.folder).mkdir(parents=True)
    catalog.add(run)
    try:
        job = launch(catalog, project, TrainingOrder(run_id=run.id, max_minutes=max_minutes))
    except RetortError:
        catalog.delete(run)
        shutil.rmtree(project_folder / run.folder)
        raise
    return run, job

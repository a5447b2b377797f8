"""From a plan to a planned run, and from an approved one to a running job."""

import shutil

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.files import need_space
from tools.jobs import active, launch
from tools.records import Dataset, Job, Plan, Project, Run, TrainingOrder, new_id


def plan_run(catalog: Catalog, project: Project, dataset: Dataset, plan: Plan) -> Run:
    """Keep the plan as the project's planned run. An earlier one goes; a plan, once shown, never changes."""
    for old in catalog.find(Run, project.id, states=("planned",)):
        catalog.delete(old)
    run_id = new_id("run")
    return catalog.add(
        Run(
            id=run_id,
            owner=catalog.owner,
            project_id=project.id,
            dataset_id=dataset.id,
            plan=plan,
            folder=f"runs/{run_id}",
        )
    )


def start(catalog: Catalog, project: Project, run: Run, max_minutes: float) -> Job:
    """Launch the job of a planned run; at `max_minutes` it stops with a checkpoint."""
    if any(job.order.kind == "train" for job in active(catalog, project.id)):
        raise RetortError("A run is already training.", "Wait for it, or stop it first.")
    dataset = catalog.get(Dataset, run.dataset_id)
    if dataset.rows.get("train", 0) < 1:
        raise RetortError(f"Dataset v{dataset.version} has no training rows.", "Approve more samples and freeze again.")
    folder = catalog.folder(project) / run.folder
    need_space(catalog.folder(project), 200_000_000, "checkpoints")
    folder.mkdir(parents=True)
    try:
        return launch(catalog, project, TrainingOrder(run_id=run.id, max_minutes=max_minutes))
    except RetortError:
        shutil.rmtree(folder)
        raise

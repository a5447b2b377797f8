"""A small frozen dataset and a run of two checkpoints on a student that says something."""

from pathlib import Path

import pytest

from tests.evaluation.world import make_checkpoint, make_dataset, make_lively_student, make_run
from tools.catalog import Catalog
from tools.records import Checkpoint, Dataset, Project, Run


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lively_student(tmp_path_factory.mktemp("lively"))


@pytest.fixture
def dataset(catalog: Catalog, project: Project) -> Dataset:
    return make_dataset(catalog, project)


@pytest.fixture
def run(catalog: Catalog, project: Project, dataset: Dataset, student: Path) -> Run:
    return make_run(catalog, project, dataset, student)


@pytest.fixture
def checkpoints(catalog: Catalog, project: Project, run: Run) -> list[Checkpoint]:
    return [make_checkpoint(catalog, project, run, step, dev_loss) for step, dev_loss in ((20, 0.5), (40, 0.2))]

"""A review at 1,000 to 100,000 samples: CPU milliseconds of drawing the table, judging one, `status`; peak memory.

Each size runs in a process of its own, whose largest resident memory is read. The samples are of about a kilobyte, half
of them looked at by nobody; each figure is the least of three. The limits are those of a page that answers at once:
150 ms to draw, 100 ms to judge, 50 ms for the status and 300 MB, all at 100,000 samples; a figure is the share of its
limit that is used, so 1 is as slow as is allowed.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.catalog import Catalog

SIZES = (1_000, 10_000, 100_000)
LIMITS = {"draw_ms": 150.0, "judge_ms": 100.0, "status_ms": 50.0, "mebibytes": 300.0}
TRIES = 3


def run() -> dict[str, float]:
    """The share of each limit that is used at the largest size."""
    found = {size: measured(size) for size in SIZES}
    for size, one in found.items():
        print(f"{size:,} samples: {', '.join(f'{name} {figure:.1f}' for name, figure in one.items())}", flush=True)
    most = found[SIZES[-1]]
    return {f"review.{name}_over_limit": most[name] / limit for name, limit in LIMITS.items()}


def measured(size: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench_review", str(size)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, float] = json.loads(done.stdout)
    return told


def main(size: int) -> None:
    from agent.status import status
    from tools.catalog import Catalog
    from tools.dataset.looking import draw_next, standing
    from tools.dataset.reviewing import approve, undo
    from tools.records import Project, Task, TaskField
    from ui.review import Looking, Table

    fields = tuple(TaskField(name=name) for name in ("name", "phone", "address", "email"))
    task = Task(kind="extraction", input_description="messages", fields=fields, language="en")
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(f"sqlite:///{folder}/catalog.sqlite", "local", Path(folder))
        project = catalog.add(Project(id="project-1", owner="local", slug="a", name="A", task=task))
        _fill(catalog, project.id, size)
        drawn = iter(draw_next(catalog, project, TRIES, "random"))

        def judge() -> None:
            """As the command does: the act, and what the draw then shows."""
            approve(catalog, project, [next(drawn).id])
            standing(catalog, project)

        open_table = Table(catalog)
        turns = iter(range(1, 10))

        figures = {
            "draw_ms": _least(lambda: Table(catalog).items(project, Looking(open=True), 0)),
            "last_page_ms": _least(lambda: Table(catalog).items(project, Looking(open=True, page=size), 0)),
            "judge_ms": _least(judge),
            "redraw_ms": _least(lambda: open_table.items(project, Looking(open=True), next(turns))),
            "undo_ms": _least(lambda: undo(catalog, project)),
            "status_ms": _least(lambda: status(catalog, project)),
            "words_ms": _least(lambda: Table(catalog).items(project, Looking(open=True, text="rare words"), 0)),
            "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        catalog.close()
    print(json.dumps(figures))


def _fill(catalog: "Catalog", project_id: str, size: int, batch: int = 500) -> None:
    """Samples of a generation, every second approved by the user, with a coverage table of ten cells."""
    from tools.records import Message, Sample

    draws = random.Random(size)
    answer = json.dumps({"name": "Ann Lee", "phone": None, "address": None, "email": None})
    for first in range(0, size, batch):
        made = []
        for number in range(first, min(first + batch, size)):
            words = " ".join(draws.choices(("order", "please", "street", "call", "tomorrow"), k=60))
            turns = (
                Message(role="system", content="Extract the contact."),
                Message(role="user", content=f"Ann Lee {words}"),
                Message(role="assistant", content=answer),
            )
            cell = {"topic": draws.choice("abcde"), "length": draws.choice(("short", "long"))}
            sample = Sample(
                id=f"sample-{number:012x}",
                owner="local",
                project_id=project_id,
                messages=turns,
                state="approved",
                source="teacher:big",
                cell=cell,
            )
            made.append(sample.but(looked_at=sample.created_at) if number % 2 else sample)
        catalog.add_all(made)


def _least(act: Callable[[], object]) -> float:
    """CPU milliseconds of the quickest of three."""
    found = []
    for _ in range(TRIES):
        started = time.process_time()
        act()
        found.append(1000 * (time.process_time() - started))
    return min(found)


if __name__ == "__main__":
    main(int(sys.argv[1]))

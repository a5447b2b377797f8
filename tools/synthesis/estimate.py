"""What a generation will cost and take, as ranges, before it is approved."""

import math

from tools.catalog import Catalog
from tools.records import Document, Estimate, Project
from tools.synthesis.making import Maker
from tools.synthesis.teacher import pick_teacher

_SIMULATED_PER_MINUTE = 6_000  # measured on 2 busy cores, catalog writes included
_REQUEST_SECONDS = (3.0, 20.0)


def estimate(catalog: Catalog, project: Project, count: int) -> Estimate:
    """Raises RetortError when the generation could not start: an incomplete task, no key, a field nobody can draw."""
    teacher = pick_teacher(project.task, f"{project.id}/estimate")
    what = f"{count:,} samples by {teacher.source}"
    documents = len(catalog.find(Document, project.id))
    maker = Maker(catalog, project, teacher, seed="estimate", state="draft")
    if not teacher.reads_documents:
        note = (
            f"The simulator does not read your {documents} documents; RETORT_TEACHER_MODEL names a teacher that does."
        )
        minutes = count / _SIMULATED_PER_MINUTE
        return Estimate(
            what=what,
            minutes_low=minutes,
            minutes_high=minutes * 4 + 0.1,
            device="cpu",
            notes=("The simulator costs nothing and asks no network.", *((note,) if documents else ())),
        )
    requests = math.ceil(count / teacher.samples_per_request)
    usage = teacher.expect(maker.request(0, 0, min(count, teacher.samples_per_request)))
    waves = math.ceil(requests / teacher.concurrency)
    return Estimate(
        what=what,
        usd_low=0.6 * requests * usage.usd,
        usd_high=2.5 * requests * usage.usd,
        minutes_low=waves * _REQUEST_SECONDS[0] / 60,
        minutes_high=waves * _REQUEST_SECONDS[1] / 60,
        notes=(
            f"{requests:,} requests at your prices per token, guessed from the length of one; nothing was sent yet.",
        ),
    )

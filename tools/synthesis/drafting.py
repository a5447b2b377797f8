"""A few samples at once, for the user to judge before anything bigger is approved."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Project, Sample
from tools.synthesis.making import Maker
from tools.synthesis.teacher import pick_teacher
from tools.synthesis.teaching import Teacher

ROUNDS = 4  # requests until a draft gives up


def draft(catalog: Catalog, project: Project, count: int, like: Sample | None = None) -> list[Sample]:
    """Write and store up to `count` new samples as drafts, resembling `like` if given.

    Raises RetortError when not a single usable sample came.
    """
    number = sum(catalog.count(Sample, project.id).values())
    seed = f"{project.id}/draft/{number}"
    teacher = pick_teacher(project.task, seed, like)
    maker = Maker(catalog, project, teacher, seed=seed, state="draft", like=like)
    # A thread of its own: the caller may be inside an event loop already.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _drafted(maker, teacher, count)).result()


async def _drafted(maker: Maker, teacher: Teacher, count: int) -> list[Sample]:
    good: list[Sample] = []
    reason = ""
    first = 0
    try:
        for number in range(ROUNDS + count // teacher.samples_per_request):
            request = maker.request(number, first, min(count - len(good), teacher.samples_per_request))
            first += request.count
            kept = maker.keep(request, await teacher.answer(request), count - len(good))
            good += kept.good
            reason = reason or kept.reason
            if len(good) == count:
                break
    finally:
        await teacher.close()
    if not good:
        raise RetortError(
            f"No usable sample came from {teacher.source}: {reason or 'its reply was empty'}.",
            "Describe the task in more detail, give an example, or choose another teacher with RETORT_TEACHER_MODEL.",
        )
    return good

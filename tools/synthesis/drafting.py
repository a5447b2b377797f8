"""A few samples at once, for the user to judge before anything bigger is approved."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Project, Sample, SynthesisOrder
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.estimate import estimate
from tools.synthesis.making import Kept, Maker
from tools.synthesis.teacher import pick_teachers

BARREN_ANSWERS = 4  # until a draft gives up
SILENCE_S, MOST_MINUTES = 20.0, 3.0  # somebody is waiting


def draft(catalog: Catalog, project: Project, count: int, like: Sample | None = None) -> list[Sample]:
    """Write and store up to `count` new samples as drafts, resembling `like` if given, for at most the estimate.

    Raises RetortError when not a single usable sample came.
    """
    if like is not None and like.real:
        raise RetortError("A real message is sealed: nothing is written like it.", "Name another sample.")
    number = sum(catalog.count(Sample, project.id).values())
    seed = f"{project.id}/draft/{number}"
    teachers = pick_teachers(project.task, seed, like)
    maker = Maker(catalog, project, teachers[0], seed=seed, state="draft", like=like, count=count)
    most_usd = estimate(catalog, project, count).usd_high
    order = SynthesisOrder(count=count, max_usd=most_usd, max_minutes=MOST_MINUTES)
    good: list[Sample] = []
    reasons: list[str] = []
    bill = Bill()

    def stored(kept: Kept) -> None:
        good.extend(kept.good)
        reasons.extend([kept.reason] if kept.reason else [])

    engine = Engine(
        teachers, maker, order, bill, barren_answers=BARREN_ANSWERS, silence_s=SILENCE_S, stored=stored
    )  # fmt: skip
    # A thread of its own: the caller may be inside an event loop already.
    with ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(asyncio.run, engine.run()).result()
        except Stopped as stopped:
            reasons.append(str(stopped))
        except RetortError:
            if not bill.answers:
                raise  # the endpoint's own words
    if not good:
        raise RetortError(
            f"No usable sample came from {engine.sources}: {reasons[0]}.",
            bill.advice or "Describe the task in more detail, give an example, or choose another RETORT_TEACHER_MODEL.",
        )
    return good

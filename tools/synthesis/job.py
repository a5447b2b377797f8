"""The generate job: an order, the engine that fulfils it, and the bill."""

import asyncio
import time

from tools.jobs import Stopped, Work
from tools.records import Document, SynthesisOrder
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.making import Kept, Maker
from tools.synthesis.teacher import pick_teacher


def run(work: Work) -> str:
    """Make `order.count` good samples in this job; a resumed job goes on from the answers it already stored.

    Raises Stopped when asked to stop or when money or minutes are used up, RetortError when the teacher cannot go on.
    """
    order = work.job.order
    if not isinstance(order, SynthesisOrder):
        raise TypeError(f"{work.job.id} is no synthesis order but {order.kind}")
    started = time.monotonic()
    seed = f"{work.project.id}/{work.job.id}"
    teacher = pick_teacher(work.project.task, seed)
    maker = Maker(
        work.catalog,
        work.project,
        teacher,
        seed=seed,
        state="approved",
        job_id=work.job.id,
        aim=order.aim,
        care=order.care,
    )
    bill = Bill.of_job(work.catalog, work.project.id, work.job.id)

    def report(_kept: Kept | None = None) -> None:
        work.report(min(bill.good, order.count), order.count, "samples", "; ".join([*bill.losses, *bill.costs[-1:]]))

    async def fulfil() -> None:
        await Engine(teacher, maker, order, bill, should_stop=work.should_stop, stored=report).run()

    report()
    try:
        asyncio.run(fulfil())
    except Stopped as stopped:
        raise Stopped(
            f"{stopped}. {bill.good} of {order.count} samples are made and kept{_told(bill, started)}; "
            f"{'approve a new generation for more' if 'limit of $' in str(stopped) else 'resume goes on from there'}."
        ) from None
    text = f"{bill.good} samples by {teacher.source} are ready{_told(bill, started)}."
    if not teacher.reads_documents and work.catalog.find(Document, work.project.id, newest=1):
        text += " The simulator did not read your documents; RETORT_TEACHER_MODEL names a teacher that does."
    return text


def _told(bill: Bill, started: float) -> str:
    """The bill in brackets."""
    parts = [*bill.losses, *bill.costs]
    if bill.calls:
        parts.append(f"{(time.monotonic() - started) / 60:.1f} min")
    return f" ({', '.join(parts)})" if parts else ""

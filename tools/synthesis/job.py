"""The generate job: an order, the engine that fulfils it, and the bill."""

import asyncio
import time

from tools.jobs import Stopped, Work
from tools.records import Document, SynthesisOrder
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.making import Kept, Maker
from tools.synthesis.teacher import pick_teachers


def run(work: Work) -> str:
    """Make `order.count` good samples in this job; a resumed job goes on from the answers it already stored.

    Raises Stopped when asked to stop or when money or minutes are used up, RetortError when the teacher cannot go on.
    """
    order = work.job.order
    if not isinstance(order, SynthesisOrder):
        raise TypeError(f"{work.job.id} is no synthesis order but {order.kind}")
    started = time.monotonic()
    seed = f"{work.project.id}/{work.job.id}"
    teachers = pick_teachers(work.project.task, seed)
    teacher = teachers[0]
    maker = Maker(
        work.catalog,
        work.project,
        teacher,
        seed=seed,
        state="approved",
        job_id=work.job.id,
        aim=order.aim,
        care=order.care,
        count=order.count,
    )
    bill = Bill.of_job(work.catalog, work.project.id, work.job.id)

    def report(_kept: Kept | None = None) -> None:
        told = [*engine.retries, *bill.losses, *engine.losses, *maker.yields.told, *bill.costs[-1:]]
        work.report(min(bill.good, order.count), order.count, "samples", "; ".join(told))

    def aside() -> str:
        return "".join(f" {line[:1].upper()}{line[1:]}." for line in (*maker.yields.told, *engine.losses))

    engine = Engine(teachers, maker, order, bill, should_stop=work.should_stop, stored=report, retrying=report)
    report()
    try:
        asyncio.run(engine.run())
    except Stopped as stopped:
        spent = "limit of $" in str(stopped)
        more = "approve a new generation to get more" if spent else "say 'resume' to continue from there"
        raise Stopped(
            f"{stopped}. {bill.good} of {order.count} samples are made and kept{_told(bill, started)}; {more}.{aside()}"
        ) from None
    text = f"{bill.good} samples by {engine.sources} are ready{_told(bill, started)}.{aside()}"
    if not teacher.reads_documents and work.catalog.find(Document, work.project.id, newest=1):
        text += " The simulator did not read your documents; set RETORT_TEACHER_MODEL to use a teacher that does."
    return text


def _told(bill: Bill, started: float) -> str:
    """The bill in brackets."""
    parts = [*bill.losses, *bill.costs]
    if bill.calls:
        parts.append(f"{(time.monotonic() - started) / 60:.1f} min")
    return f" ({', '.join(parts)})" if parts else ""

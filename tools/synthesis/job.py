"""The generate job: slots refilled as they free, samples stored before they count, hard stops on money and futility."""

import asyncio

from tools.errors import RetortError
from tools.jobs import Stopped, Work
from tools.records import Document, Expense, SynthesisOrder
from tools.synthesis.making import Maker
from tools.synthesis.teacher import pick_teacher
from tools.synthesis.teaching import Teacher, TeacherReply, TeacherRequest

BARREN_REPLIES = 12  # in a row without one new good sample: the teacher has run dry
UNMEASURED_FACTOR, MEASURED_FACTOR = 2.5, 1.25  # how much dearer than expected, or than the dearest yet, one may be
GRACE_S = 8.0  # replies under way are paid for, so a stopping job waits a little for them


def run(work: Work) -> str:
    """Make `order.count` good samples in this job; a resumed job counts those it already stored.

    Raises Stopped when asked to stop or when the money is spent, RetortError when the teacher cannot go on.
    """
    order = work.job.order
    if not isinstance(order, SynthesisOrder):
        raise TypeError(f"{work.job.id} is no synthesis order but {order.kind}")
    seed = f"{work.project.id}/{work.job.id}"
    teacher = pick_teacher(work.project.task, seed)
    maker = Maker(work.catalog, work.project, teacher, seed=seed, state="approved", job_id=work.job.id)
    return asyncio.run(_worked(Shift(work, order, teacher, maker), teacher))


class Shift:
    """The job's counts, and the decisions that hang on them."""

    def __init__(self, work: Work, order: SynthesisOrder, teacher: Teacher, maker: Maker) -> None:
        self.work = work
        self.order = order
        self.teacher = teacher
        self.maker = maker
        self.good = sum(sample.state != "rejected" for sample in maker.own)
        self.rejected = len(maker.own) - self.good
        self.duplicates = 0
        self.unusable = 0
        self.barren = 0
        self.last_reason = ""
        spent = [one for one in work.catalog.find(Expense, work.project.id) if one.job_id == work.job.id]
        self.usd = sum(one.usd for one in spent)
        self.dearest_usd = 0.0  # of the requests answered so far
        self.reserve_usd = 0.0  # set aside for each request under way
        # Duplicates are not stored, so the stream stands here or a little later; what comes again is dropped.
        self.first = len(maker.own)
        self.number = self.first // teacher.samples_per_request

    def next_request(self, under_way: list[TeacherRequest]) -> TeacherRequest | None:
        """The next request, or None while enough is under way."""
        free = not self.teacher.reads_documents
        missing = self.order.count - self.good - (0 if free else sum(request.count for request in under_way))
        if missing <= 0 or len(under_way) >= self.teacher.concurrency:
            return None
        count = self.teacher.samples_per_request if free else min(missing, self.teacher.samples_per_request)
        request = self.maker.request(self.number, self.first, count)
        if not self._affordable(request, len(under_way)):
            return None
        self.number += 1
        self.first += count
        return request

    def _affordable(self, request: TeacherRequest, under_way: int) -> bool:
        """Whether the money lasts even if this request and all under way turn out dear."""
        if not self.dearest_usd:
            self.reserve_usd = self.teacher.expect(request).usd * UNMEASURED_FACTOR
        return self.reserve_usd == 0 or self.usd + self.reserve_usd * (under_way + 1) <= self.order.max_usd

    def keep(self, request: TeacherRequest, reply: TeacherReply) -> None:
        kept = self.maker.keep(request, reply, max(0, self.order.count - self.good))
        self.usd += reply.usage.usd
        self.dearest_usd = max(self.dearest_usd, reply.usage.usd)
        self.reserve_usd = self.dearest_usd * MEASURED_FACTOR or self.reserve_usd
        self.good += len(kept.good)
        self.rejected += len(kept.rejected)
        self.duplicates += kept.duplicates
        self.unusable += bool(kept.problem)
        self.last_reason = kept.reason or self.last_reason
        self.barren = 0 if kept.good else self.barren + 1
        self.work.report(self.good, self.order.count, "samples", f"{self.rejected} rejected" if self.rejected else "")

    @property
    def done(self) -> bool:
        return self.good >= self.order.count

    def give_up_if_dry(self) -> None:
        if self.barren >= BARREN_REPLIES and not self.done:
            raise RetortError(
                f"{self.teacher.source} gave nothing new in its last {self.barren} replies ({self.last_reason}); "
                f"{self.good} of {self.order.count} samples are made and kept.",
                "Go on with these, give more or other examples, or describe the task more widely; then generate again.",
            )

    def out_of_money(self) -> Stopped:
        return Stopped(
            f"Stopped at the limit of ${self.order.max_usd:.2f}: ${self.usd:.4f} is spent and a request may take "
            f"${self.reserve_usd:.4f}. {self.good} of {self.order.count} samples are made and kept; "
            "approve a new generation for more."
        )

    def summary(self) -> str:
        asides = [
            f"{self.rejected} failed the checks" if self.rejected else "",
            f"{self.duplicates} were duplicates" if self.duplicates else "",
            f"{self.unusable} replies were unusable" if self.unusable else "",
            f"${self.usd:.4f} spent" if self.usd else "",
        ]
        aside = ", ".join(part for part in asides if part)
        text = f"{self.good} samples by {self.teacher.source} are ready{f' ({aside})' if aside else ''}."
        if not self.teacher.reads_documents and self.work.catalog.find(Document, self.work.project.id):
            text += " The simulator did not read your documents; RETORT_TEACHER_MODEL names a teacher that does."
        return text


async def _worked(shift: Shift, teacher: Teacher) -> str:
    slots: dict[asyncio.Task[TeacherReply], TeacherRequest] = {}
    shift.work.report(shift.good, shift.order.count, "samples")
    try:
        while not shift.done:
            if shift.work.should_stop():
                await _land(shift, slots)
                raise Stopped(f"Stopped with {shift.good} of {shift.order.count} samples; resume goes on from there.")
            while request := shift.next_request(list(slots.values())):
                slots[asyncio.create_task(teacher.answer(request))] = request
            if not slots:
                raise shift.out_of_money()
            # A signal does not wake the loop, so it looks up twice a second.
            finished, _ = await asyncio.wait(slots, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                shift.keep(slots.pop(task), task.result())
            shift.give_up_if_dry()
    except RetortError:
        await _land(shift, slots)
        raise
    finally:
        for task in slots:
            task.cancel()
        await asyncio.gather(*slots, return_exceptions=True)
        await teacher.close()
    return shift.summary()


async def _land(shift: Shift, slots: dict[asyncio.Task[TeacherReply], TeacherRequest]) -> None:
    """Store the replies that arrive within the grace; they are paid for."""
    if not slots:
        return
    finished, _ = await asyncio.wait(slots, timeout=GRACE_S)
    for task in finished:
        request = slots.pop(task)
        if task.exception() is None:
            shift.keep(request, task.result())

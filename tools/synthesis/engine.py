"""The engine: a slot refills the moment it frees, retries wait beside the slots, and only what is stored counts.

A slot is one request from its sending until its samples are durable, so a kill loses what is in the slots and no more.
Answers that arrive while one transaction is being written share the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import ScreeningOrder, SynthesisOrder
from tools.synthesis.bill import Bill
from tools.synthesis.budget import Budget, OutOfMoney
from tools.synthesis.limiter import Limiter
from tools.synthesis.making import Finished, Kept
from tools.synthesis.retrying import SILENCE_S, hopeless, insist
from tools.synthesis.teaching import Passing, Reply, Teacher, TeacherRequest, Unusable, Usage

BARREN_ANSWERS = 12  # in a row without one new good sample: the teacher has run dry
GRACE_S = 8.0  # answers under way are paid for, so a stopping job waits a little for them
GRACE_SHARE = 0.1  # of a time limit


class Source(Protocol):
    """What to ask next, and what to keep of what came."""

    done: str  # what was done to samples: made, judged
    when_barren: str  # what a person can do when nothing more comes

    def request(self, number: int, count: int) -> TeacherRequest: ...

    def keep(self, some: Sequence[Finished], limit: int) -> list[Kept]: ...

    def pay(self, usages: Sequence[Usage]) -> None: ...


class Engine:
    """Drives one teacher through one order. `bill` tells at any moment what is stored."""

    def __init__(
        self,
        teacher: Teacher,
        maker: Source,
        order: SynthesisOrder | ScreeningOrder,
        bill: Bill,
        *,
        barren_answers: int = BARREN_ANSWERS,
        silence_s: float = SILENCE_S,
        second_s: float = 1.0,
        should_stop: Callable[[], bool] = lambda: False,
        stored: Callable[[Kept], None] = lambda _kept: None,
    ) -> None:
        """`stored` is told of everything stored, from a thread; `second_s` makes waits shorter in tests."""
        self.teacher = teacher
        self.maker = maker
        self.order = order
        self.bill = bill
        self.barren_answers = barren_answers
        self.silence_s = silence_s
        self.second_s = second_s
        self.should_stop = should_stop
        self.stored = stored
        self.limiter = Limiter(teacher.concurrency, second_s)
        self.budget = Budget(order.max_usd, bill.usage.usd)
        self._slots: dict[asyncio.Task[None], TeacherRequest] = {}
        self._resting = 0  # slots that wait to try again
        self._asked = 0  # samples that the slots were asked for
        self._failure: BaseException | None = None
        self._unbooked: list[Usage] = []
        self._unstored: list[Finished] = []
        self._store_turn = asyncio.Lock()
        self._storing: asyncio.Future[None] | None = None
        self._changed = asyncio.Event()
        self._ends_at = time.monotonic() + order.max_minutes * 60 if order.max_minutes else float("inf")

    async def run(self) -> None:
        """Until the order's count is stored.

        Raises Stopped when asked to, or when the money or the minutes are used up; RetortError when the teacher
        cannot go on. What was stored by then stays.
        """
        try:
            while self.bill.done < self.order.count:
                self._need_hope()
                self._launch()
                await self._next_change()
        except (RetortError, Stopped):
            await self._land()
            raise
        finally:
            await self._close()

    # --- the loop ---

    def _need_hope(self) -> None:
        """Raise what ends the job early."""
        if self.should_stop():
            raise Stopped("Stopped as asked")
        if time.monotonic() >= self._ends_at - self._grace_s():
            raise Stopped(f"Stopped at the limit of {self.order.max_minutes:g} minutes")
        if isinstance(self._failure, OutOfMoney):
            raise Stopped(f"Stopped at the limit of ${self.order.max_usd:.2f}: {self._failure}")
        if self._failure is not None:
            raise self._failure
        if error := hopeless(self.limiter, self.silence_s):
            raise error
        if self.bill.barren >= self.barren_answers:
            raise RetortError(
                f"{self.teacher.source} gave nothing new in its last {self.bill.barren} replies "
                f"({self.bill.last_reason}); {self.bill.done} of {self.order.count} samples are "
                f"{self.maker.done} and kept.",
                self.maker.when_barren,
            )

    def _launch(self) -> None:
        """Fill every free slot. Whoever rests takes none, but there is an end to how many may rest."""
        while (
            len(self._slots) - self._resting < int(self.limiter.limit)
            and len(self._slots) < 2 * self.teacher.concurrency
            and (count := self._wanted()) > 0
        ):
            request = self.maker.request(self.bill.next_number(), count)
            task = asyncio.create_task(self._slot(request))
            self._slots[task] = request
            self._asked += request.count  # the source may ask for fewer
            task.add_done_callback(self._freed)

    def _wanted(self) -> int:
        """Samples to ask for in one more request; none while those under way may be enough."""
        whole = self.teacher.samples_per_request
        if not self.teacher.reads_documents:  # the simulator's stream is numbered by whole requests, and costs nothing
            return whole if self.bill.done < self.order.count else 0
        return min(whole, self.order.count - self.bill.done - self._asked)

    def _freed(self, task: asyncio.Task[None]) -> None:
        self._asked -= self._slots.pop(task).count
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self._changed.set()

    async def _next_change(self) -> None:
        """A signal does not wake the loop, so it looks up twice a second."""
        timer = asyncio.get_running_loop().call_later(0.5, self._changed.set)
        await self._changed.wait()
        self._changed.clear()
        timer.cancel()

    # --- one slot ---

    async def _slot(self, request: TeacherRequest) -> None:
        started = time.monotonic()
        usages: list[Usage] = []

        async def gate(attempt: Callable[[], Awaitable[Reply]], most_usd: float) -> str:
            return await self._answered(attempt, most_usd, usages)

        told: dict[str, object] = {}
        try:
            told["samples"] = await self.teacher.answer(request, gate)
        except Unusable as unusable:
            told = {"state": unusable.reason, "problem": unusable.problem, "text": unusable.text}
        except Passing as trouble:
            told = {"state": "failed", "problem": trouble.problem}
        except BaseException:
            self._unbooked += usages
            raise
        whole = sum(usages, Usage())
        seconds = time.monotonic() - started
        await self._store(
            Finished.model_validate(
                {"request": request, "usage": whole, "calls": len(usages), "seconds": seconds, **told}
            )
        )

    async def _answered(self, attempt: Callable[[], Awaitable[Reply]], most_usd: float, usages: list[Usage]) -> str:
        async with self.budget.held(most_usd):
            reply = await insist(self.limiter, attempt, self._rest)
            self.budget.pay(reply.usage.usd)
            usages.append(reply.usage)
            if reply.unusable is not None:
                raise reply.unusable
            return reply.text

    @contextmanager
    def _rest(self) -> Iterator[None]:
        self._resting += 1
        self._changed.set()
        try:
            yield
        finally:
            self._resting -= 1

    # --- what is stored ---

    async def _store(self, finished: Finished) -> None:
        """Return when it is durable. The first in line writes for all who wait by then."""
        self._unstored.append(finished)
        async with self._store_turn:
            if self._unstored:
                some, self._unstored = self._unstored, []
                self._storing = asyncio.ensure_future(asyncio.to_thread(self._write, some))
                await asyncio.shield(self._storing)  # a stop does not interrupt the count of what is written

    def _write(self, some: list[Finished]) -> None:
        for kept in self.maker.keep(some, self.order.count - self.bill.done):
            self.bill.add(kept)
            self.stored(kept)

    # --- the end ---

    def _grace_s(self) -> float:
        return min(GRACE_S, GRACE_SHARE * self.order.max_minutes * 60) if self.order.max_minutes else GRACE_S

    async def _land(self) -> None:
        """Store the answers that arrive within the grace; those who only wait for their turn are let go."""
        self.limiter.close()
        ends_at = time.monotonic() + self._grace_s()
        while self._slots and time.monotonic() < ends_at:
            if not self.limiter.active and not self._store_turn.locked():
                return
            await self._next_change()

    async def _close(self) -> None:
        self.bill.dropped = self.limiter.active
        for task in self._slots:
            task.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        if self._storing is not None:
            await asyncio.gather(self._storing, return_exceptions=True)
        if self._unstored:  # answered, and cancelled while it stood in line
            self._write(self._unstored)
        if self._unbooked:
            self.maker.pay(self._unbooked)
            self._unbooked.clear()
        await self.teacher.close()

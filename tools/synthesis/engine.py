"""The engine: a slot refills the moment it frees, retries wait beside the slots, and only what is stored counts.

A slot is one request from its sending until its samples are durable, so a kill loses what is in the slots and no more.
Answers that arrive while one transaction is being written share the next.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import ScreeningOrder, SynthesisOrder
from tools.synthesis.bill import Bill
from tools.synthesis.line import Line, roomiest
from tools.synthesis.making import Finished, Kept
from tools.teacher.budget import Budget, OutOfMoney
from tools.teacher.limiter import SILENCE_S, Again, insist
from tools.teacher.protocol import Passing, Reply, Teacher, TeacherRequest, Unusable, Usage

BARREN_ANSWERS = 12  # in a row without one new good sample: the teacher has run dry
GRACE_S = 8.0  # answers under way are paid for, so a stopping job waits a little for them
GRACE_SHARE = 0.1  # of a time limit


class Source(Protocol):
    """What to ask next, and what to keep of what came."""

    done: str  # what was done to samples: made, judged
    when_barren: str  # what a person can do when nothing more comes

    def request(self, number: int, count: int, teacher: Teacher | None = None) -> TeacherRequest: ...

    def keep(self, some: Sequence[Finished], limit: int) -> list[Kept]: ...

    def pay(self, usages: Sequence[Usage], source: str) -> None: ...


class Engine:
    """Drives teachers through one order: each takes what it has room for. `bill` tells at any moment what is stored."""

    def __init__(
        self,
        teachers: Sequence[Teacher],
        maker: Source,
        order: SynthesisOrder | ScreeningOrder,
        bill: Bill,
        *,
        barren_answers: int = BARREN_ANSWERS,
        silence_s: float = SILENCE_S,
        second_s: float = 1.0,
        should_stop: Callable[[], bool] = lambda: False,
        stored: Callable[[Kept], None] = lambda _kept: None,
        retrying: Callable[[], None] = lambda: None,
    ) -> None:
        """`stored` is told of everything stored, from a thread, `retrying` of each request that waits to be asked again
        (`retries` says which); `second_s` makes waits shorter in tests."""
        self.lines = [Line(teacher, second_s) for teacher in teachers]
        self.maker = maker
        self.order = order
        self.bill = bill
        self.barren_answers = barren_answers
        self.silence_s = silence_s
        self.second_s = second_s
        self.should_stop = should_stop
        self.stored = stored
        self.retrying = retrying
        self.budget = Budget(order.max_usd, bill.usage.usd)
        self._slots: dict[asyncio.Task[None], TeacherRequest] = {}
        self._asked = 0  # samples that the slots were asked for
        self._failure: BaseException | None = None
        self._unbooked: list[tuple[Usage, str]] = []
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
            raise Stopped("Stopped as you asked")
        if time.monotonic() >= self._ends_at - self._grace_s():
            raise Stopped(f"Stopped at the limit of {self.order.max_minutes:g} minutes")
        if isinstance(self._failure, OutOfMoney):
            raise Stopped(f"Stopped at the limit of ${self.order.max_usd:.2f}: {self._failure}")
        if self._failure is not None:
            raise self._failure
        for line in self.lines:
            line.let_go()
            if not line.lost and (error := line.hopeless(self.silence_s, alone=len(self._going) == 1)):
                line.lose(error)
        if not self._going:
            raise next(line.lost for line in self.lines[::-1] if line.lost)
        if self.bill.barren >= self.barren_answers:
            raise RetortError(
                f"{self.sources} gave nothing new in its last {self.bill.barren} replies "
                f"({self.bill.last_reason}); {self.bill.done} of {self.order.count} samples are "
                f"{self.maker.done} and kept.",
                self.bill.advice or self.maker.when_barren,
            )

    @property
    def sources(self) -> str:
        """All teachers, as samples tell them."""
        return ", ".join(dict.fromkeys(line.teacher.source for line in self.lines))

    @property
    def losses(self) -> list[str]:
        """The teachers that could not go on, with their own words."""
        return [f"{line.teacher.source} was left out: {line.lost.problem}" for line in self.lines if line.lost]

    @property
    def retries(self) -> list[str]:
        """Of each teacher that is asked again, how often by now and why."""
        return [told for line in self.lines if (told := line.again)]

    @property
    def _going(self) -> list[Line]:
        return [line for line in self.lines if not line.lost]

    def _launch(self) -> None:
        """Fill every free slot."""
        while (line := roomiest(self._going)) and (count := self._wanted(line.teacher)) > 0:
            request = self.maker.request(self.bill.next_number(), count, line.teacher)
            task = asyncio.create_task(self._slot(request, line))
            self._slots[task] = request
            line.slots.add(task)
            self._asked += request.count  # the source may ask for fewer
            task.add_done_callback(partial(self._freed, line))

    def _wanted(self, teacher: Teacher) -> int:
        """Samples to ask for in one more request; none while those under way may be enough."""
        whole = teacher.samples_per_request
        if not teacher.reads_documents:  # the simulator's stream is numbered by whole requests, and costs nothing
            return whole if self.bill.done < self.order.count else 0
        return min(whole, self.order.count - self.bill.done - self._asked)

    def _freed(self, line: Line, task: asyncio.Task[None]) -> None:
        self._asked -= self._slots.pop(task).count
        line.slots.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, RetortError) and len(self._going) > 1 and not line.lost:
                line.lose(error)
            elif not line.lost:
                self._failure = self._failure or error
        self._changed.set()

    async def _next_change(self) -> None:
        """A signal does not wake the loop, so it looks up twice a second."""
        timer = asyncio.get_running_loop().call_later(0.5, self._changed.set)
        await self._changed.wait()
        self._changed.clear()
        timer.cancel()

    # --- one slot ---

    async def _slot(self, request: TeacherRequest, line: Line) -> None:
        started = time.monotonic()
        usages: list[Usage] = []

        async def gate(attempt: Callable[[], Awaitable[Reply]], most_usd: float) -> str:
            return await self._answered(line, attempt, most_usd, usages)

        told: dict[str, object] = {}
        try:
            told["samples"] = await line.teacher.answer(request, gate)
        except Unusable as unusable:
            told = {"state": unusable.reason, "problem": unusable.problem, "text": unusable.text}
        except Passing as trouble:
            told = {"state": "failed", "problem": trouble.problem}
        except BaseException:
            self._unbooked += [(usage, line.teacher.source) for usage in usages]
            raise
        whole = sum(usages, Usage())
        seconds = time.monotonic() - started
        await self._store(
            Finished.model_validate(
                {"request": request, "usage": whole, "calls": len(usages), "seconds": seconds, **told}
            )
        )

    async def _answered(
        self, line: Line, attempt: Callable[[], Awaitable[Reply]], most_usd: float, usages: list[Usage]
    ) -> str:
        async with self.budget.held(most_usd):
            paid = partial(self.budget.paid, attempt, most_usd, usages.append)
            reply = await insist(line.limiter, paid, lambda again: self._rest(line, again))
            if reply.unusable is not None:
                raise reply.unusable
            return reply.text

    @contextmanager
    def _rest(self, line: Line, again: Again) -> Iterator[None]:
        with line.rest(again):
            self._changed.set()
            self.retrying()
            yield

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
        for line in self.lines:
            line.limiter.close()
        ends_at = time.monotonic() + self._grace_s()
        while self._slots and time.monotonic() < ends_at:
            if not any(line.limiter.active for line in self.lines) and not self._store_turn.locked():
                return
            await self._next_change()

    async def _close(self) -> None:
        self.bill.dropped += sum(line.limiter.active for line in self.lines)
        for task in self._slots:
            task.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        if self._storing is not None:
            await asyncio.gather(self._storing, return_exceptions=True)
        if self._unstored:  # answered, and cancelled while it stood in line
            self._write(self._unstored)
        for line in self.lines:
            if usages := [usage for usage, source in self._unbooked if source == line.teacher.source]:
                self.maker.pay(usages, line.teacher.source)
            self._unbooked = [one for one in self._unbooked if one[1] != line.teacher.source]
            await line.teacher.close()

"""One teacher of a job: the requests that it has under way, how many more it can take, and why it takes none now."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tools.errors import RetortError
from tools.teacher.limiter import SILENCE_S, UNPROVEN_SILENCE_S, Again, Limiter, hopeless
from tools.teacher.protocol import Teacher


class Line:
    """A slot is one request from its sending until its samples are durable."""

    def __init__(self, teacher: Teacher, second_s: float) -> None:
        self.teacher = teacher
        self.limiter = Limiter(teacher.concurrency, second_s)
        self.slots: set[asyncio.Task[None]] = set()
        self._resting: list[Again] = []  # slots that wait to try again
        self.lost: RetortError | None = None  # why this teacher cannot go on

    @property
    def room(self) -> int:
        """Requests that it can take now. Whoever rests takes no place, but there is an end to how many may rest."""
        if self.lost or len(self.slots) >= 2 * self.teacher.concurrency:
            return 0
        return int(self.limiter.limit) - len(self.slots) + self.resting

    def hopeless(self, silence_s: float = SILENCE_S, *, alone: bool) -> RetortError | None:
        """The endpoint's own words when it was silent for too long, which is sooner where others can do its work."""
        return hopeless(self.limiter, silence_s if alone else min(silence_s, UNPROVEN_SILENCE_S))

    def lose(self, error: RetortError) -> None:
        """Nothing more is sent to this teacher; the others are asked instead."""
        self.lost = error
        self.limiter.close()

    def let_go(self) -> None:
        """Once the lost teacher's last answers are there, or overdue, those who wait for their turn wait in vain."""
        if self.lost and not self.limiter.active:
            for task in self.slots:
                task.cancel()

    @property
    def resting(self) -> int:
        """Slots that wait to try again."""
        return len(self._resting)

    @property
    def again(self) -> str:
        """That requests are asked again, for the how manieth time at most, and why; empty while none is."""
        if not self._resting:
            return ""
        most = max(self._resting, key=lambda one: one.number)
        return f"asking {self.teacher.source} again, {most.told}"

    @contextmanager
    def rest(self, again: Again) -> Iterator[None]:
        self._resting.append(again)
        try:
            yield
        finally:
            self._resting.remove(again)


def roomiest(lines: list[Line]) -> Line | None:
    """Who can take the next request: of those that answer, the one with the most room for its size."""
    answering = [one for one in lines if not one.limiter.broken] or lines
    open_ = [one for one in answering if one.room > 0]
    return max(open_, key=lambda one: one.room / one.teacher.concurrency, default=None)

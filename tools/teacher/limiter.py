"""How many requests may be under way: additive up, multiplicative down, and a breaker that probes a silent endpoint."""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from tools.errors import RetortError
from tools.teacher.protocol import Passing, Reply

STEPS = 16  # rounds of success that lead from one request to the whole concurrency
CUT, SLOWER_CUT = 0.5, 0.8  # on a refusal; on latency alone, which says less
SLOWER = 2.0  # times the usual latency that count as overload; 5 sigma of a window of 32 at lognormal sigma 0.8
WINDOW = 32  # answers, at least, whose typical latency is compared
FORGET = 1.1  # a window: what is usual drifts towards what is
PACE_AFTER, BREAK_AFTER = 2, 5  # troubles in a row: of what was sent since the first, nothing was taken
TAKEN = 2.0  # times the slowest trouble's time under way, and at least a pace: by then it would have been refused
PACE_S, LONGEST_PACE_S = 1.0, 10.0  # between sends after a trouble; a broken endpoint is asked ever less often
LONGEST_WAIT_S = 60.0  # of a Retry-After that is honoured


class Limiter:
    """A place for each request under way. `enter`, then exactly one of `answered`, `troubled` and `leave`.

    Answers to what was sent before a streak of troubles say nothing about the endpoint of now, so they do not end it:
    an endpoint that begins to refuse all still answers, for a while, what it had taken before.
    """

    def __init__(self, most: int, second_s: float = 1.0) -> None:
        """`second_s` is the length of the limiter's second: tests make it shorter."""
        self.most = most
        self.limit = float(most)  # what the user set; a refused burst costs nothing and is halved at once
        self.second_s = second_s
        self.last_trouble: Passing | None = None
        self.proven = False  # whether anything was ever answered
        self._under_way: list[float] = []  # moments of sending
        self._step = max(1.0, most / STEPS)
        self._streak = 0
        self._streak_from = 0.0  # what was sent from then on can end it
        self._slowest_s = 0.0  # of the streak's troubles
        self._pace_s = PACE_S
        self._cut_at = 0.0
        self._closed = False
        self._sent_at = -math.inf
        self._not_before = 0.0
        self._good_at = self.now()
        self._logs: list[float] = []
        self._usual: float | None = None
        self._waiting: deque[asyncio.Future[float]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return time.monotonic() / self.second_s

    @property
    def active(self) -> int:
        """Requests under way."""
        return len(self._under_way)

    @property
    def broken(self) -> bool:
        return self._streak >= BREAK_AFTER

    @property
    def silent_s(self) -> float:
        """Seconds since the last answer, while the breaker is open."""
        return self.now() - self._good_at if self.broken else 0.0

    async def enter(self) -> float:
        """Wait for a place, in order of arrival; the moment of sending."""
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(turn.result())
            raise

    def close(self) -> None:
        """Nobody enters any more; those inside may finish."""
        self._closed = True

    def leave(self, sent_at: float) -> None:
        self._under_way.remove(sent_at)
        self._admit()

    def answered(self, sent_at: float) -> None:
        now = self.now()
        self.proven = True
        self._good_at = now
        if sent_at >= self._streak_from:
            self._end_streak()
        if self.active >= self.limit / 2:  # else the limit was not what held us back
            self.limit = min(self.most, self.limit + self._step / self.limit)
        self._logs.append(math.log(max(now - sent_at, 1e-6)))
        if len(self._logs) >= max(WINDOW, self.limit):
            self._weigh(sum(self._logs) / len(self._logs))
        self.leave(sent_at)

    def troubled(self, sent_at: float, trouble: Passing) -> None:
        now = self.now()
        self.last_trouble = trouble
        self._lengthen_streak(sent_at, now)
        if trouble.cause != "failed":
            self._cut(CUT, sent_at)
        if trouble.retry_after_s is not None:
            self._not_before = max(self._not_before, now + min(trouble.retry_after_s, LONGEST_WAIT_S))
        self.leave(sent_at)

    def _lengthen_streak(self, sent_at: float, now: float) -> None:
        """An open breaker asks for an answer to what was sent after it opened, and probes ever less often."""
        if not self._streak:
            self._streak_from = sent_at
        if sent_at < self._streak_from:
            return
        self._slowest_s = max(self._slowest_s, now - sent_at)
        if self.broken:
            self._pace_s = min(2 * self._pace_s, LONGEST_PACE_S)
        self._streak += 1
        if self._streak == BREAK_AFTER:
            self._streak_from = now

    def _end_streak(self) -> None:
        self._streak, self._slowest_s, self._pace_s, self._not_before = 0, 0.0, PACE_S, 0.0

    def _weigh(self, log_latency: float) -> None:
        """Compare a window's geometric mean with the usual one, which one slow answer cannot move."""
        self._logs.clear()
        usual = log_latency if self._usual is None else self._usual
        if log_latency > usual + math.log(SLOWER):
            self._cut(SLOWER_CUT, self.now())
        self._usual = min(log_latency, usual + math.log(FORGET))

    def _cut(self, share: float, sent_at: float) -> None:
        """Once a round: refusals of what was sent before the last cut say nothing new."""
        if sent_at >= self._cut_at:
            self.limit = max(1.0, self.limit * share)
            self._cut_at = self.now()

    def _wait_s(self) -> float:
        """Seconds until the next send is allowed; infinite until a place is left."""
        if self.active >= int(self.limit) and not self.broken:
            return math.inf
        paced_from = self._sent_at + self._pace_s if self._streak >= PACE_AFTER else -math.inf
        return max(paced_from, self._not_before) - self.now()

    def _taken(self) -> bool:
        """Whether something sent since the streak began is under way for too long to be refused like the others."""
        sent_by = self.now() - max(PACE_S, TAKEN * self._slowest_s)
        return any(self._streak_from <= sent_at <= sent_by for sent_at in self._under_way)

    def _admit(self) -> None:
        """Let in whoever may go now, and look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._streak and not self.broken and self._taken():
            self._end_streak()
        while self._waiting and not self._closed:
            if self._waiting[0].done():  # cancelled while it waited
                self._waiting.popleft()
                continue
            wait_s = self._wait_s()
            if wait_s > 0:
                if wait_s < math.inf:
                    again_s = min(wait_s, PACE_S) * self.second_s  # something may be taken meanwhile
                    self._timer = asyncio.get_running_loop().call_later(again_s, self._admit)
                return
            self._sent_at = self.now()
            self._under_way.append(self._sent_at)
            self._waiting.popleft().set_result(self._sent_at)


# --- one attempt after another --------------------------------------------------------------------------------------


TRIES = 5  # of one prompt; refusals for being too many do not count
LONGEST_BACKOFF_S = 30.0
SILENCE_S = 900.0  # without any answer until there is no hope
UNPROVEN_SILENCE_S = 60.0  # of an endpoint that has never answered and does not say that it is only busy


class Again(NamedTuple):
    """A prompt that waits to be asked once more."""

    number: int  # of the time that it will be asked, 2 after the first trouble
    problem: str

    @property
    def told(self) -> str:
        """In words: '3rd time: ...'."""
        last = self.number % 100
        ending = "th" if 10 < last < 14 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
        return f"{self.number}{ending} time: {self.problem}"


async def insist(
    limiter: Limiter,
    attempt: Callable[[], Awaitable[Reply]],
    resting: Callable[[Again], AbstractContextManager[None]] = lambda _again: nullcontext(),
) -> Reply:
    """The attempt's reply. Raises the last Passing when this prompt has no luck.

    Between two tries it waits beside the places, so that another may use them; `resting` is entered meanwhile.
    """
    tries, asked = 0, 0
    while True:
        sent_at = await limiter.enter()
        try:
            reply = await attempt()
        except Passing as trouble:
            limiter.troubled(sent_at, trouble)
            asked += 1
            tries += trouble.cause != "refused"
            if tries == TRIES:
                raise
            with resting(Again(asked + 1, trouble.problem)):
                await asyncio.sleep(_wait_s(tries, trouble) * limiter.second_s)
            continue
        except BaseException:
            limiter.leave(sent_at)
            raise
        limiter.answered(sent_at)
        return reply


def hopeless(limiter: Limiter, silence_s: float = SILENCE_S) -> RetortError | None:
    """The endpoint's own words, when it has been silent for too long."""
    trouble = limiter.last_trouble
    if trouble is None:
        return None
    alive = limiter.proven or trouble.cause == "refused"
    if limiter.silent_s <= (silence_s if alive else min(silence_s, UNPROVEN_SILENCE_S)):
        return None
    return RetortError(f"No request has succeeded for {limiter.silent_s:.0f} s: {trouble.problem}", trouble.fix)


def _wait_s(tries: int, trouble: Passing) -> float:
    if trouble.retry_after_s is not None:
        return min(trouble.retry_after_s, LONGEST_WAIT_S)
    return min(2.0 ** max(0, tries - 1), LONGEST_BACKOFF_S) * random.uniform(0.75, 1.25)

"""The hard stop on money: a request leaves only when its dearest outcome, beside all under way, still fits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tools.settings import Price, Settings
from tools.teacher.protocol import NOTHING, Passing, Reply, Usage


class OutOfMoney(Exception):
    """Not even one more request fits."""

    def __init__(self, needed_usd: float) -> None:
        super().__init__(f"the next request may cost up to ${needed_usd:.4f}")
        self.needed_usd = needed_usd


class Budget:
    """US dollars: spent, held for requests under way, and the most there may be of both."""

    def __init__(self, max_usd: float, spent_usd: float = 0.0) -> None:
        self.max_usd = max_usd
        self.spent_usd = spent_usd
        self._held_usd = 0.0
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, usd: float) -> AsyncIterator[None]:
        """Set `usd` aside, waiting in line until others give theirs back. Raises OutOfMoney when that cannot help."""
        if usd > 0:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((usd, turn))
            self._admit()
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled() and turn.exception() is None:
                    self._give_back(usd)
                raise
        try:
            yield
        finally:
            if usd > 0:
                self._give_back(usd)

    def pay(self, usd: float) -> None:
        self.spent_usd += usd

    async def paid(
        self, attempt: Callable[[], Awaitable[Reply]], most_usd: float, book: Callable[[Usage], None]
    ) -> Reply:
        """The attempt's reply, paid for; so is what broke off on its way. For use while `most_usd` is held.

        Raises OutOfMoney when after such a loss the same attempt does not fit once more.
        """
        try:
            reply = await attempt()
        except Passing as trouble:
            if trouble.usage != NOTHING:
                self.pay(trouble.usage.usd)
                book(trouble.usage)
                if self.spent_usd + self._held_usd > self.max_usd:
                    raise OutOfMoney(most_usd) from trouble
            raise
        self.pay(reply.usage.usd)
        book(reply.usage)
        return reply

    def _give_back(self, usd: float) -> None:
        self._held_usd = max(0.0, self._held_usd - usd)
        if self._held_usd < 1e-9:  # what rounding leaves of many sums
            self._held_usd = 0.0
        self._admit()

    def _admit(self) -> None:
        while self._waiting:
            usd, turn = self._waiting[0]
            if not turn.done():
                if self.spent_usd + self._held_usd + usd > self.max_usd:
                    if self._held_usd > 0:
                        return
                    turn.set_exception(OutOfMoney(usd))
                else:
                    self._held_usd += usd
                    turn.set_result(None)
            self._waiting.popleft()


# --- what tokens cost -----------------------------------------------------------------------------------------------


ASSUMED = Price(input=1.0, output=4.0)


def price_of(settings: Settings) -> tuple[Price, bool]:
    """The teacher's price, and whether the table names it; an unknown one is assumed, and said to be."""
    known = settings.prices.get(settings.teacher_model)
    return (known, True) if known else (ASSUMED, False)


def priced(price: Price, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Usage:
    """The tokens with their cost in US dollars; `input_tokens` include the cached ones."""
    cached_price = price.input if price.cached is None else price.cached
    fresh = max(0, input_tokens - cached_tokens) * price.input
    usd = (fresh + cached_tokens * cached_price + output_tokens * price.output) / 1e6
    return Usage(input_tokens=input_tokens, cached_tokens=cached_tokens, output_tokens=output_tokens, usd=usd)

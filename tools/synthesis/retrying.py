"""One attempt after another, in the places that a limiter gives, until it is answered or there is no hope."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext

from tools.errors import RetortError
from tools.synthesis.limiter import LONGEST_WAIT_S, Limiter
from tools.synthesis.teaching import Passing, Reply

TRIES = 5  # of one prompt; refusals for being too many do not count
LONGEST_BACKOFF_S = 30.0
SILENCE_S = 900.0  # without any answer until there is no hope
UNPROVEN_SILENCE_S = 60.0  # of an endpoint that has never answered and does not say that it is only busy


async def insist(
    limiter: Limiter,
    attempt: Callable[[], Awaitable[Reply]],
    resting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Reply:
    """The attempt's reply. Raises the last Passing when this prompt has no luck.

    Between two tries it waits beside the places, so that another may use them; `resting` is entered meanwhile.
    """
    tries = 0
    while True:
        sent_at = await limiter.enter()
        try:
            reply = await attempt()
        except Passing as trouble:
            limiter.troubled(sent_at, trouble)
            tries += trouble.cause != "refused"
            if tries == TRIES:
                raise
            with resting():
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
    return RetortError(f"For {limiter.silent_s:.0f} s nothing but this: {trouble.problem}", trouble.fix)


def _wait_s(tries: int, trouble: Passing) -> float:
    if trouble.retry_after_s is not None:
        return min(trouble.retry_after_s, LONGEST_WAIT_S)
    return min(2.0 ** max(0, tries - 1), LONGEST_BACKOFF_S) * random.uniform(0.75, 1.25)

"""Questions to a teacher that are no samples: an answer to a row, a verdict on two. Paid, limited and stopped alike.

The engine keeps samples beside their answers in one transaction and numbers its requests; here each question has a key
of its own, and whoever asks keeps what came. Money, places and retries are the engine's own: `Budget` and `Limiter`.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from pydantic import Field

from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Value
from tools.settings import settings
from tools.teacher.budget import Budget, OutOfMoney
from tools.teacher.endpoint import Endpoint
from tools.teacher.limiter import Again, Limiter, hopeless, insist
from tools.teacher.protocol import Passing, Prompt, Unusable, Usage
from tools.text.model_json import last_object

K = TypeVar("K")
GRACE_S = 8.0  # for answers under way when an end is decided


class Told(Value):
    """What came back for one question: a text, or why there is none."""

    text: str = ""
    problem: str = ""
    answered: bool = Field(True, description="Whether anything came; what came may be no text, as a refusal is.")
    usage: Usage = Usage()


def need_teacher(what: str) -> Endpoint:
    """The teacher that the settings name. RetortError where there is only the simulator, which cannot do `what`."""
    if not settings().teacher_model:
        raise RetortError(
            f"The simulator writes samples of its own and cannot {what}.",
            "Set RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY to use a teacher.",
        )
    return Endpoint(settings().teachers[0])


def ask_each(
    teacher: Endpoint,
    questions: Mapping[K, Prompt],
    *,
    max_usd: float,
    spent_usd: float = 0.0,
    should_stop: Callable[[], bool] = lambda: False,
    retrying: Callable[[str], None] = lambda _told: None,
    second_s: float = 1.0,
) -> Iterator[tuple[K, Told]]:
    """Each question's answer as it comes; many are under way at once.

    Raises Stopped when asked to or when not even one more question fits into `max_usd`, RetortError when the endpoint
    cannot go on. `retrying` hears of each question that will be asked again; `second_s` makes waits shorter in tests.
    """
    with asyncio.Runner() as runner:
        stream = _Asking(teacher, Budget(max_usd, spent_usd), should_stop, retrying, second_s).stream(questions)
        try:
            while True:
                yield runner.run(_next(stream))
        except StopAsyncIteration:
            return
        finally:
            runner.run(stream.aclose())


async def _next(stream: AsyncIterator[tuple[K, Told]]) -> tuple[K, Told]:
    return await anext(stream)


class _Asking:
    """All questions of one call, in places that the limiter gives."""

    def __init__(
        self,
        teacher: Endpoint,
        budget: Budget,
        should_stop: Callable[[], bool],
        retrying: Callable[[str], None],
        second_s: float,
    ) -> None:
        self.teacher, self.budget, self.should_stop, self.retrying = teacher, budget, should_stop, retrying
        self.limiter = Limiter(teacher.concurrency, second_s)
        self._grace_ends_at: float | None = None
        self._failed: Exception | None = None

    async def stream(self, questions: Mapping[K, Prompt]) -> AsyncGenerator[tuple[K, Told], None]:
        """Once something ends it, nothing more is sent; what is under way is paid for, so it may still arrive."""
        waiting = list(questions.items())[::-1]
        under_way: dict[asyncio.Task[Told], K] = {}
        ending: Exception | None = None
        try:
            while under_way or (waiting and not ending):
                while waiting and not ending and len(under_way) < 2 * self.teacher.concurrency:  # half may be resting
                    key, prompt = waiting.pop()
                    under_way[asyncio.create_task(self._told(prompt))] = key
                done, _ = await asyncio.wait(under_way, timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    key = under_way.pop(task)
                    if error := task.exception():
                        ending = ending or self._end(error)
                    else:
                        yield key, task.result()
                ending = ending or (self._end(self._failed) if self._failed else self._hopeless())
                if ending and (not self.limiter.active or self._graced()):
                    raise ending
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await self.teacher.close()

    def _end(self, error: BaseException) -> Exception:
        if isinstance(error, OutOfMoney):
            return Stopped(f"Stopped at the limit of ${self.budget.max_usd:.2f}: {error}")
        if isinstance(error, Exception):
            return error
        raise error

    def _hopeless(self) -> Exception | None:
        if self.should_stop():
            return Stopped("Stopped as you asked")
        return hopeless(self.limiter)

    def _graced(self) -> bool:
        """Whether what is under way has had its time since the end was decided."""
        if self._grace_ends_at is None:
            self.limiter.close()  # nobody else is sent
            self._grace_ends_at = time.monotonic() + GRACE_S
        return time.monotonic() > self._grace_ends_at

    async def _told(self, prompt: Prompt) -> Told:
        most_usd = self.teacher.most_usd_of(prompt)
        usages: list[Usage] = []
        async with self.budget.held(most_usd):
            try:
                paid = partial(self.budget.paid, lambda: self.teacher.complete(prompt), most_usd, usages.append)
                reply = await insist(self.limiter, paid, self._rest)
            except Passing as trouble:
                return Told(problem=trouble.problem, answered=False, usage=sum(usages, Usage()))
            except Exception as error:
                if not usages:
                    raise
                self._failed = self._failed or error  # it ends everything, once what was paid for is told
                return Told(problem=str(error), answered=False, usage=sum(usages, Usage()))
        problem = reply.unusable.problem if isinstance(reply.unusable, Unusable) else ""
        return Told(text=_alone(prompt, reply.text), problem=problem, usage=sum(usages, Usage()))

    @contextmanager
    def _rest(self, again: Again) -> Iterator[None]:
        self.retrying(f"asking {self.teacher.source} again, {again.told}")
        yield


def _alone(prompt: Prompt, text: str) -> str:
    """The JSON that was asked for, without what stands around it; any other text as it is."""
    found = last_object(text) if prompt.answer_schema is not None else None
    return text if found is None else json.dumps(found, ensure_ascii=False)

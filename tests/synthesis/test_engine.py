"""The engine against a teacher process on loopback: faults, refusals, kills, money and minutes; nothing is lost."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from tests.scripted_openai import Reply
from tests.synthesis.endpoint import honest, teaching
from tests.synthesis.loopback import ANSWERED, Loopback, Script
from tests.synthesis.tasks import BANK, work
from tools import jobs
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import Stopped
from tools.records import Answer, Expense, Job, Project, Sample, SynthesisOrder
from tools.settings import settings
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.job import run
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher
from tools.synthesis.yields import TRIAL
from tools.teacher.budget import Budget, OutOfMoney
from tools.teacher.limiter import BREAK_AFTER, LONGEST_PACE_S, PACE_S, Limiter
from tools.teacher.protocol import Passing

PER_REQUEST = OpenAITeacher.samples_per_request


@pytest.fixture
def bank(catalog: Catalog, project: Project) -> Project:
    return catalog.save(project.but(task=BANK))


@contextmanager
def loopback(monkeypatch: pytest.MonkeyPatch, script: Script, **more: str) -> Iterator[Loopback]:
    """The server, with the settings of this process pointing at it."""
    with Loopback(script) as server:
        told = {"model": "big", "base_url": server.base_url, "api_key": "sk-test", "concurrency": "32", **more}
        for name, value in told.items():
            monkeypatch.setenv(f"RETORT_TEACHER_{name.upper()}", value)
        settings.cache_clear()
        yield server


def driven(catalog: Catalog, project: Project, count: int, second_s: float = 1.0) -> Engine:
    """An engine that has run to its end, on a second of its own."""
    teacher = OpenAITeacher(settings())
    maker = Maker(catalog, project, teacher, seed="seed", state="approved")
    engine = Engine([teacher], maker, SynthesisOrder(count=count, max_usd=100), Bill(), second_s=second_s)
    asyncio.run(engine.run())
    return engine


def test_mixed_faults_are_accounted_for_to_the_last(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third request fails in one of ten ways; the deadline is longer than a loaded machine stalls."""
    with loopback(monkeypatch, Script(median_s=0.02, faults=0.33, seed=3), timeout_s="4") as server:
        engine = driven(catalog, bank, 120 * PER_REQUEST, second_s=0.02)
        seen = Counter(server.stats().kinds)
    assert all(seen[kind] for kind in ("429", "429_retry_after", "500", "hang", "reset", "cut", "broken_json"))
    assert catalog.count(Sample, bank.id) == {"approved": 120 * PER_REQUEST}
    answers = catalog.find(Answer, bank.id)
    assert sorted(one.number for one in answers) == list(range(len(answers)))  # each request ended once
    states = Counter(one.state for one in answers)
    assert states["usable"] == seen["good"] == 120
    assert (states["malformed"], states["empty"], states["refused"]) == (
        seen["bad_json"],
        seen["empty"],
        seen["refusal"],
    )
    assert sum(states.values()) == 120 + sum(seen[kind] for kind in ANSWERED[1:]) + states["failed"]
    paid = catalog.find(Expense, bank.id)
    assert len(paid) == sum(seen[kind] for kind in ANSWERED)  # each answer is on the bill
    assert sum(one.cached_tokens for one in paid) == 600 * len(paid)
    assert sum(one.guessed for one in paid) == seen["broken_json"]  # what broke off was answered, and is guessed
    assert all(one.problem for one in answers if one.state != "usable")
    assert f"{states['malformed']} malformed" in engine.bill.losses[0]
    assert "59% cached" in engine.bill.costs[1]
    assert f"a guess for {seen['broken_json']} answers" in engine.bill.costs[-1]


def test_refused_by_all_it_asks_once_a_second_and_then_recovers(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 of the limiter's seconds of nothing but 429, each 50 ms long."""
    second_s = 0.05
    script = Script(median_s=0.01, refused_s=(0.3, 0.3 + 40 * second_s))
    with loopback(monkeypatch, script) as server:
        engine = driven(catalog, bank, 500 * PER_REQUEST, second_s)
        stats = server.stats()
    made = catalog.count(Sample, bank.id)
    assert made.pop("approved") == 500 * PER_REQUEST
    assert sum(made.values()) <= 5  # made-up texts that chance made near copies of others
    start, end = script.refused_s
    refused = [moment for moment in stats.arrivals_s if start + 0.05 < moment < end]  # after those under way
    assert 40 / 11 <= len(refused) <= 40
    again = [moment for moment in stats.arrivals_s if moment >= end]
    assert again[0] - end < 11 * second_s + 2  # a loaded machine stalls for shorter
    assert engine.lines[0].limiter.limit > 16
    assert set(engine.bill.answers) == {"usable"}  # no request was given up for being refused


def test_an_endpoint_that_stays_silent_ends_the_job_with_its_own_words(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, lambda body: Reply("overheated", status=500)) as server:
        with pytest.raises(
            RetortError, match=r"No request has succeeded for \d+ s: .* answered 500: overheated"
        ) as told:
            driven(catalog, bank, 100, second_s=0.01)
        assert len(server.requests) < 60
    assert "resume" in told.value.fix
    assert catalog.find(Answer, bank.id) == []


def test_a_prompt_without_luck_is_put_aside_and_replaced(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky: list[str] = []

    def answer(body: dict[str, object]) -> Reply:
        asked = str(body["messages"])
        unlucky.append(asked) if not unlucky else None
        return Reply("no", status=500) if asked == unlucky[0] else honest(body)  # type: ignore[arg-type]

    with teaching(monkeypatch, answer, concurrency="2"):
        driven(catalog, project, 60, second_s=0.01)
    assert catalog.count(Sample, project.id) == {"approved": 60}
    failed = catalog.find(Answer, project.id, states=("failed",))
    assert len(failed) == 1
    assert failed[0].number in (0, 1)  # either of the two first slots may reach the teacher first
    assert "answered 500" in failed[0].problem


@pytest.mark.slow  # starts a process for every kill
def test_killed_again_and_again_it_loses_and_repeats_nothing(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL at drawn moments of a job in its own process; at most the slots are paid for twice."""
    kills, slots, draw = 3, 8, random.Random(15)
    with loopback(monkeypatch, Script(median_s=0.1), concurrency=str(slots)) as server:
        job = jobs.launch(catalog, bank, SynthesisOrder(count=300, max_usd=10))
        for kill in range(kills):
            goal = 300 * (kill + draw.random()) / (kills + 1)
            until(catalog, bank, job, goal)
            os.killpg(catalog.get(Job, job.id).pid, signal.SIGKILL)
            while (job := jobs.check(catalog, catalog.get(Job, job.id))).active:
                time.sleep(0.01)
            stored = len(catalog.find(Expense, bank.id))
            assert stored <= len(server.stats().arrivals_s) <= stored + (kill + 1) * slots
            job = jobs.resume(catalog, job)
        job = jobs.wait(catalog, job, 120)
        paid = len(server.stats().arrivals_s)
    assert (job.state, job.problem) == ("done", "")
    samples = catalog.find(Sample, bank.id)
    assert len(samples) == len({sample.question for sample in samples}) == 300
    answers = catalog.find(Answer, bank.id)
    ways = Counter((one.way, one.state == "usable") for one in answers)
    assert ways.pop(("whole", True)) == 60  # this teacher writes whole samples only: of the trial the other ways fail
    assert set(ways) <= {("record", False), ("slots", False)}
    needed = 60 + sum(ways.values())
    assert needed < 60 + TRIAL
    assert sorted(one.number for one in answers) == list(range(needed))
    assert len(catalog.find(Expense, bank.id)) == needed
    assert paid <= needed + kills * slots


def until(catalog: Catalog, project: Project, job: Job, goal: float) -> None:
    deadline = time.monotonic() + 120
    while sum(catalog.count(Sample, project.id).values()) < goal:
        assert time.monotonic() < deadline, jobs.log_path(catalog, job).read_text()
        time.sleep(0.003)


def test_minutes_stop_hard_and_a_resumed_job_goes_on(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order of half a minute's work gets one second."""
    with loopback(monkeypatch, Script(median_s=0.1), concurrency="4"):
        job = work(catalog, bank, 4000)
        job.job = catalog.save(job.job.but(order=SynthesisOrder(count=4000, max_usd=10, max_minutes=1 / 60)))
        started = time.monotonic()
        with pytest.raises(Stopped, match=r"Stopped at the limit of 0.0166667 minutes. \d+ of 4000 samples"):
            run(job)
        assert time.monotonic() - started < 10
        made = sum(catalog.count(Sample, bank.id).values())
        assert 0 < made < 4000
        job.job = catalog.save(job.job.but(order=SynthesisOrder(count=made + 20, max_usd=10)))
        assert f"{made + 20} samples by teacher:big are ready" in run(job)


# --- its parts ---


class Watched(Limiter):
    """A limiter whose clock a test sets."""

    time = 0.0

    def now(self) -> float:
        return self.time


def test_the_limiter_halves_once_a_round_and_climbs_again() -> None:
    async def story() -> list[float]:
        limiter = Watched(64)
        limits = []
        for _ in range(2):  # two rounds, some of each refused
            sent = [await limiter.enter() for _ in range(16)]
            limiter.time += 1
            for one in sent[:3]:
                limiter.troubled(one, Passing("refused", "", "", 0.0))
            for one in sent[3:]:
                limiter.answered(one)
            limits.append(limiter.limit)
        for _ in range(400):
            sent = [await limiter.enter() for _ in range(int(limiter.limit))]
            limiter.time += 1
            for one in sent:
                limiter.answered(one)
        return [*limits, limiter.limit]

    first, second, last = asyncio.run(story())
    assert 30 < first < 36
    assert 16 <= second < 25
    assert last == 64


def test_answers_of_before_do_not_hurry_what_is_refused_now() -> None:
    """An endpoint that begins to refuse all still answers, one by one, what it had taken before."""

    async def story() -> list[float]:
        limiter = Watched(16)
        before = [await limiter.enter() for _ in range(15)]
        sent = []
        for tick in range(60):
            limiter.time = 0.2 * (tick + 1)
            waiting = asyncio.create_task(limiter.enter())
            await asyncio.sleep(0)
            if before:
                limiter.answered(before.pop())
            await asyncio.sleep(0)
            if waiting.done():
                limiter.time += 0.005
                sent.append(waiting.result())
                limiter.troubled(sent[-1], Passing("refused", "", ""))
            waiting.cancel()
            await asyncio.sleep(0)
        return sent

    sent = asyncio.run(story())
    assert len(sent) >= 5
    assert all(later - earlier >= PACE_S - 1e-6 for earlier, later in pairwise(sent[1:]))


def test_one_refusal_among_many_answers_stops_nothing() -> None:
    """What it took meanwhile shows it: neither the first answer is awaited, nor a pace kept."""

    async def story() -> list[float]:
        limiter = Watched(8)
        refused = await limiter.enter()
        limiter.time = 0.01
        limiter.troubled(refused, Passing("refused", "", ""))
        taken = await limiter.enter()
        limiter.time = 0.02
        unlucky = await limiter.enter()
        limiter.troubled(unlucky, Passing("refused", "", ""))
        assert not limiter.broken
        waiting = asyncio.create_task(limiter.enter())
        await asyncio.sleep(0)
        assert not waiting.done()  # two in a row: paced
        limiter.time = 1.5
        limiter.answered(taken)
        return [await waiting, await limiter.enter()]

    assert asyncio.run(story()) == [1.5, 1.5]


def test_after_troubles_it_sends_at_its_pace_and_never_faster() -> None:
    """Moments of the limiter's own clock, at which it let a request go: they hold whatever the machine does between."""

    async def story() -> list[float]:
        limiter = Limiter(8, second_s=0.01)
        sent = [await limiter.enter() for _ in range(BREAK_AFTER)]
        for one in sent:
            limiter.troubled(one, Passing("refused", "", ""))
        for _ in range(12):
            sent.append(await limiter.enter())
            limiter.troubled(sent[-1], Passing("refused", "", ""))
        return sent[BREAK_AFTER - 1 :]

    sent = asyncio.run(story())
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    least = [min(PACE_S * 2**number, LONGEST_PACE_S) for number in range(len(gaps))]
    assert all(gap >= pace - 1e-6 for gap, pace in zip(gaps, least, strict=True))


def test_an_open_breaker_is_not_closed_by_answers_of_before() -> None:
    async def story() -> list[bool]:
        limiter = Limiter(16, second_s=0.05)
        sent = [await limiter.enter() for _ in range(8)]
        for one in sent[:5]:
            limiter.troubled(one, Passing("refused", "", ""))
        states = [limiter.broken]
        limiter.answered(sent[5])
        states.append(limiter.broken)
        limiter.answered(await limiter.enter())  # the probe, a second later
        return [*states, limiter.broken]

    assert asyncio.run(story()) == [True, True, False]


def test_a_budget_holds_the_dearest_outcome_and_never_more_than_there_is() -> None:
    async def story() -> tuple[float, list[str]]:
        budget = Budget(1.0)
        told: list[str] = []
        most = 0.0

        async def spend(usd: float) -> None:
            nonlocal most
            try:
                async with budget.held(0.3):
                    await asyncio.sleep(0)
                    budget.pay(usd)
                    most = max(most, budget.spent_usd)
            except OutOfMoney as error:
                told.append(str(error))

        await asyncio.gather(*(spend(0.25) for _ in range(6)))
        return most, told

    most, told = asyncio.run(story())
    assert most == 0.75  # a fourth could have reached 1.05
    assert told == ["the next request may cost up to $0.3000"] * 3

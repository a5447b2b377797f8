"""What takes too long for a test, measured: `python -m tests.synthesis.endurance faults|refusals|kills|memory`.

faults: 5,000 requests of which every fifth fails, each accounted for. refusals: five real minutes of nothing but 429.
kills: SIGKILL at 50 random moments of a 500-sample job. memory: a job's resident memory after 1,000 and 50,000 samples.
"""

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.synthesis.loopback import ANSWERED, Loopback, Script, Stats
from tests.synthesis.tasks import BANK
from tools import jobs
from tools.catalog import Catalog
from tools.records import Answer, Expense, Job, Project, Sample, SynthesisOrder, new_id
from tools.settings import Settings
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher

PER_REQUEST = OpenAITeacher.samples_per_request
SLOTS = 64


def faults(catalog: Catalog, project: Project) -> None:
    _, stats = driven(catalog, project, Script(median_s=0.2, faults=0.2), requests=5000, timeout_s=5.0)
    answers = catalog.find(Answer, project.id)
    states = Counter(one.state for one in answers)
    samples = catalog.find(Sample, project.id)
    seen = Counter(stats.kinds)
    print("the server:", dict(seen), "\nthe engine:", dict(states))
    assert sorted(one.number for one in answers) == list(range(len(answers)))
    assert states["usable"] == seen["good"] == 5000
    assert len(samples) == len({one.question for one in samples}) == 5000 * PER_REQUEST
    assert [states["malformed"], states["empty"], states["refused"]] == [seen[kind] for kind in ANSWERED[1:]]
    assert len(catalog.find(Expense, project.id)) == sum(seen[kind] for kind in ANSWERED)
    print(f"{len(stats.arrivals_s)} arrivals for {len(answers)} requests, all accounted for")


def refusals(catalog: Catalog, project: Project) -> None:
    start, end = 20.0, 320.0
    engine, stats = driven(catalog, project, Script(median_s=1.0, refused_s=(start, end)), requests=2000)
    arrivals = stats.arrivals_s
    refused = [moment for moment in arrivals if start <= moment < end]
    later = [moment for moment in refused if moment > start + 1]
    most = max(sum(moment <= other < moment + 1 for other in later) for moment in later)
    again = [moment for moment in arrivals if moment >= end]
    full = next(at for at, after in zip(again, again[32:], strict=False) if after - at < 1)
    print(f"{len(refused)} requests in 300 s of 429; {len(later)} after the first second, at most {most} within one")
    print(f"first request {again[0] - end:.1f} s after the end, 32 a second again after {full - end:.1f} s")
    print(f"the limit at the end is {engine.lines[0].limiter.limit:.0f} of {SLOTS}; {dict(engine.bill.answers)}")


def kills(catalog: Catalog, project: Project) -> None:
    slots, wanted, done, lost, most, wasted = 8, 50, 0, 0, 0, 0
    with Loopback(Script(median_s=0.1)) as server:
        names = {"MODEL": "big", "BASE_URL": server.base_url, "API_KEY": "sk-test", "CONCURRENCY": str(slots)}
        os.environ |= {f"RETORT_TEACHER_{name}": value for name, value in names.items()}
        while done < wanted:
            job = jobs.launch(catalog, project, SynthesisOrder(count=500, max_usd=10))
            while job.state != "done":
                stored = {one.id for one in catalog.find(Sample, project.id)}
                moment = time.monotonic() + random.uniform(0.5, 3.0)  # its start takes a second or two
                while job.active and (time.monotonic() < moment or done == wanted):
                    time.sleep(0.01)
                    job = jobs.check(catalog, catalog.get(Job, job.id))
                if job.active:
                    os.killpg(catalog.get(Job, job.id).pid, signal.SIGKILL)
                    done += 1
                    while (job := jobs.check(catalog, catalog.get(Job, job.id))).active:
                        time.sleep(0.01)
                    lost += len(stored - {one.id for one in catalog.find(Sample, project.id)})
                    now = len(server.stats().arrivals_s) - len(catalog.find(Expense, project.id))
                    most, wasted = max(most, now - wasted), now
                if job.state == "died":
                    job = jobs.resume(catalog, job)
            made = [one.question for one in catalog.find(Sample, project.id) if one.job_id == job.id]
            print(f"{done} kills; {job.id} is done: {len(made)} samples, {len(set(made))} different", flush=True)
    print(f"lost {lost}; paid for twice at most {most} requests a kill with {slots} slots, {wasted} in all")


def memory(catalog: Catalog, project: Project) -> None:
    process, sizes = psutil.Process(), {}

    def watch(engine: Engine) -> None:
        for mark in (1_000, 10_000, 25_000, 49_900):
            if engine.bill.good >= mark and mark not in sizes:
                sizes[mark] = f"{process.memory_info().rss / 2**20:.1f} MiB"

    driven(catalog, project, Script(median_s=0.2), requests=50_000 // PER_REQUEST, watch=watch)
    print(sizes)


def driven(
    catalog: Catalog,
    project: Project,
    script: Script,
    *,
    requests: int,
    timeout_s: float = 60.0,
    watch: Callable[[Engine], None] = lambda engine: None,
) -> tuple[Engine, Stats]:
    """An engine that has fulfilled its order at a teacher of its own, and what that teacher saw."""
    with Loopback(script) as server:
        told = Settings(
            teacher_model="big",
            teacher_base_url=server.base_url,
            teacher_api_key="sk-test",
            teacher_concurrency=SLOTS,
            teacher_timeout_s=timeout_s,
        )
        teacher = OpenAITeacher(told)
        maker = Maker(catalog, project, teacher, seed="seed", state="approved")
        order = SynthesisOrder(count=requests * PER_REQUEST, max_usd=1e6)
        engine = Engine([teacher], maker, order, Bill(), stored=lambda _kept: watch(engine))
        asyncio.run(engine.run())
        return engine, server.stats()


if __name__ == "__main__":
    measure = {"faults": faults, "refusals": refusals, "kills": kills, "memory": memory}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        kept = Catalog(f"sqlite:///{folder}/catalog.sqlite", "local", Path(folder))
        measure(kept, kept.add(Project(id=new_id("project"), owner="local", slug="bank", name="Bank", task=BANK)))

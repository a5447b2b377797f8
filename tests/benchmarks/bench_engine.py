"""The synthesis engine on a loopback teacher of lognormal latency, beside the ideal schedule and a loop of gathers.

5,000 requests of 5 samples, 256 at once, half of them answered within 3 s: 500 tokens at 170 a second, fast for a big
model. The ideal is a list schedule of the very same latencies on 256 slots without any cost between them. The peer is
what a script would do: AsyncOpenAI, 256 requests gathered, then the next 256, for five such rounds; it stores nothing.
CPU is of this process: prompts, the wire, the checks and the catalog; it bounds what faster teachers could bring.
"""

import asyncio
import heapq
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

from tests.synthesis.loopback import Loopback, Script, latencies
from tests.synthesis.tasks import BANK
from tools.catalog import Catalog
from tools.records import Project, Sample, SynthesisOrder, new_id
from tools.settings import Settings
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher

REQUESTS, SLOTS, ROUNDS = 5000, 256, 5
SCRIPT = Script(median_s=3.0)


def run() -> dict[str, float]:
    """Ideal wall time over ours, the gathered loop's over ours a request, and milliseconds of CPU a request."""
    with Loopback(SCRIPT) as server:
        wall_s, cpu_s = _engine(server.base_url)
    with Loopback(SCRIPT) as server:
        gathered_s = asyncio.run(_gathered(server.base_url))
    return {
        "synthesis.engine.efficiency": ideal_s(SCRIPT) / wall_s,
        "synthesis.engine.vs_gather": gathered_s / (ROUNDS * SLOTS) / (wall_s / REQUESTS),
        "synthesis.engine.cpu_ms_per_request": cpu_s / REQUESTS * 1e3,
    }


def ideal_s(script: Script, requests: int = REQUESTS, slots: int = SLOTS) -> float:
    free = [0.0] * slots
    for seconds in islice(latencies(script), requests):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def _engine(base_url: str) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Catalog(f"sqlite:///{folder}/catalog.sqlite", "local", Path(folder))
        project = catalog.add(Project(id=new_id("project"), owner="local", slug="bank", name="Bank", task=BANK))
        settings = Settings(
            teacher_model="big", teacher_base_url=base_url, teacher_api_key="sk-test", teacher_concurrency=SLOTS
        )
        teacher = OpenAITeacher(settings)
        maker = Maker(catalog, project, teacher, seed="bench", state="approved")
        order = SynthesisOrder(count=REQUESTS * teacher.samples_per_request, max_usd=1000)
        engine = Engine([teacher], maker, order, Bill())
        started, cpu = time.perf_counter(), time.process_time()
        asyncio.run(engine.run())
        wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
        if catalog.count(Sample, project.id)["approved"] != order.count:
            raise AssertionError(f"stored {catalog.count(Sample, project.id)} instead of {order.count:,}")
        catalog.close()
    return wall_s, cpu_s


async def _gathered(base_url: str) -> float:
    from openai import AsyncOpenAI

    messages: list[Any] = [{"role": "user", "content": "Write 5 new samples.\n" + "A rule of the task. " * 100}]
    async with AsyncOpenAI(base_url=base_url, api_key="sk-test", max_retries=0) as client:
        started = time.perf_counter()
        for _ in range(ROUNDS):
            some = (client.chat.completions.create(model="big", messages=messages) for _ in range(SLOTS))
            await asyncio.gather(*some)
        return time.perf_counter() - started

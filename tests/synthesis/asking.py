"""One question to an endpoint, or one generation, against a server on loopback."""

import asyncio

from tests.synthesis.imitations import READ, WROTE
from tools.catalog import Catalog
from tools.jobs import Stopped
from tools.records import Message, Project, SynthesisOrder
from tools.settings import settings
from tools.synthesis.bill import Bill
from tools.synthesis.engine import Engine
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Prompt, Reply

ASKED = Prompt(
    messages=(Message(role="system", content="Be brief."), Message(role="user", content="Write 2 new samples.")),
    answer_schema={"type": "object", "properties": {"samples": {"type": "array"}}},
)
ANSWER_USD = (READ * 1.0 + WROTE * 4.0) / 1e6  # at the assumed price


def completed(teacher: Endpoint, wanted: Prompt) -> Reply:
    async def once() -> Reply:
        try:
            return await teacher.complete(wanted)
        finally:
            await teacher.close()

    return asyncio.run(once())


def generated(catalog: Catalog, project: Project, count: int, max_usd: float) -> tuple[Bill, str]:
    """A generation, and why it ended too soon."""
    teacher = OpenAITeacher(settings())
    maker = Maker(catalog, project, teacher, seed="seed", state="approved")
    bill = Bill()
    engine = Engine([teacher], maker, SynthesisOrder(count=count, max_usd=max_usd), bill, second_s=0.01)
    try:
        asyncio.run(engine.run())
    except Stopped as stopped:
        return bill, str(stopped)
    return bill, ""

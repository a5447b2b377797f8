"""Whether the teachers that the settings name can be asked: one tiny request each, and a sentence of what came back."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Estimate, JsonObject, Message, Project
from tools.settings import settings
from tools.synthesis.estimate import price_note
from tools.synthesis.making import expenses
from tools.teacher.endpoint import Endpoint
from tools.teacher.protocol import Passing, Prompt, Reply
from tools.text.model_json import last_object

_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"ready": {"type": "boolean"}},
    "required": ["ready"],
    "additionalProperties": False,
}
_QUESTION = Prompt(  # as a job asks: a system message, a user's, and JSON by a schema
    messages=(
        Message(role="system", content="You answer with one JSON object."),
        Message(role="user", content='Say that you are ready: "ready" is true.'),
    ),
    answer_schema=_SCHEMA,
    expected_tokens=20,
)
_SHOWN = 80  # characters of an answer that is not what was asked for


def estimate() -> Estimate:
    """What the test takes at most; RetortError where there is no teacher, or one that could not be asked at all."""
    asked = _teachers()
    expected = [one.expect_of(_QUESTION) for one in asked]
    return Estimate(
        what=f"Ask {', '.join(one.model for one in asked)} one tiny question",
        calls_low=len(asked),
        calls_high=len(asked),
        tokens_low=sum(one.input_tokens for one in expected),
        tokens_high=sum(
            one.input_tokens + teacher.most_tokens(_QUESTION) for one, teacher in zip(expected, asked, strict=True)
        ),
        usd_low=sum(one.usd for one in expected),
        usd_high=sum(one.most_usd_of(_QUESTION) for one in asked),
        notes=tuple(dict.fromkeys(price_note(one) for one in asked)),
    )


def connect(catalog: Catalog, project: Project, max_usd: float) -> str:
    """A sentence a teacher: what came back, how it wants to be asked, and what it cost, which is booked.

    A single teacher that cannot be asked is a RetortError with the fix; of several the others are told as well.
    """
    told: list[str] = []
    asked = _teachers()
    for teacher in asked:
        most_usd = teacher.most_usd_of(_QUESTION)
        if most_usd > max_usd:
            left = RetortError(
                f"One question to {teacher.model!r} may cost up to ${most_usd:.4f}; ${max_usd:.4f} are left for it.",
                "Allow more, or lower RETORT_TEACHER_MAX_OUTPUT_TOKENS.",
            )
            if not told:
                raise left
            told.append(str(left))  # what the others said was paid for
            continue
        try:
            sentence, usd = _asked(catalog, project, teacher)
        except RetortError as error:
            if len(asked) == 1:
                raise
            sentence, usd = str(error), 0.0
        max_usd -= usd
        told.append(sentence)
    return "\n".join(told)


def _teachers() -> list[Endpoint]:
    if not (found := settings().teachers):
        raise RetortError(
            "No teacher is set, so there is no connection to test: the built-in simulator writes the samples.",
            "Set RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY, and RETORT_TEACHER_PROVIDER or "
            "RETORT_TEACHER_BASE_URL for another provider than OpenAI.",
        )
    return [Endpoint(one) for one in found]


def _asked(catalog: Catalog, project: Project, teacher: Endpoint) -> tuple[str, float]:
    """The sentence, and what the answer cost."""

    async def once() -> Reply:
        try:
            return await teacher.complete(_QUESTION)
        finally:
            await teacher.close()

    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:  # the caller may be inside an event loop already
        try:
            reply = pool.submit(asyncio.run, once()).result()
        except Passing as trouble:
            catalog.add_all(expenses(project, "", trouble.usage, f"a test of {teacher.source}"))
            raise RetortError(
                trouble.problem,
                "Try again in a while; if it stays so, check RETORT_TEACHER_BASE_URL and the network.",
            ) from trouble
    catalog.add_all(expenses(project, "", reply.usage, f"a test of {teacher.source}"))
    return _sentence(teacher, reply, time.monotonic() - started), reply.usage.usd


def _sentence(teacher: Endpoint, reply: Reply, seconds: float) -> str:
    counted = " (guessed: the endpoint does not count tokens)" if reply.usage.guessed else ""
    cost = f"in {seconds:.1f} s, for ${reply.usage.usd:.4f}{counted}"
    where = f"{teacher.model} at {teacher.shown_url}"
    if reply.unusable is not None:
        return f"{where} was reached {cost}, but {reply.unusable.problem}."
    told = f"{where} answered {cost}. It is asked for {teacher.dialect.told}. {price_note(teacher)}"
    if last_object(reply.text) is None:
        shown = " ".join(reply.text.split())[:_SHOWN]
        return f"{told} But its answer was no JSON ({shown!r}): choose another model for samples."
    return told

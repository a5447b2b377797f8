"""A teacher behind any OpenAI-compatible endpoint: structured output, our own patience, usage counted in dollars."""

import asyncio
import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from tools.errors import RetortError
from tools.settings import Settings
from tools.synthesis.teaching import Prompt, TeacherReply, TeacherRequest, Unusable, Usage
from tools.synthesis.wording import prompt, tokens
from tools.synthesis.writing import write

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
    from openai.types.shared_params import ResponseFormatJSONSchema

TRIES = 5
LONGEST_WAIT_S = 60.0
_PASSING = (408, 409, 429)  # these, and every 5xx, may succeed a moment later


class OpenAITeacher:
    """Asks `settings.teacher_model` for samples."""

    samples_per_request = 5
    reads_documents = True

    def __init__(self, settings: Settings, first_wait_s: float = 1.0) -> None:
        """Raises RetortError without a key, for no request may leave without one, and for an address that is none."""
        self.model = settings.teacher_model
        self.base_url = settings.teacher_base_url
        self.concurrency = settings.teacher_concurrency
        self.first_wait_s = first_wait_s
        self._settings = settings
        self._client: AsyncOpenAI | None = None
        if not _is_web_address(self.base_url):
            raise RetortError(
                f"The teacher endpoint {self.base_url!r} is no web address.",
                "Set RETORT_TEACHER_BASE_URL to one like https://api.openai.com/v1.",
            )
        key = settings.teacher_api_key.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable():
            raise RetortError(
                f"The teacher {self.model!r} at {self.base_url} has no usable key.",
                "Set RETORT_TEACHER_API_KEY in the environment or .env (any word for a local server without keys), "
                "or clear RETORT_TEACHER_MODEL to use the simulator.",
            )

    @property
    def source(self) -> str:
        return f"teacher:{self.model}"

    async def answer(self, request: TeacherRequest) -> TeacherReply:
        """The samples of one request. An unusable reply is a TeacherReply with its problem: it was paid for."""
        usage = Usage()

        async def ask(wanted: Prompt) -> str:
            nonlocal usage
            completion = await self._ask(wanted)
            usage = self._usage(completion)
            return _text(completion)

        try:
            samples = await write(request, ask)
        except Unusable as unusable:
            return TeacherReply(usage=usage, problem=unusable.problem)
        return TeacherReply(samples=samples, usage=usage)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    def expect(self, request: TeacherRequest) -> Usage:
        """A guess from the length of its first prompt."""
        asked = prompt(request)
        read = sum(tokens(message.content) for message in asked.messages) + tokens(json.dumps(asked.answer_schema))
        written = asked.expected_tokens
        return Usage(input_tokens=int(read), output_tokens=written, usd=self.price(read, written))

    def price(self, input_tokens: float, output_tokens: float) -> float:
        """US dollars of so many tokens."""
        settings = self._settings
        million = input_tokens * settings.teacher_usd_per_million_input
        return (million + output_tokens * settings.teacher_usd_per_million_output) / 1e6

    async def _ask(self, wanted: Prompt) -> "ChatCompletion":
        """The request, repeated while the endpoint is only busy. Raises RetortError when repeating cannot help."""
        from openai import APIConnectionError, APIStatusError

        for attempt in range(1, TRIES + 1):
            try:
                return await self._send(wanted)
            except APIStatusError as error:
                passing = error.status_code in _PASSING or error.status_code >= 500
                if not passing or attempt == TRIES:
                    raise self._refused(error.status_code, _told(error.body, error.message)) from error
                wait_s = _retry_after(error.response.headers)
            except APIConnectionError as error:  # timeouts too
                if attempt == TRIES:
                    raise self._unreachable(error) from error
                wait_s = None
            except json.JSONDecodeError as error:
                raise self._no_endpoint("broken JSON") from error
            backoff_s = self.first_wait_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)
            await asyncio.sleep(min(backoff_s if wait_s is None else wait_s, LONGEST_WAIT_S))
        raise AssertionError("the last try returns or raises")

    async def _send(self, wanted: Prompt) -> "ChatCompletion":
        from openai import omit
        from openai.types.chat import ChatCompletion

        rows = [message.model_dump() for message in wanted.messages]
        schema = {"name": "samples", "schema": wanted.answer_schema, "strict": wanted.strict}
        shape = cast("ResponseFormatJSONSchema", {"type": "json_schema", "json_schema": schema})
        completion = await self._connected().chat.completions.create(
            model=self.model,
            messages=cast("list[ChatCompletionMessageParam]", rows),
            temperature=1.0,
            response_format=shape if wanted.answer_schema else omit,
        )
        if not isinstance(completion, ChatCompletion):  # the client hands a web page through as text
            raise self._no_endpoint("a web page")
        return completion

    def _connected(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        if self._client is None:
            self._client = AsyncOpenAI(
                base_url=self.base_url,
                api_key=self._settings.teacher_api_key.get_secret_value().strip(),
                timeout=self._settings.teacher_timeout_s,
                max_retries=0,
            )
        return self._client

    def _no_endpoint(self, what: str) -> RetortError:
        return RetortError(
            f"The teacher endpoint {self.base_url} answered with {what} instead of a chat completion.",
            "Check RETORT_TEACHER_BASE_URL: it usually ends with /v1.",
        )

    def _usage(self, completion: "ChatCompletion") -> Usage:
        if completion.usage is None:
            return Usage()
        read, written = completion.usage.prompt_tokens, completion.usage.completion_tokens
        return Usage(input_tokens=read, output_tokens=written, usd=self.price(read, written))

    def _refused(self, status: int, message: str) -> RetortError:
        where = f"The teacher endpoint {self.base_url} answered {status}"
        if status in (401, 403):
            return RetortError(f"{where}: the key was not accepted.", "Check RETORT_TEACHER_API_KEY.")
        if status == 404:
            return RetortError(
                f"{where} for the model {self.model!r}: {message[:200]}",
                "Check RETORT_TEACHER_MODEL, and that RETORT_TEACHER_BASE_URL ends as the endpoint wants (often /v1).",
            )
        if status == 429 or status >= 500:
            return RetortError(
                f"{where} {TRIES} times in a row: {message[:200]}",
                "Wait and resume: what was made is kept. RETORT_TEACHER_CONCURRENCY lowers the load.",
            )
        return RetortError(
            f"{where}: {message[:200]}",
            f"Check that {self.model!r} supports JSON-schema output (response_format) at this endpoint.",
        )

    def _unreachable(self, error: Exception) -> RetortError:
        return RetortError(
            f"The teacher endpoint {self.base_url} does not answer ({type(error).__name__}).",
            "Check RETORT_TEACHER_BASE_URL and the network, or raise RETORT_TEACHER_TIMEOUT_S; then resume.",
        )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait; None when it does not say so in seconds."""
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False


def _told(body: object, otherwise: str) -> str:
    """The server's own words."""
    return str(body["message"]) if isinstance(body, dict) and body.get("message") else otherwise


def _text(completion: "ChatCompletion") -> str:
    """The answer's text. Raises Unusable when there is none, or only a part of it."""
    if not completion.choices:
        raise Unusable("empty", "the teacher's reply is empty")
    choice = completion.choices[0]
    text = choice.message.content or ""
    if choice.message.refusal:
        raise Unusable("refused", f"the teacher refused: {choice.message.refusal[:200]}", choice.message.refusal)
    if choice.finish_reason == "length":
        raise Unusable("truncated", "the teacher's reply was cut off at its length limit", text)
    if not text.strip():
        raise Unusable("empty", "the teacher's reply is empty")
    return text

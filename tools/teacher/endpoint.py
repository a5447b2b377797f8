"""A teacher behind any OpenAI-compatible endpoint: structured output, one deadline a request, usage in dollars.

The wire is aiohttp and not the openai package: 0.3 ms of processor time a request instead of 3.4 (measured), a deadline
over the whole answer instead of one between two bytes, and what is retried is the engine's choice alone.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from tools.errors import RetortError
from tools.records import JsonObject
from tools.settings import Settings
from tools.teacher.budget import price_of, priced
from tools.teacher.protocol import Passing, Prompt, Reply, Unusable, Usage
from tools.text.length import guessed_tokens

if TYPE_CHECKING:
    from aiohttp import ClientSession

OVERLOADED = (429, 503, 529)
PASSING = (*OVERLOADED, 408, 409)  # these, and every 5xx, may succeed a moment later
SPENT = ("insufficient_quota", "billing_not_active")  # a 429 that waiting does not cure
LEAST_OUTPUT_TOKENS = 2048
READING_FACTOR = 1.5  # how much longer a prompt may be than guessed, until one is measured


class Endpoint:
    """`settings.teacher_model` at its address: one prompt at a time, with what it may cost and what it did cost."""

    def __init__(self, settings: Settings) -> None:
        """Raises RetortError without a key, for no request may leave without one, and for an address that is none."""
        self.model = settings.teacher_model
        self.base_url = settings.teacher_base_url.rstrip("/")
        self.concurrency = settings.teacher_concurrency
        self.price, self.price_is_known = price_of(settings)
        self._settings = settings
        self._session: ClientSession | None = None
        self._proven = False  # whether this endpoint has ever answered as one should
        self._length_name = "max_completion_tokens"
        self._reading_factor = READING_FACTOR
        if not _is_web_address(self.base_url):
            raise RetortError(
                f"The teacher endpoint {self.base_url!r} is not a web address.",
                "Set RETORT_TEACHER_BASE_URL to an address like https://api.openai.com/v1.",
            )
        key = settings.teacher_api_key.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable():
            raise RetortError(
                f"The teacher {self.model!r} at {self.base_url} has no usable key.",
                "Set RETORT_TEACHER_API_KEY in the environment or .env (any word will do for a local "
                "server without keys), or clear RETORT_TEACHER_MODEL to use the simulator.",
            )

    @property
    def source(self) -> str:
        """What samples and answers of this teacher say of their origin."""
        return f"teacher:{self.model}"

    def expect_of(self, wanted: Prompt) -> Usage:
        """What one prompt will use, guessed from its length."""
        return priced(self.price, int(guessed_input_tokens(wanted)), wanted.expected_tokens)

    async def complete(self, wanted: Prompt) -> Reply:
        """One attempt. Raises Passing when another may succeed, RetortError when none can."""
        import aiohttp

        name = self._length_name
        try:
            async with self._connected().post(f"{self.base_url}/chat/completions", json=self._body(wanted)) as response:
                status, headers, data = response.status, response.headers, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error
        if status != 200:
            return self._not_answered(status, headers, data, name)
        try:
            completion = _Completion.model_validate_json(data)
        except ValidationError as error:
            raise self._no_completion(data) from error
        self._proven = True
        usage = self._usage(wanted, completion)
        try:
            return Reply(usage=usage, text=_text(completion))
        except Unusable as unusable:
            return Reply(usage=usage, unusable=unusable)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connected(self) -> "ClientSession":
        from urllib.request import getproxies, proxy_bypass

        import aiohttp

        if self._session is None:
            parts = urlsplit(self.base_url)
            proxies = {} if proxy_bypass(parts.hostname or "") else getproxies()
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._settings.teacher_api_key.get_secret_value().strip()}"},
                timeout=aiohttp.ClientTimeout(total=self._settings.teacher_timeout_s),
                connector=aiohttp.TCPConnector(limit=0),  # the engine limits
                proxy=proxies.get(parts.scheme),  # asked once: with trust_env aiohttp reads ~/.netrc at each request
            )
        return self._session

    def _body(self, wanted: Prompt) -> JsonObject:
        body: JsonObject = {
            "model": self.model,
            "messages": [{"role": message.role, "content": message.content} for message in wanted.messages],
            "temperature": 1.0,
            self._length_name: self.most_tokens(wanted),
        }
        if wanted.answer_schema is not None:
            schema: JsonObject = {"name": "samples", "schema": wanted.answer_schema, "strict": wanted.strict}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    # --- what it costs ---

    def most_tokens(self, wanted: Prompt) -> int:
        """The longest answer that the prompt allows."""
        return self._settings.teacher_max_output_tokens or max(LEAST_OUTPUT_TOKENS, 4 * wanted.expected_tokens)

    def most_usd_of(self, wanted: Prompt, echoed_tokens: int = 0) -> float:
        """The most that one prompt may cost: it says how long its answer may be, so this is a bound and no guess.

        `echoed_tokens` are of earlier answers that the prompt may come to hold.
        """
        read = (guessed_input_tokens(wanted) + echoed_tokens) * self._reading_factor
        return priced(self.price, int(read), self.most_tokens(wanted)).usd

    def _usage(self, wanted: Prompt, completion: "_Completion") -> Usage:
        counted = completion.usage
        if counted is None:
            return self.expect_of(wanted)  # an endpoint that does not count: the limit of money must still hold
        self._reading_factor = max(self._reading_factor, counted.prompt_tokens / guessed_input_tokens(wanted))
        details = counted.prompt_tokens_details
        cached = min(counted.prompt_tokens, details.cached_tokens or 0) if details else 0
        return priced(self.price, counted.prompt_tokens, counted.completion_tokens, cached)

    # --- what went wrong ---

    def _not_answered(self, status: int, headers: Mapping[str, str], data: bytes, length_name: str) -> Reply:
        """A status other than 200: something that passes, something for good, or a prompt that is not taken."""
        message, code = _told(data)
        where = f"The teacher endpoint {self.base_url} answered {status}"
        if status in (401, 403):
            raise RetortError(f"{where}: the key was not accepted.", "Check RETORT_TEACHER_API_KEY.")
        if status == 402 or code in SPENT:
            raise RetortError(f"{where}: {message}", "Pay at the provider, then say 'resume': what was made is kept.")
        if status == 404:
            raise RetortError(
                f"{where} for the model {self.model!r}: {message}",
                "Check RETORT_TEACHER_MODEL, and that RETORT_TEACHER_BASE_URL ends as the endpoint "
                "requires (often with /v1).",
            )
        if status in PASSING or status >= 500:
            raise Passing(
                "refused" if status in OVERLOADED else "failed",
                f"{where}: {message}",
                "Wait, then say 'resume': what was made is kept. A lower RETORT_TEACHER_CONCURRENCY reduces the load.",
                _retry_after(headers),
            )
        if length_name != "max_tokens" and length_name in message:
            self._length_name = "max_tokens"  # the older name, and the only one that some endpoints know
            raise Passing("refused", f"{where}: {message}", "Wait, then say 'resume'.", 0.0)
        if not self._proven:
            raise RetortError(
                f"{where}: {message}",
                f"Check that {self.model!r} supports JSON-schema output (response_format) at this endpoint.",
            )
        return Reply(unusable=Unusable("refused", f"the endpoint answered {status}: {message}"))

    def _unreachable(self, error: Exception) -> Passing:
        return Passing(
            "slow" if isinstance(error, TimeoutError) else "failed",
            f"The teacher endpoint {self.base_url} does not answer ({type(error).__name__}).",
            "Check RETORT_TEACHER_BASE_URL and the network, or raise RETORT_TEACHER_TIMEOUT_S; then say 'resume'.",
        )

    def _no_completion(self, data: bytes) -> Exception:
        """Broken JSON may be an accident of one answer; a web page from an endpoint never proven is a wrong address."""
        page = data.lstrip()[:1] == b"<"
        what = "a web page" if page else "broken JSON"
        problem = f"The teacher endpoint {self.base_url} answered with {what} instead of a chat completion."
        fix = "Check RETORT_TEACHER_BASE_URL: it usually ends with /v1."
        return RetortError(problem, fix) if page and not self._proven else Passing("failed", problem, fix)


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Counted(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None


class _Said(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Completion(BaseModel):
    """What we read of a chat completion."""

    choices: list[_Choice]
    usage: _Counted | None = None


def _text(completion: _Completion) -> str:
    """The answer's text. Raises Unusable when there is none, or only a part of it."""
    if not completion.choices:
        raise Unusable("empty", "the teacher's reply is empty")
    choice = completion.choices[0]
    text = choice.message.content or ""
    if choice.message.refusal or choice.finish_reason == "content_filter":
        said = choice.message.refusal or "its content filter"
        raise Unusable("refused", f"the teacher refused: {said[:200]}", said)
    if choice.finish_reason == "length":
        problem = (
            "the teacher's reply was cut off at its length limit (set RETORT_TEACHER_MAX_OUTPUT_TOKENS to raise it)"
        )
        raise Unusable("truncated", problem, text)
    if not text.strip():
        raise Unusable("empty", "the teacher's reply is empty")
    return text


def _told(data: bytes) -> tuple[str, str]:
    """The server's own words and its code for them."""
    try:
        body = json.loads(data)
    except ValueError:
        return data[:200].decode(errors="replace"), ""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error)[:200], ""
    return str(error.get("message", ""))[:200], str(error.get("code") or "")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the server asks to wait; None when it does not say so in seconds."""
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None


def guessed_input_tokens(wanted: Prompt) -> float:
    """Input tokens as guessed; the schema is read too."""
    shape = json.dumps(wanted.answer_schema) if wanted.answer_schema else ""
    return sum(guessed_tokens(message.content) for message in wanted.messages) + guessed_tokens(shape)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        return False

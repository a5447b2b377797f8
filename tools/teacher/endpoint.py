"""A teacher behind any OpenAI-compatible endpoint: structured output, one deadline a request, usage in dollars.

The wire is aiohttp and not the openai package: 0.3 ms of processor time a request instead of 3.4 (measured), a deadline
over the whole answer instead of one between two bytes, and what is retried is the engine's choice alone. What was
answered is billed first and read later.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from tools.errors import RetortError
from tools.records import JsonObject
from tools.settings import Settings
from tools.teacher.budget import price_of, priced
from tools.teacher.completion import Completion, Wrong, body_of, completion_in, wrong_told
from tools.teacher.dialect import LEAST_LEFT, Dialect, other_length, relearnt, remember, remembered, shorter, weaker
from tools.teacher.protocol import Passing, Prompt, Reply, Unusable, Usage
from tools.teacher.providers import base_url_of, chat_url_of, provider_of, shown
from tools.teacher.refusals import Refusal
from tools.text.length import guessed_tokens
from tools.text.model_json import looks_like_json

if TYPE_CHECKING:
    from aiohttp import ClientSession

LEAST_OUTPUT_TOKENS = 2048
READING_FACTOR = 1.5  # how much longer a prompt may be than guessed, until one is measured
MOST_DIALECTS = 8  # ways in which one prompt is put before the endpoint has the last word
SHORTEST_SECRET = 7  # signs of a key; shorter ones are words for servers that need none
RAN_ON = 1.1  # times the length asked for: an endpoint that goes beyond does not heed the name of the length


class _Came(NamedTuple):
    """An answer of the wire to a request."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Endpoint:
    """`settings.teacher_model` at its address: one prompt at a time, with what it may cost and what it did cost."""

    def __init__(self, settings: Settings) -> None:
        """Raises RetortError without a key where one is needed, and for an address or a provider that is none."""
        given = settings.teacher_base_url.strip()
        if given and not _is_web_address(given):
            raise RetortError(
                f"The teacher endpoint {given!r} is not a web address.",
                "Set RETORT_TEACHER_BASE_URL to an address like https://api.openai.com/v1.",
            )
        self.provider = provider_of(settings)
        self.model = settings.teacher_model
        self.base_url = base_url_of(settings, self.provider)
        self.shown_url = shown(self.base_url)
        self.concurrency = settings.teacher_concurrency
        self.price, self.price_is_known = price_of(settings)
        self._settings = settings
        self._session: ClientSession | None = None
        self._proven = False  # whether this endpoint has ever answered as one should
        self._flipped = False  # whether it was given the other name of the length for running on
        self._heeded = False  # whether it has ever answered with JSON when asked to
        self._reading_factor = READING_FACTOR
        key = self._key = settings.teacher_api_key.get_secret_value().strip()
        if (self.provider.needs_key and not key) or not key.isascii() or not key.isprintable():
            raise RetortError(
                f"The teacher {self.model!r} at {self.shown_url} has no usable key.",
                "Set RETORT_TEACHER_API_KEY in the environment or .env (any word will do for a local "
                "server without keys), or clear RETORT_TEACHER_MODEL to use the simulator.",
            )
        known = remembered(settings.home_dir, self.base_url, self.model) or self.provider.dialect
        self.dialect = self._kept = known  # how it is asked, and what of it the disk or the provider's preset says

    @property
    def source(self) -> str:
        """What samples and answers of this teacher say of their origin."""
        return f"teacher:{self.model}"

    def expect_of(self, wanted: Prompt) -> Usage:
        """What one prompt will use, guessed from its length."""
        return priced(self.price, int(guessed_input_tokens(wanted)), wanted.expected_tokens)

    async def complete(self, wanted: Prompt) -> Reply:
        """One attempt, in as many dialects as it takes to be understood: what is refused for its form costs nothing.

        Raises Passing when another may succeed, RetortError when none can.
        """
        tried: list[Dialect] = []
        most = self.most_tokens(wanted)
        while True:
            spoken = self.dialect
            tried.append(spoken)
            body = self._body(wanted, spoken, most)
            came = await self._sent(body)
            if came.status == 200:
                read = self._read(wanted, spoken, came)
                if isinstance(read, Reply):
                    return read
                wrong = read
            else:
                wrong = wrong_told(came.data)
            refusal = Refusal(self.shown_url, self.model, came.status, wrong, came.headers)
            if len(tried) < MOST_DIALECTS and self._relearn(refusal, spoken, body, tried):
                continue
            if refusal.about_request and (half := shorter(wrong, body, spoken.length)):
                most = half  # for this prompt alone: it is longer than guessed
                continue
            if self.dialect == spoken:
                self.dialect = tried[0]  # no other way was better: it is the prompt, and not how it was asked
            error = refusal.trouble(proven=self._proven)
            if isinstance(error, Unusable):
                return Reply(unusable=error)
            raise error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- the wire ---

    async def _sent(self, body: JsonObject) -> _Came:
        import aiohttp

        try:
            async with self._connected().post(chat_url_of(self.base_url), json=body) as response:
                return _Came(response.status, response.headers, self._without_key(await response.read()))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def _connected(self) -> "ClientSession":
        from urllib.request import getproxies, proxy_bypass

        import aiohttp

        if self._session is None:
            parts = urlsplit(self.base_url)
            proxies = {} if proxy_bypass(parts.hostname or "") else getproxies()
            name: str = self.provider.key_header
            told = f"Bearer {self._key}" if name == "Authorization" else self._key
            self._session = aiohttp.ClientSession(
                headers={name: told} if self._key else {},
                timeout=aiohttp.ClientTimeout(total=self._settings.teacher_timeout_s),
                connector=aiohttp.TCPConnector(limit=0),  # the engine limits
                proxy=proxies.get(parts.scheme),  # asked once: with trust_env aiohttp reads ~/.netrc at each request
            )
        return self._session

    def _body(self, wanted: Prompt, spoken: Dialect, most_tokens: int) -> JsonObject:
        body = spoken.body(self.model, wanted.messages, wanted.answer_schema, wanted.strict)
        return {**body, spoken.length: min(most_tokens, self.most_tokens(wanted))}

    def _without_key(self, data: bytes) -> bytes:
        """What came, without the key that some repeat; a short one is no secret, and may be a word that is needed."""
        return data.replace(self._key.encode(), b"...") if len(self._key) >= SHORTEST_SECRET else data

    # --- what it costs ---

    def most_tokens(self, wanted: Prompt) -> int:
        """The longest answer that the prompt allows, and that the endpoint takes."""
        most = self._settings.teacher_max_output_tokens or max(LEAST_OUTPUT_TOKENS, 4 * wanted.expected_tokens)
        room = self.dialect.context - int(guessed_input_tokens(wanted) * self._reading_factor)
        limits = [self.dialect.longest or most, max(room, LEAST_LEFT) if self.dialect.context else most]
        return min(most, *limits)

    def most_usd_of(self, wanted: Prompt, echoed_tokens: int = 0) -> float:
        """The most that one prompt may cost: it says how long its answer may be, so this is a bound and no guess.

        `echoed_tokens` are of earlier answers that the prompt may come to hold.
        """
        read = (guessed_input_tokens(wanted) + echoed_tokens) * self._reading_factor
        return priced(self.price, int(read), self.most_tokens(wanted)).usd

    def _usage(self, wanted: Prompt, came: Completion) -> Usage:
        """What the endpoint counted; a side that it does not count is guessed from its length, and said to be."""
        guessed_input = guessed_input_tokens(wanted)
        if came.input_tokens is not None:
            self._reading_factor = max(self._reading_factor, came.input_tokens / guessed_input)
        read = came.input_tokens or int(guessed_input)
        guessed_output = guessed_tokens(f"{came.thoughts}{came.text}{came.refusal}")
        wrote = came.output_tokens or min(guessed_output, self.most_tokens(wanted))
        guessed = int(came.input_tokens is None or came.output_tokens is None)
        return priced(self.price, read, wrote, came.cached_tokens).model_copy(update={"guessed": guessed})

    # --- what came ---

    def _read(self, wanted: Prompt, spoken: Dialect, came: _Came) -> Reply | Wrong:
        """The reply, paid for, whatever is in it; or an error that was sent in its place."""
        try:
            completion = completion_in(body_of(came.data))
        except ValueError:
            completion = None
        if completion is None:
            raise self._no_completion(wanted, came.data)
        if completion.error is not None:
            if not (completion.input_tokens or completion.output_tokens or completion.text or completion.thoughts):
                return completion.error
            return self._broken_off(completion.error, self._usage(wanted, completion), came)
        self._proven = True
        if spoken == self.dialect != self._kept:
            self._speak(spoken)  # it has answered: the way in which it was asked is remembered
        usage = self._usage(wanted, completion)
        if (
            (completion.output_tokens or 0) > RAN_ON * self.most_tokens(wanted)
            and self.dialect == spoken
            and not self._flipped
        ):
            self._flipped = True  # once: one that heeds neither name would be asked in turns for ever
            self._speak(other_length(spoken))  # it ignores the name, so that no limit of money could hold
        if wanted.answer_schema is not None:
            self._note_shape(spoken, completion.text)
        return _reply(usage, completion)

    def _broken_off(self, wrong: Wrong, usage: Usage, came: _Came) -> Reply:
        """An answer that was paid for and ended in an error. Raises Passing, with what it cost, for one that passes."""
        trouble = Refusal(self.shown_url, self.model, came.status, wrong, came.headers).trouble(proven=True)
        if isinstance(trouble, Passing):
            trouble.usage = usage
            raise trouble
        return Reply(usage=usage, unusable=Unusable("refused", f"the endpoint told an error: {wrong.message}"))

    # --- the dialect ---

    def _relearn(self, refusal: Refusal, spoken: Dialect, body: JsonObject, tried: list[Dialect]) -> bool:
        """Whether the same prompt is worth asking in another way. Nothing is remembered until that is answered."""
        if self.dialect != spoken:
            return self.dialect not in tried  # another prompt has found out meanwhile
        if not refusal.about_request:
            return False
        better = relearnt(spoken, refusal.wrong, body)
        if better is None and not self._proven and refusal.status in (400, 422) and "response_format" in body:
            better = weaker(spoken)  # it says nothing of what is wrong
        if better is None or better in tried:
            return False
        self.dialect = better
        return True

    def _speak(self, dialect: Dialect) -> None:
        self.dialect = self._kept = dialect
        with suppress(RetortError):  # a disk that is full: it is found out again, and the answer is paid for
            remember(self._settings.home_dir, self.base_url, self.model, dialect)

    def _note_shape(self, spoken: Dialect, text: str) -> None:
        """An endpoint that answers its first prompts in prose ignores the schema: it is told in words too."""
        if looks_like_json(text):
            self._heeded = True
        elif text.strip() and not self._heeded and not spoken.in_words and self.dialect == spoken:
            self._speak(spoken.model_copy(update={"in_words": True}))

    # --- what went wrong ---

    def _unreachable(self, error: Exception) -> Passing:
        return Passing(
            "slow" if isinstance(error, TimeoutError) else "failed",
            f"The teacher endpoint {self.shown_url} does not answer ({type(error).__name__}).",
            "Check RETORT_TEACHER_BASE_URL and the network, or raise RETORT_TEACHER_TIMEOUT_S; then say 'resume'.",
        )

    def _no_completion(self, wanted: Prompt, data: bytes) -> Exception:
        """Something else than a completion: of an endpoint never proven a wrong address, else an accident of one
        answer. A body that breaks off was an answer, and is billed by a guess."""
        page = data.lstrip()[:1] == b"<"
        whole = not page and data.rstrip()[-1:] in (b"}", b"]")
        what = "a web page" if page else "other JSON" if whole else "broken JSON"
        problem = f"The teacher endpoint {self.shown_url} answered with {what} instead of a chat completion."
        fix = "Check RETORT_TEACHER_BASE_URL: it usually ends with /v1."
        if (page or whole) and not self._proven:
            return RetortError(problem, fix)
        usage = Usage() if page else self.expect_of(wanted).model_copy(update={"guessed": 1})
        return Passing("failed", problem, fix, usage=usage)


def _reply(usage: Usage, came: Completion) -> Reply:
    """The answer's text; or why there is none to use, or only a part of it."""
    if came.refusal or came.ended == "filtered":
        said = came.refusal or "its content filter"
        return Reply(usage=usage, unusable=Unusable("refused", f"the teacher refused: {said[:200]}", said))
    if came.ended == "cut":
        problem = (
            "the teacher's reply was cut off at its length limit (set RETORT_TEACHER_MAX_OUTPUT_TOKENS to raise it)"
        )
        return Reply(usage=usage, unusable=Unusable("truncated", problem, came.text))
    if not came.text.strip():
        only = "; it thought, and then said nothing" if came.thoughts.strip() else ""
        return Reply(usage=usage, unusable=Unusable("empty", f"the teacher's reply is empty{only}", came.thoughts))
    return Reply(usage=usage, text=came.text)


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

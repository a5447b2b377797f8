"""What is asked of a teacher and what it gives back.

The seam between what is written and how it is fetched: `writing.write(request, ask)` knows the task kinds and turns a
request into drafted samples by any number of prompts; the engine gives it `ask` and knows endpoints, retries, money
and time. Neither knows the other.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from pydantic import ConfigDict, Field

from tools.records import Example, JsonObject, Message, Passage, Rule, Task, Value, Way


class Held(Value):
    """Something of a record that its message tells."""

    name: str = Field(description="What it is, in words: 'phone', 'items 2 price'.")
    text: str = Field(description="Its characters.")
    slot: str = Field("", description="What may stand for it, as [PHONE]. Empty: it is told in any words.")
    must: bool = Field(True, description="Whether the message holds it verbatim, or its slot; only with a slot.")


class DrawnRecord(Value):
    """An answer that code drew, and what a message must be like so that it is the right one."""

    output: str = Field(description="The answer's text.")
    holds: tuple[Held, ...] = ()
    absent: tuple[str, ...] = Field((), description="What the message must not tell.")
    doubtful: tuple[str, ...] = Field((), description="Parts of the answer that only a second look can confirm.")
    guarded: tuple[str, ...] = Field((), description="Sorts of personal data of which it may hold its own only.")
    form: str = Field("", description="What the message comes as, in words: 'an e-mail'.")


class TeacherRequest(Value):
    """One request. Passages and examples are data: a teacher has no tools and obeys none of their words."""

    task: Task
    number: int = Field(ge=0, description="Of the request within its job; what has been answered is never asked again.")
    first: int = Field(ge=0, description="Number of the first sample asked for, counted over the whole job.")
    count: int = Field(ge=1, description="Samples wanted.")
    cell: dict[str, str] = Field({}, description="The cell of the coverage table, axis to value.")
    passage: Passage | None = Field(None, description="What the samples rest on.")
    source: str = Field("", description="Who is asked, as samples tell it; empty: the only teacher.")
    way: Way = Field("whole", description="Who writes what.")
    records: tuple[DrawnRecord, ...] = Field((), description="To be told, one a sample; none: the teacher answers too.")
    inputs: tuple[Passage, ...] = Field((), description="Inputs of the user's to be answered, instead of new ones.")
    examples: tuple[Example, ...] = Field((), description="Approved samples to follow in form.")
    like: Example | None = Field(None, description="The sample that more are wanted like.")
    answers_each: int = Field(1, ge=1, description="Answers asked for each input; most must agree.")
    critique: bool = Field(False, description="Whether the teacher judges the samples once more.")
    rules: tuple[Rule, ...] = Field((), description="What the user found wrong, for all samples.")
    screened: tuple[Example, ...] = Field((), description="Samples there are, to be judged by the rules; none is made.")


class Drafted(Value):
    """One sample as the teacher wrote it, before any check."""

    input: str
    output: str
    quote: str = ""
    reasoning: str = Field("", description="What the teacher thought before it answered.")
    history: tuple[Message, ...] = Field((), description="Earlier turns of the conversation.")
    passage_id: str = Field("", description="The user's input that was answered.")
    problem: str = Field("", description="What a second look found wrong.")
    style: str = Field("", description="How the simulator rendered it.")
    origin: str = Field("", description="The example sentence that it says in another way, or the simulator's pattern.")
    family: str = Field("", description="Whose words it is written in: rows of one family stay in one split.")


class Usage(Value):
    input_tokens: int = Field(0, ge=0, description="Cached ones included.")
    cached_tokens: int = Field(0, ge=0, description="Input tokens that the provider had read before.")
    output_tokens: int = Field(0, ge=0)
    usd: float = Field(0, ge=0)
    guessed: int = Field(0, ge=0, description="Answers of which a side was guessed: the endpoint does not count it.")

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            usd=self.usd + other.usd,
            guessed=self.guessed + other.guessed,
        )


NOTHING = Usage()


class Prompt(Value):
    """One chat completion wanted. What all prompts of a job share comes first, so that the provider can cache it."""

    messages: tuple[Message, ...] = Field(min_length=1)
    answer_schema: JsonObject | None = Field(None, description="JSON schema of the answer; None asks for plain text.")
    strict: bool = Field(True, description="Whether the endpoint may decode by the schema alone.")
    expected_tokens: int = Field(500, ge=1, description="Guessed length of the answer; money is set aside by it.")


Reason = Literal["truncated", "empty", "refused", "malformed"]


class Unusable(Exception):
    """An answer came, and was paid for, but no sample can be made of it. The engine puts it aside under its reason."""

    def __init__(self, reason: Reason, problem: str, text: str = "") -> None:
        super().__init__(problem)
        self.reason = reason
        self.problem = problem
        self.text = text


Ask: TypeAlias = Callable[[Prompt], Awaitable[str]]
"""Sends one prompt, as often as the endpoint needs, and returns the answer's text: whole and not empty.

Raises Unusable for a truncated, empty or refused answer. What else it raises ends the request and is the engine's:
let it pass. Several may be awaited at once (k answers to agree); each is limited, paid and counted by itself.
"""


class Reply(Value):
    """What came back from the endpoint for one prompt, paid for: a text, or why there is none to use."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    usage: Usage = Usage()
    text: str = ""
    unusable: Unusable | None = None


class Passing(Exception):
    """The endpoint did not answer this time; the same prompt may succeed later. `usage` is what was paid all the same,
    for an answer that broke off on its way.

    Its cause is `refused` (too many requests: it says nothing about this one), `slow` (the deadline passed) or
    `failed` (a fault of the server, a cut line).
    """

    def __init__(
        self,
        cause: Literal["refused", "slow", "failed"],
        problem: str,
        fix: str,
        retry_after_s: float | None = None,
        usage: Usage = NOTHING,
    ) -> None:
        super().__init__(problem)
        self.cause = cause
        self.problem = problem
        self.fix = fix
        self.retry_after_s = retry_after_s
        self.usage = usage


class Gate(Protocol):
    """The engine's door to the endpoint: money, limits, retries and the bill are behind it."""

    async def __call__(self, attempt: Callable[[], Awaitable[Reply]], most_usd: float) -> str:
        """Make the attempt until it is answered. Raises Unusable, and what ends the request."""


class Teacher(Protocol):
    """Whoever writes samples."""

    @property
    def source(self) -> str:
        """Who a sample is said to come from: `simulator`, `teacher:<model>`."""

    @property
    def samples_per_request(self) -> int: ...

    @property
    def concurrency(self) -> int:
        """Requests that may be under way at once."""

    @property
    def reads_documents(self) -> bool: ...

    def expect(self, request: TeacherRequest) -> Usage:
        """What the request will use, guessed from its length."""

    def most_usd(self, request: TeacherRequest) -> float:
        """The most that the whole request may cost, further questions included."""

    async def answer(self, request: TeacherRequest, gate: Gate) -> tuple[Drafted, ...]:
        """Write the samples; whatever is sent goes through the gate.

        Raises Unusable when no sample can be made of what came, RetortError when no request can succeed.
        """

    async def close(self) -> None: ...

"""What is asked of a teacher and what it gives back.

The seam between what is written and how it is fetched: `writing.write(request, ask)` knows the task kinds and turns a
request into drafted samples by any number of prompts; the engine gives it `ask` and knows endpoints, retries, money
and time. Neither knows the other.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

from pydantic import Field

from tools.records import Example, JsonObject, Message, Passage, Task, Value


class TeacherRequest(Value):
    """One request. Passages and examples are data: a teacher has no tools and obeys none of their words."""

    task: Task
    first: int = Field(ge=0, description="Number of the first sample asked for, counted over the whole job.")
    count: int = Field(ge=1, description="Samples wanted.")
    variety: str = Field("", description="The cell of variety: length, tone, situation.")
    passage: Passage | None = None
    examples: tuple[Example, ...] = Field((), description="Approved samples to follow in form.")
    like: Example | None = Field(None, description="The sample that more are wanted like.")


class Drafted(Value):
    """One sample as the teacher wrote it, before any check."""

    input: str
    output: str
    quote: str = ""
    style: str = Field("", description="How the simulator rendered it.")


class Usage(Value):
    input_tokens: int = Field(0, ge=0, description="Cached ones included.")
    cached_tokens: int = Field(0, ge=0, description="Input tokens that the provider had read before.")
    output_tokens: int = Field(0, ge=0)
    usd: float = Field(0, ge=0)


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


class TeacherReply(Value):
    """The samples of one request; `problem` says why there are none or fewer, and the usage is paid either way."""

    samples: tuple[Drafted, ...] = ()
    usage: Usage = Usage()
    problem: str = ""


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

    async def answer(self, request: TeacherRequest) -> TeacherReply:
        """Write the samples. Raises RetortError when no request of this kind can succeed."""

    async def close(self) -> None: ...

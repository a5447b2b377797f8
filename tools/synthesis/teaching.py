"""What is asked of a teacher and what it gives back."""

from typing import Protocol

from pydantic import Field

from tools.records import Example, Passage, Task, Value


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
    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    usd: float = Field(0, ge=0)


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

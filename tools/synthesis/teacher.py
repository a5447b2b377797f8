"""Who writes the samples: the teacher that the settings name, otherwise the simulator."""

from tools.records import Sample, Task
from tools.settings import settings
from tools.simulator.simulator import Simulator
from tools.synthesis.request.writing import expected_prompts, possible_prompts, write
from tools.teacher.budget import priced
from tools.teacher.endpoint import Endpoint, guessed_input_tokens
from tools.teacher.protocol import Drafted, Gate, Prompt, TeacherRequest, Usage


class OpenAITeacher(Endpoint):
    """Asks an endpoint for samples."""

    samples_per_request = 5
    reads_documents = True

    async def answer(self, request: TeacherRequest, gate: Gate) -> tuple[Drafted, ...]:
        async def ask(wanted: Prompt) -> str:
            return await gate(lambda: self.complete(wanted), self.most_usd_of(wanted))

        return await write(request, ask)

    def expect(self, request: TeacherRequest, *, repaired: bool = False) -> Usage:
        """A guess from the length of all its prompts; `repaired` counts those that only a fault asks for."""
        wanted = possible_prompts(request) if repaired else expected_prompts(request)
        read = sum(int(guessed_input_tokens(one)) for one in wanted)
        return priced(self.price, read, sum(one.expected_tokens for one in wanted))

    def most_usd(self, request: TeacherRequest) -> float:
        """All its prompts at their dearest; a later one may hold every word of the replies before it."""
        usd, told = 0.0, 0
        for one in possible_prompts(request):
            usd += self.most_usd_of(one, echoed_tokens=told)
            told += self.most_tokens(one)
        return usd


def pick_teachers(task: Task, seed: str, like: Sample | None = None) -> list[OpenAITeacher | Simulator]:
    """The teachers for this task, one at least. Raises RetortError when one lacks a key, or when there is none but the
    simulator and it cannot do the task.

    `seed` starts the simulator's stream; with `like` it writes samples that resemble this one.
    """
    return [OpenAITeacher(one) for one in settings().teachers] or [Simulator(task, seed, like)]


def pick_teacher(task: Task, seed: str, like: Sample | None = None) -> OpenAITeacher | Simulator:
    """The first of them."""
    return pick_teachers(task, seed, like)[0]

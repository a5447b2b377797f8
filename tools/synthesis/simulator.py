"""The simulator: samples without any model, right by construction. It knows extraction and classification only."""

import json
import random
from collections.abc import Sequence

from tools.errors import RetortError
from tools.records import Sample, Task
from tools.synthesis.meanings import FieldMeaning, guess
from tools.synthesis.phrases import phrases
from tools.synthesis.rendering import STYLES, Renderer, Slot, Style
from tools.synthesis.teaching import Drafted, Gate, TeacherRequest, Usage
from tools.synthesis.values import MISSING_SHARE, Inventor, open_faker
from tools.synthesis.variation import Varier

_SOURCE = "simulator"


class Simulator:
    """A stream of samples: the same seed and number always give the same sample."""

    source = _SOURCE
    samples_per_request = 20
    concurrency = 1
    reads_documents = False

    def __init__(self, task: Task, seed: str, like: Sample | None = None) -> None:
        """Raises RetortError naming what this task asks that the simulator cannot do."""
        self.task = task
        self.seed = seed
        self.style, self.present = _resembled(task, like)
        if task.kind == "classification":
            self._varier = Varier(task, like)
        elif task.kind == "extraction":
            self._meanings = _meanings(task)
            self._faker = open_faker(task.language)
        else:
            answers = "whose kind is not known" if task.kind is None else "with open answers"
            raise RetortError(
                f"The simulator cannot write samples of a task {answers}: it knows extraction and classification only.",
                "Name a teacher with RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY, or import rows of your own.",
            )

    def sample(self, number: int) -> Drafted:
        """Sample `number` of the stream."""
        rng = random.Random(f"{self.seed}/{number}")
        if self.task.kind == "classification":
            return self._varier.sample(number, rng)
        self._faker.seed_instance(f"{self.seed}/{number}/values")
        inventor = Inventor(self._faker, self.task.language, rng)
        present = self._pick(rng)
        chosen = [found for found in self._meanings if found.field.name in present]
        slots = [Slot(found=found, drawn=inventor.draw(found)) for found in chosen]
        return self._rendered(slots, rng)

    async def answer(self, request: TeacherRequest, gate: Gate) -> tuple[Drafted, ...]:
        """Nothing is sent."""
        return tuple(self.sample(number) for number in range(request.first, request.first + request.count))

    def expect(self, request: TeacherRequest) -> Usage:
        return Usage()

    def most_usd(self, request: TeacherRequest) -> float:
        return 0.0

    async def close(self) -> None:
        """Nothing is open."""

    def _pick(self, rng: random.Random) -> frozenset[str]:
        """Names of the fields that this record has; always one at least."""
        if self.present:
            return self.present
        optional = [found.field.name for found in self._meanings if not found.field.required]
        missing = {name for name in optional if rng.random() < MISSING_SHARE}
        if len(missing) == len(self._meanings):
            missing.remove(rng.choice(optional))
        return frozenset(found.field.name for found in self._meanings) - missing

    def _rendered(self, slots: Sequence[Slot], rng: random.Random) -> Drafted:
        renderer = Renderer(self._meanings, phrases(self.task.language), rng)
        style = rng.choice(renderer.styles) if self.style is None else self.style
        text = renderer.render(slots, style)
        values = {slot.found.field.name: slot.drawn.answer for slot in slots}
        answer = {field.name: values.get(field.name) for field in self.task.fields}
        return Drafted(input=text, output=json.dumps(answer, ensure_ascii=False), style=style)


def _meanings(task: Task) -> tuple[FieldMeaning, ...]:
    """The fields' meanings; an address beside a city of its own is only its street, else two cities would be meant."""
    if not task.fields:
        raise RetortError("The task has no fields to extract.", "Say which fields the answer should hold.")
    found = tuple(guess(field) for field in task.fields)
    if {one.meaning for one in found} & {"city", "state", "postcode", "country"}:
        return tuple(one.model_copy(update={"meaning": "street"}) if one.meaning == "address" else one for one in found)
    return found


def _resembled(task: Task, like: Sample | None) -> tuple[Style | None, frozenset[str]]:
    """The style and the fields of the sample that more are wanted like."""
    if like is None or task.kind != "extraction":
        return None, frozenset()
    style = next((name for name in STYLES if like.source == f"{_SOURCE}:{name}"), None)
    try:
        answer = json.loads(like.answer)
    except ValueError:
        answer = None
    values = answer if isinstance(answer, dict) else {}
    return style, frozenset(field.name for field in task.fields if values.get(field.name) is not None)

"""The simulator: samples without any model, right by construction. It knows extraction and classification only."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from tools.errors import RetortError
from tools.records import Sample, Task, TaskField, TaskKind
from tools.simulator.layouts import Layout
from tools.simulator.meanings import FieldMeaning, guess
from tools.simulator.messages import Messages, case_of
from tools.simulator.phrasebook import Book, words_of
from tools.simulator.pieces import Pieces, misspelt, text_of
from tools.simulator.prose import Prose
from tools.simulator.roles import is_about_parcels, parts_of
from tools.simulator.scene import Case, Director, Scene, Voice, asides
from tools.simulator.telling import Teller
from tools.simulator.values import Inventor, open_faker
from tools.simulator.variation import Varier
from tools.teacher.protocol import Drafted, Gate, TeacherRequest, Usage

KINDS: tuple[TaskKind, ...] = ("extraction", "classification")  # what it can write
_SOURCE = "simulator"
Laid = Literal["form", "row", "line", "slip", "record"]
Spoken = Literal["chat", "sms", "sentences", "caps", "voice", "mail", "forward", "note", "dialogue"]
Channel = Literal[Laid, Spoken, "message"]
LAID: tuple[Laid, ...] = get_args(Laid)
SPOKEN: tuple[Spoken, ...] = get_args(Spoken)
WHOLE: Channel = "message"
CHANNELS: tuple[Channel, ...] = (*LAID, *SPOKEN, WHOLE)
# Shares; a language without sentences of ours gets those that are laid out, a task without messages none of these.
_SHARES: dict[Channel, int] = {
    "chat": 15, "sms": 6, "sentences": 21, "caps": 4, "voice": 6, "mail": 17, "forward": 10, "note": 7, "dialogue": 2,
    "form": 6, "row": 1, "line": 2, "slip": 2, "record": 1, "message": 80,
}  # fmt: skip
_MISSPELT = 0.12  # of the texts in a language that parts its words


class Written(NamedTuple):
    """A sample with what its text is made of."""

    drafted: Drafted
    pieces: Pieces
    scene: Scene


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
        self.channel, self.family, self.present = _resembled(task, like)
        if task.kind == "classification":
            self._varier = Varier(task, like)
        elif task.kind == "extraction":
            self._words = words_of(task.language)
            self._parts = parts_of(meanings_of(task.fields))
            self._director = Director(self._parts)
            self._faker = open_faker(task.language)
            self._parcels = is_about_parcels(task)
            choices = {choice.casefold() for part in self._parts for choice in part.found.choices}
            self._choices, self._passing = frozenset(choices), asides(self._parts)
            self._messages = Messages(self._director, self._passing)
        else:
            answers = "whose kind is not known" if task.kind is None else "with open answers"
            raise RetortError(
                f"The simulator cannot write samples of a task {answers}: it knows extraction and classification only.",
                "Name a teacher with RETORT_TEACHER_MODEL and RETORT_TEACHER_API_KEY, or import rows of your own.",
            )

    def sample(self, number: int) -> Drafted:
        """Sample `number` of the stream."""
        if self.task.kind == "classification":
            return self._varier.sample(number, random.Random(f"{self.seed}/{number}"))
        return self.written(number).drafted

    def written(self, number: int) -> Written:
        """Sample `number` of an extraction's stream with what its text is made of."""
        rng = random.Random(f"{self.seed}/{number}")
        self._faker.seed_instance(f"{self.seed}/{number}/values")
        book = next((one for one in self._words.books if one.family == self.family), None)
        book = book or rng.choice(self._words.books)
        messages = self._messages.fitting(book.messages, self.present) if self._parcels else []
        channel = self._channel(book, rng, whole=bool(messages))
        inventor = Inventor(self._faker, self.task.language, rng, firms=self._director.may_be_firms)
        if channel == WHOLE:
            pieces, scene = self._told(rng.choice(messages), book, inventor, rng)
            if not pieces:
                channel, pieces = "sentences", self._rendered(book, "sentences", scene, rng)
        else:
            case, voice = _manner(channel, rng)
            present = self.present or self._director.pick(rng)
            scene = self._director.scene(present, inventor, rng, case=case, voice=voice)
            pieces = self._rendered(book, channel, scene, rng)
        answer = {field.name: scene.answer.get(field.name) for field in self.task.fields}
        drafted = Drafted(
            input=text_of(pieces).strip(),
            output=json.dumps(answer, ensure_ascii=False),
            style=channel,
            origin=f"{book.family}/{channel}",
            family=book.family,
        )
        return Written(drafted, pieces, scene)

    async def answer(self, request: TeacherRequest, gate: Gate) -> tuple[Drafted, ...]:
        """Nothing is sent."""
        return tuple(self.sample(number) for number in range(request.first, request.first + request.count))

    def expect(self, request: TeacherRequest) -> Usage:
        return Usage()

    def most_usd(self, request: TeacherRequest) -> float:
        return 0.0

    async def close(self) -> None:
        """Nothing is open."""

    def _channel(self, book: Book, rng: random.Random, *, whole: bool) -> Channel:
        channels: list[Channel] = [*LAID, *(SPOKEN if book.speaks else ()), *([WHOLE] if whole else ())]
        if self.channel is not None and self.channel in channels:
            return self.channel
        return rng.choices(channels, [_SHARES[channel] for channel in channels])[0]

    def _told(self, message: str, book: Book, inventor: Inventor, rng: random.Random) -> tuple[Pieces, Scene]:
        """A whole message and its scene; no pieces where the scene has not all that it tells."""
        case = case_of(message, rng)
        fields = self._messages.fields(message)
        scene = self._director.scene(fields, inventor, rng, case=case, voice="own", taken_back=0.0)
        pieces, told = self._messages.told(message, scene, self._teller(book, rng).in_passing(), inventor, case)
        return misspelt(pieces, rng) if pieces and rng.random() < _MISSPELT else pieces, told

    def _teller(self, book: Book, rng: random.Random) -> Teller:
        return Teller(book, self._words, rng, parcels=self._parcels, passing=self._passing, choices=self._choices)

    def _rendered(self, book: Book, channel: Channel, scene: Scene, rng: random.Random) -> Pieces:
        teller = self._teller(book, rng)
        laid, prose = Layout(teller, scene, rng), Prose(teller, scene, rng)
        write: dict[Channel, Callable[[], Pieces]] = {
            **{name: getattr(laid, name) for name in LAID},
            **{name: getattr(prose, name) for name in SPOKEN},
        }
        pieces = write[channel]()
        return misspelt(pieces, rng) if self._words.spaced and rng.random() < _MISSPELT else pieces


def _manner(channel: Channel, rng: random.Random) -> tuple[Case, Voice | None]:
    """How names are written in such a text, and who writes it where that is given."""
    if channel == "caps":
        return str.upper, None
    if channel in ("chat", "sms", "voice"):
        return rng.choices((str, str.lower), (60, 40))[0], None
    if channel in LAID:
        return rng.choices((str, str.upper, str.lower), (84, 12, 4))[0], None
    return str, "third" if channel == "note" else None


def meanings_of(fields: Sequence[TaskField]) -> tuple[FieldMeaning, ...]:
    """The fields' meanings; an address beside a city of its own is only its street, else two cities would be meant."""
    if not fields:
        raise RetortError("The task has no fields to extract.", "Say which fields the answer should hold.")
    found = tuple(map(guess, fields))
    if {one.meaning for one in found} & {"city", "state", "postcode", "country"}:
        return tuple(one.model_copy(update={"meaning": "street"}) if one.meaning == "address" else one for one in found)
    return found


def _resembled(task: Task, like: Sample | None) -> tuple[Channel | None, str, frozenset[str]]:
    """The channel, the family and the fields of the sample that more are wanted like."""
    if like is None or task.kind != "extraction":
        return None, "", frozenset()
    channel = next((name for name in CHANNELS if like.source == f"{_SOURCE}:{name}"), None)
    try:
        answer = json.loads(like.answer)
    except ValueError:
        answer = None
    values = answer if isinstance(answer, dict) else {}
    return channel, like.family, frozenset(field.name for field in task.fields if values.get(field.name) is not None)

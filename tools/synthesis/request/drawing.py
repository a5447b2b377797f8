"""Records drawn by code, for a teacher to tell: the answer is right before a word of the message is written.

The values are those of the simulator's inventor, and its director says what is missing, corrected or beside the point.
A record fits its cell of the coverage table: the label or the function, the language, what makes the case hard.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator
from pydantic import JsonValue

from tools.errors import RetortError
from tools.records import JsonObject, Task, TaskField, Way
from tools.simulator.meanings import FieldMeaning, Meaning
from tools.simulator.roles import Sort, parts_of
from tools.simulator.scene import Director, Scene
from tools.simulator.simulator import meanings_of
from tools.simulator.values import MISSING_SHARE, Inventor, open_faker
from tools.synthesis.check.calls import function_of, name_of
from tools.synthesis.request.coverage import ALL_THERE, BESIDE, CORRECTED, MUCH_MISSING, NO_CALL, Cell
from tools.synthesis.request.replies import written
from tools.teacher.protocol import DrawnRecord, Held

if TYPE_CHECKING:
    from faker import Faker

_DRAWS = 20  # until a schema's own limits are kept
_MISSING = {MUCH_MISSING: 0.5, ALL_THERE: 0.0}  # share of what may be left out
_FORMS = (
    "a chat message", "a text message", "an e-mail", "a forwarded e-mail with its header lines", "plain sentences",
    "a note taken for a colleague", "the transcript of a voice message", "a filled-in form", "one line of notes",
    "a short dialogue",
)  # fmt: skip
_GUARDED: dict[Meaning, str] = {"phone": "PHONE", "email": "EMAIL", "iban": "IBAN"}  # what has a form to be found by
# What a message about anything may hold, where the answer is no value of it.
_OFFERED: tuple[tuple[str, Meaning, Sort], ...] = (
    ("name", "name", ""), ("phone", "phone", ""), ("date", "date", ""), ("amount", "amount", ""),
    ("order number", "pattern", "order"),
)  # fmt: skip


class _Cast:
    """Fields whose values are drawn together, and the schema that they keep to."""

    def __init__(self, fields: Sequence[TaskField], schema: JsonObject, *, bare: bool) -> None:
        """`bare`: what is missing is left out of an answer, and not null. RetortError names a field without meaning."""
        self.bare = bare
        self.parts = parts_of(meanings_of(fields)) if fields else ()
        self.director = Director(self.parts)
        self.schema = Draft202012Validator(schema)
        self.guarded = tuple(sorted({_GUARDED[part.meaning] for part in self.parts if part.meaning in _GUARDED}))

    def scene(self, inventor: Inventor, rng: random.Random, difficulty: str) -> Scene | None:
        """A scene of this difficulty; None where the schema asks for values of a kind that nobody draws."""
        if not self.parts:
            return Scene(voice="third", facts=())
        for _ in range(_DRAWS):
            present = self.director.pick(rng, _MISSING.get(difficulty, MISSING_SHARE))
            taken_back = float(difficulty == CORRECTED)
            scene = self.director.scene(present, inventor.another(), rng, voice=None, taken_back=taken_back)
            answer = {name: _told_only(value) for name, value in scene.answer.items()} if self.bare else scene.answer
            if self.schema.is_valid(answer):
                return scene.model_copy(update={"answer": answer})
        return None


class Recorder:
    """The records of one task's requests: the same seed, number and cell always give the same."""

    def __init__(self, task: Task, seed: str) -> None:
        self.task = task
        self.seed = seed
        self._fakers: dict[str, Faker | None] = {}
        self._casts: dict[str, _Cast] = {}  # by the function; an extraction has one
        if task.kind == "extraction":
            self._add("", task.fields, {})  # each key may be left out until the answer is put together
        for tool in task.tools if task.kind == "calling" else ():
            shape = function_of(tool).get("parameters")
            self._add(name_of(tool), *_read(shape if isinstance(shape, dict) else {}))

    def ways(self) -> tuple[Way, ...]:
        """In which ways this task can be asked, today's first."""
        cells = [{"label": label} for label in self.task.labels[:1]] if self.task.kind == "classification" else []
        cells += [{"function": name} for name in self._casts]
        possible = self.task.turns == 1 and self.task.reasoning != "kept"  # both are the teacher's to write
        if not possible or not any(self.records(0, 1, cell) for cell in cells):
            return ("whole",)
        return ("whole", "record", "slots")

    def records(self, number: int, count: int, cell: Cell) -> tuple[DrawnRecord, ...]:
        """Those of request `number`; none where code cannot draw what the cell asks for."""
        language = cell.get("language", "") or self.task.language
        faker = self._faker(language)
        made: list[DrawnRecord] = []
        for one in range(count):
            rng = random.Random(f"{self.seed}/record/{number}/{one}")
            if faker is not None:
                faker.seed_instance(f"{self.seed}/record/{number}/{one}/values")
            record = self._record(cell, faker and Inventor(faker, language, rng), rng)
            if record is None:
                return ()
            made.append(record.model_copy(update={"form": rng.choice(_FORMS)}))
        return tuple(made)

    def _add(self, name: str, fields: Sequence[TaskField] | None, schema: JsonObject) -> None:
        if fields is None:
            return
        try:
            self._casts[name] = _Cast(fields, schema or self._shape(), bare=self.task.kind == "calling")
        except RetortError:  # a field that means nothing to the simulator: the teacher invents its values
            return

    def _shape(self) -> JsonObject:
        return {key: value for key, value in self.task.json_schema().items() if key != "required"}

    def _faker(self, language: str) -> "Faker | None":
        if language not in self._fakers:
            try:
                self._fakers[language] = open_faker(language)
            except RetortError:
                self._fakers[language] = None
        return self._fakers[language]

    def _record(self, cell: Cell, inventor: Inventor | None, rng: random.Random) -> DrawnRecord | None:
        if self.task.kind == "classification":
            return _labelled(cell.get("label", ""), inventor)
        name = cell.get("function", next(iter(self._casts), ""))
        cast = self._casts.get(name)
        if cast is None or inventor is None or name == NO_CALL:
            return None
        inventor.firms = cast.director.may_be_firms
        try:
            scene = cast.scene(inventor, rng, cell.get("difficulty", ""))
        except RetortError:  # a value that this language has not
            return None
        return None if scene is None else self._of_scene(name, cast, scene, cell.get("difficulty", ""))

    def _of_scene(self, name: str, cast: _Cast, scene: Scene, difficulty: str) -> DrawnRecord:
        holds: list[Held] = []
        doubtful: list[str] = []
        if self.task.kind == "calling":
            holds.append(Held(name="the function it needs", text=name, must=False))
            doubtful.append("function")
        there = [part for part in cast.parts if scene.answer.get(part.name) is not None]
        for part in there:
            told = list(_told(part.found, scene.answer[part.name], (part.name,)))
            holds += told
            doubtful += [part.name] if any(not one.must for one in told) else []
        for held, meant in _around(scene, difficulty):
            holds.append(held)
            doubtful += [part.name for part in cast.parts if part.meaning == meant]
        return DrawnRecord(
            output=self._output(name, scene),
            holds=tuple(holds),
            absent=tuple(part.name for part in cast.parts if part not in there),
            doubtful=tuple(dict.fromkeys(doubtful)),
            guarded=cast.guarded,
        )

    def _output(self, name: str, scene: Scene) -> str:
        if self.task.kind == "calling":
            return written(self.task, {"calls": [{"name": name, "arguments": scene.answer}], "reply": ""})
        return written(self.task, {field.name: scene.answer.get(field.name) for field in self.task.fields})


def _labelled(label: str, inventor: Inventor | None) -> DrawnRecord | None:
    """A label, which no code can see in a message, and values that the message may hold."""
    if not label:
        return None
    offered = [
        Held(name=name, text=inventor.draw(_meant(name, meaning), sort).text, slot=_slot((name,)), must=False)
        for name, meaning, sort in (_OFFERED if inventor else ())
        if inventor
    ]
    return DrawnRecord(
        output=label,
        holds=(Held(name="the right answer", text=label, must=False), *offered),
        doubtful=("label",),
    )


def _told(found: FieldMeaning, value: JsonValue, path: tuple[str, ...]) -> Iterator[Held]:
    """Each single value with the names that lead to it; a choice or a yes may be said in any words."""
    if isinstance(value, dict):
        for part in found.parts:
            if value.get(part.field.name) is not None:
                yield from _told(part, value[part.field.name], (*path, part.field.name))
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _told(found, item, (*path, str(number)) if len(value) > 1 else path)
    elif isinstance(value, bool):
        yield Held(name=" ".join(path), text="yes" if value else "no", must=False)
    elif found.meaning == "choice":
        yield Held(name=" ".join(path), text=str(value), must=False)
    else:
        yield Held(name=" ".join(path), text=str(value), slot=_slot(path))


def _around(scene: Scene, difficulty: str) -> Iterator[tuple[Held, Meaning]]:
    """What makes the case hard, and of which meaning it is: a value taken back, something beside the point."""
    for fact in scene.facts:
        if fact.was and fact.part:
            slot = _slot((fact.part.name, "before"))
            yield (
                Held(name=f"{fact.part.name}, wrong at first and then corrected", text=fact.was, slot=slot),
                fact.meaning,
            )
    for fact in scene.others[:1] if difficulty == BESIDE else ():
        who = f"{fact.role or fact.sort} {fact.meaning}".replace("pattern", "number").replace("_", " ")
        yield Held(name=f"{who}, beside the point", text=fact.text, slot=_slot(("other", fact.meaning))), fact.meaning


def _told_only(value: JsonValue) -> JsonValue:
    """Without the keys that are null, at any depth."""
    if isinstance(value, list):
        return [_told_only(item) for item in value]
    if isinstance(value, dict):
        return {name: _told_only(item) for name, item in value.items() if item is not None}
    return value


def _slot(path: Sequence[str]) -> str:
    words = "_".join(path).replace("[", "").replace("]", "").split()
    return f"[{'_'.join(words).upper()}]"


def _meant(name: str, meaning: Meaning) -> FieldMeaning:
    return FieldMeaning(field=TaskField(name=name), meaning=meaning)


# --- the arguments of a function as fields ---------------------------------------------------------------------------


def _read(schema: JsonObject) -> tuple[tuple[TaskField, ...] | None, JsonObject]:
    """The arguments as fields, and the schema; no fields where its shape is not one that values can be drawn for."""
    return _fields(schema), schema or {"type": "object"}


def _fields(schema: JsonObject) -> tuple[TaskField, ...] | None:
    shapes, required = schema.get("properties"), schema.get("required")
    found = [_field(name, shape, required) for name, shape in shapes.items()] if isinstance(shapes, dict) else []
    return None if None in found else tuple(one for one in found if one is not None)


def _field(name: str, shape: JsonValue, required: JsonValue) -> TaskField | None:
    if not isinstance(shape, dict) or shape.get("type") not in _KINDS:
        return None
    inner: Mapping[str, JsonValue] = shape
    if shape["type"] == "array":
        items = shape.get("items")
        inner = items if isinstance(items, dict) else {}
    nested = _fields(dict(inner)) if "properties" in inner else ()
    choices = inner.get("enum")
    if nested is None or (choices is not None and not _is_texts(choices)):
        return None
    return TaskField.model_validate(
        {
            "name": name,
            "kind": "list" if shape["type"] == "array" else shape["type"],
            "description": str(shape.get("description", "")),
            "required": isinstance(required, list) and name in required,
            "choices": choices or (),
            "fields": nested,
        }
    )


_KINDS = ("string", "number", "integer", "boolean", "array", "object")


def _is_texts(value: JsonValue) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)

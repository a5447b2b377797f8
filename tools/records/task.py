"""What a student shall learn: the kind of task, its fields or labels, examples, and what shall vary."""

from typing import Literal

from pydantic import Field

from tools.records.dialogue import JsonObject, Value
from tools.records.field import TaskField, object_schema

TaskKind = Literal[
    "extraction", "classification", "answering", "rewriting", "roleplay", "identity", "calling", "open"
]  # fmt: skip


class Example(Value):
    """One worked example of the user's: an input and the answer it should get."""

    input: str
    output: str


class Persona(Value):
    """Who the student is: for identity a name and a maker, for role-play a card of its character."""

    name: str = ""
    maker: str = Field("", description="Person or company that made it.")
    card: str = Field("", description="Character, tone, background and limits, in the user's words.")


class Coverage(Value):
    """What samples spread over; an empty axis takes the defaults of the task's kind."""

    topics: tuple[str, ...] = Field((), description="What the inputs are about.")
    personas: tuple[str, ...] = Field((), description="Who writes them.")
    difficulties: tuple[str, ...] = Field((), description="What makes an input easy or hard.")
    lengths: tuple[str, ...] = Field((), description="Length of an input in words, as ranges: 1-12, 10-40.")
    languages: tuple[str, ...] = Field((), description="Language codes: en, zh.")


class Task(Value):
    """What the student must learn. A task is complete when `missing()` is empty."""

    kind: TaskKind | None = Field(
        None,
        description="extraction (to JSON), classification (to one label), answering (questions, from a passage), "
        "rewriting (in a style), roleplay (as a persona), identity (who are you), calling (functions), or open (text).",
    )
    input_description: str = Field("", description="What the inputs are, e.g. 'shipping messages'.")
    fields: tuple[TaskField, ...] = Field((), description="The answer's fields, in order (extraction).")
    labels: tuple[str, ...] = Field((), description="The labels to choose from (classification).")
    out_of_scope: str = Field("", description="The label of inputs that no other label fits; empty: there are none.")
    tools: tuple[JsonObject, ...] = Field(
        (), description='The functions to choose from (calling): {"type": "function", "function": {...}} each.'
    )
    persona: Persona = Field(Persona(), description="Who the student is (identity, roleplay).")
    style: str = Field("", description="How the answer should read, e.g. 'formal, at most two sentences' (rewriting).")
    turns: int = Field(1, ge=1, le=16, description="User turns in a sample.")
    learnt: Literal["every", "last"] = Field("every", description="Answers of a conversation that are learnt.")
    reasoning: Literal["none", "dropped", "kept"] = Field(
        "none", description="Whether the teacher thinks in writing first, and whether the student learns that too."
    )
    pii: Literal["keep", "mask"] = Field(
        "keep", description="Whether personal data in documents is replaced by placeholders before the teacher reads."
    )
    coverage: Coverage = Coverage()
    examples: tuple[Example, ...] = Field((), description="Worked examples in the user's own words.")
    language: str = Field("", description="Language of the inputs as a code: en, zh, de ...")
    system_prompt: str = Field("", description="System prompt of every sample; written from the task unless given.")

    def missing(self) -> list[str]:
        """Names of what must still be asked, in the order of asking."""
        needs: dict[str, tuple[bool, bool]] = {  # of each name: whether the kind needs it, whether it is there
            "kind": (True, self.kind is not None),
            "input_description": (self.kind not in ("answering", "roleplay", "identity"), bool(self.input_description)),
            "fields": (self.kind == "extraction", bool(self.fields)),
            "labels": (self.kind == "classification", len(self.labels) >= 2),
            "style": (self.kind == "rewriting", bool(self.style)),
            "persona": (self.kind == "roleplay", bool(self.persona.card)),
            "name": (self.kind == "identity", bool(self.persona.name)),
            "tools": (self.kind == "calling", bool(self.tools)),
            "language": (True, bool(self.language)),
        }
        return [name for name, (needed, there) in needs.items() if needed and not there]

    @property
    def every_label(self) -> tuple[str, ...]:
        """What an answer may be (classification): the labels, and the one of what fits none."""
        return (*self.labels, *([self.out_of_scope] if self.out_of_scope else ()))

    def json_schema(self, *, absent: bool = False) -> JsonObject:
        """The answer's JSON schema: as it is asked for, with every field, each of which may be null; or as an answer is
        held to (`absent`): rows of a user's own may leave out what is not there."""
        return object_schema(self.fields, absent=absent)

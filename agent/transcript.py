"""What a conversation looks like from outside: entries to render, and the approval that waits, if one does."""

from typing import Literal

from pydantic import Field, JsonValue

from tools.records import Estimate, JsonObject, Value

Risk = Literal["spend", "publish", "overwrite", "delete", "review"]  # why a call needs the user's own yes
ShowKind = Literal[
    "samples",
    "documents",
    "passages",
    "dataset",
    "plan",
    "run",
    "comparison",
    "rows",
    "failures",
    "arena",
    "ranking",
    "learning",
    "deployment",
    "trial",
    "costs",
    "report",
    "card",
    "coverage",
    "rule",
]


class Show(Value):
    """Something to look at below a sentence. Ids, never the data itself: the page fetches what it shows.

    samples: sample ids · documents: document ids · passages: passage ids · dataset: its id · plan/run: a run id ·
    comparison: evaluation ids · rows: a filter as JSON, then evaluation ids · failures: an evaluation id ·
    arena: a match as JSON · ranking: who judged · learning: a run id · deployment: its id ·
    trial: [candidate, input, answer] triples, flattened · costs, coverage: none ·
    report: lines to print · rule: rule ids · card: a dataset id and the student reference whose tokens were counted.
    """

    kind: ShowKind
    ids: tuple[str, ...] = ()


class Outcome(Value):
    """What a verb returns: one or two sentences for the conversation, and what to show below them."""

    text: str
    show: tuple[Show, ...] = ()


class Entry(Value):
    """One visible turn of the conversation."""

    id: str
    role: Literal["user", "assistant", "event"]
    text: str
    show: tuple[Show, ...] = ()
    failed: bool = Field(False, description="Whether a command could not be done; the text tells why and the fix.")


class Approval(Value):
    """A gated action that waits for the user's own click or word. Bound to its exact arguments by `digest`."""

    verb: str
    arguments: JsonObject
    estimate: Estimate
    risk: Risk
    digest: str = Field(description="SHA-256 of tool call id, verb and arguments; a decision must quote it.")

    @property
    def said(self) -> list[tuple[str, JsonValue]]:
        """The arguments without those that say nothing: empty texts and lists."""
        return [(name, value) for name, value in self.arguments.items() if value not in ("", [], {}, None)]

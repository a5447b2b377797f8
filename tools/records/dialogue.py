"""What is said in a sample: messages, the calls of tools in them, and the answer that a student learns to give."""

import json
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

JsonObject: TypeAlias = dict[str, JsonValue]


class Value(BaseModel):
    """An immutable value without an identity of its own."""

    # A loss may be no number: written as null it could not be read again.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class ToolCall(Value):
    """One call of a tool by the assistant."""

    name: str = Field(min_length=1)
    arguments: JsonObject = Field({}, description="By name, as the tool's JSON schema names them.")

    def __hash__(self) -> int:  # the values are JSON and have none
        return hash((self.name, *sorted(self.arguments)))


class Message(Value):
    """One chat message of a sample, in the roles that chat templates know."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = Field(description="The text; what a tool gave back for `tool`. May be empty beside tool calls.")
    tool_calls: tuple[ToolCall, ...] = Field(
        (), description="An assistant's calls, answered by the `tool` messages that follow, in this order."
    )
    learnt: bool = Field(True, description="Whether an earlier answer of a conversation is learnt: its loss weight.")

    @property
    def text(self) -> str:
        """The content and then each call, written as the templates of Hermes and Qwen do."""
        calls = [
            f'<tool_call>\n{{"name": {_json(call.name)}, "arguments": {_json(call.arguments)}}}\n</tool_call>'
            for call in self.tool_calls
        ]
        return "\n".join([self.content, *calls] if self.content else calls)

    @classmethod
    def answering(cls, text: str) -> Self:
        """The assistant's message that reads like `text`: calls at its end become tool calls, if all can be read."""
        content, *blocks = text.split("<tool_call>")
        bodies = [block.strip() for block in blocks]
        try:
            calls = tuple(ToolCall.model_validate_json(body.removesuffix("</tool_call>")) for body in bodies)
        except ValueError:
            calls = ()
        if not calls or not all(body.endswith("</tool_call>") for body in bodies):
            return cls(role="assistant", content=text)
        return cls(role="assistant", content=content.removesuffix("\n"), tool_calls=calls)


def _json(value: JsonValue) -> str:
    return json.dumps(value, ensure_ascii=False)


class Dialogue(Value):
    """Messages that end with the assistant's answer, and the tools it may call."""

    messages: tuple[Message, ...] = Field(min_length=2, description="Ends with the assistant's answer.")
    tools: tuple[JsonObject, ...] = Field(
        (), description='Each {"type": "function", "function": {"name", "description", "parameters": JSON schema}}.'
    )

    @property
    def prompt(self) -> tuple[Message, ...]:
        return self.messages[:-1]

    @property
    def question(self) -> str:
        """What the user said last; the results of tools may stand between it and the answer."""
        return next((message.content for message in reversed(self.messages) if message.role == "user"), "")

    @property
    def answer(self) -> str:
        """The answer as one text, calls of tools included (`Message.text`)."""
        return self.messages[-1].text

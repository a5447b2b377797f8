"""The chat template, applied in one place: training, evaluation and serving see the same tokens.

Thinking is switched off by `enable_thinking=False` (Qwen3's template; others ignore the name). Prompt and answer are
tokenised apart, because at inference the prompt is tokenised alone: no token may straddle the border.

Tools are offered, called and answered as the template says. A template that knows no tools gets them in words, in the
markup of Hermes and Qwen, so that any student can learn to call.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prompts import render
from tools.dataset.writing import openai_messages
from tools.errors import RetortError
from tools.records import Dialogue, JsonObject, Message, Value

TEMPLATE_ARGUMENTS = {"enable_thinking": False}
_MARK = "ANSWER"


class Encoded(Value):
    """One sample in tokens."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]  # ends with the token that ends an assistant's turn
    earlier: tuple["Encoded", ...] = ()  # the answers before it in its conversation, each with what was said until then

    @property
    def learnt(self) -> tuple["Encoded", ...]:
        """Every answer that loss is taken on, as it would be given: one after another in the conversation."""
        return (*self.earlier, self.model_copy(update={"earlier": ()})) if self.earlier else (self,)

    @property
    def tokens(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


def load_tokenizer(folder: Path) -> Any:
    """The student's tokenizer; raises RetortError when it has no chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise RetortError(
            f"The student in {folder} has no chat template, so messages cannot be turned into tokens.",
            "Choose an instruct model, or add chat_template.jinja to the folder.",
        )
    return tokenizer


def prompt_text(tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject] = ()) -> str:
    return _rendered(tokenizer, messages, tools, add_generation_prompt=True)


def prompt_ids(tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject] = ()) -> list[int]:
    """Tokens of everything before the answer, the assistant's header included."""
    return _ids(tokenizer, prompt_text(tokenizer, messages, tools))


def end_token_id(tokenizer: Any) -> int:
    """The token that ends an assistant's turn in this template; the tokenizer's end token where there is none."""
    turn = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": _MARK}]
    text: str = tokenizer.apply_chat_template(turn, tokenize=False, **TEMPLATE_ARGUMENTS)
    after = _ids(tokenizer, text.rpartition(_MARK)[2])
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return int(next((token for token in after if token in special), tokenizer.eos_token_id))


def encode(tokenizer: Any, sample: Dialogue, end_id: int | None = None, *, every: bool = False) -> Encoded:
    """Tokens of a whole sample: the prompt, and the answer with its end token (all that loss is taken on).

    With `every`, also the assistant's earlier answers, each behind the prompt that asks for it: a template may tell an
    answer of the past otherwise than it asks for one (Qwen3 thinks before the last alone).
    """
    end = end_token_id(tokenizer) if end_id is None else end_id
    turns = earlier_turns(sample) if every else []
    prompt = prompt_ids(tokenizer, sample.prompt, sample.tools)
    return Encoded(
        prompt_ids=tuple(prompt),
        answer_ids=(*_ids(tokenizer, answer_text(tokenizer, sample, end)), end),
        earlier=tuple(encode(tokenizer, one, end) for one in turns),
    )


def earlier_turns(sample: Dialogue) -> list[Dialogue]:
    """The sample up to each earlier answer that is to be learnt: what the assistant says unasked is none."""
    asked = next((at for at, one in enumerate(sample.messages) if one.role == "user"), len(sample.messages))
    places = [at for at, one in enumerate(sample.prompt) if one.role == "assistant" and at > asked and one.learnt]
    return [Dialogue(messages=sample.messages[: at + 1], tools=sample.tools) for at in places]


def answer_text(tokenizer: Any, sample: Dialogue, end_id: int) -> str:
    """The answer without its end token; calls of tools are written as the student's template writes them."""
    calls = sample.messages[-1].tool_calls
    if not calls or not knows_tools(tokenizer):
        return sample.answer
    prompt = prompt_text(tokenizer, sample.prompt, sample.tools)
    whole = _rendered(tokenizer, sample.messages, sample.tools)
    if not whole.startswith(prompt):
        raise RetortError(
            f"The chat template of the student begins an answer that calls {calls[0].name!r} "
            "differently from how it asks for an answer.",
            "Choose a student whose template begins both in the same way, e.g. hf:Qwen/Qwen3-0.6B.",
        )
    return whole.removeprefix(prompt).rpartition(tokenizer.convert_ids_to_tokens(end_id))[0]


def chat_request(tokenizer: Any, sample: Dialogue) -> dict[str, Any]:
    """What to send an OpenAI-compatible server of this student, so that it sees the same prompt.

    Tools go with `tool_choice: none`: calls then come back as the text that the student wrote, not parsed.
    """
    if _uses_tools(sample.prompt, sample.tools) and not knows_tools(tokenizer):
        return {"messages": openai_messages(in_words(sample.prompt, sample.tools))}
    offered = {"tools": list(sample.tools), "tool_choice": "none"} if sample.tools else {}
    return {"messages": openai_messages(sample.prompt), **offered}


def knows_tools(tokenizer: Any) -> bool:
    """Whether the template tells the model of the tools on offer."""
    offered = [{"type": "function", "function": {"name": _MARK, "description": "", "parameters": {}}}]
    asked = [{"role": "user", "content": "Q"}]
    text: str = tokenizer.apply_chat_template(asked, tools=offered, tokenize=False, **TEMPLATE_ARGUMENTS)
    return _MARK in text


def in_words(messages: Sequence[Message], tools: Sequence[JsonObject]) -> list[Message]:
    """The same without tools: what is on offer in the system message, calls and results as marked text."""
    told: list[Message] = []
    for before, message in zip([None, *messages], messages, strict=False):
        if message.role != "tool":
            told.append(Message(role=message.role, content=message.text))
            continue
        result = f"<tool_response>\n{message.content}\n</tool_response>"
        if before is not None and before.role == "tool":  # results of one turn share a message
            result = f"{told.pop().content}\n{result}"
        told.append(Message(role="user", content=result))
    if tools:
        offer = render("student/tools", tools="\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools))
        own = told.pop(0).content if told[0].role == "system" else ""
        told.insert(0, Message(role="system", content=f"{own}\n\n{offer}".lstrip()))
    return told


def _rendered(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject], *, add_generation_prompt: bool = False
) -> str:
    if _uses_tools(messages, tools) and not knows_tools(tokenizer):
        messages, tools = in_words(messages, tools), ()
    text: str = tokenizer.apply_chat_template(
        [_template_row(message) for message in messages],
        tools=list(tools) or None,
        tokenize=False,
        add_generation_prompt=add_generation_prompt,
        **TEMPLATE_ARGUMENTS,
    )
    return text


def _uses_tools(messages: Sequence[Message], tools: Sequence[JsonObject]) -> bool:
    return bool(tools) or any(message.role == "tool" or message.tool_calls for message in messages)


def _template_row(message: Message) -> dict[str, Any]:
    """The message as templates take it: arguments as an object, which the protocol has as text."""
    calls = [{"type": "function", "function": call.model_dump()} for call in message.tool_calls]
    return {"role": message.role, "content": message.content, **({"tool_calls": calls} if calls else {})}


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids

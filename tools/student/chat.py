"""The chat template, applied in one place: training, evaluation and serving see the same tokens.

A tokenizer is loaded with its template put right (`template.py`): what the template cannot take is brought into the
form that it takes, or the student is refused with a sentence. Prompt and answer are tokenised apart, because at
inference the prompt is tokenised alone: no token may straddle the border.

An answer that begins with reasoning in writing is asked for with the template's switch on, any other with it off.

Tools are offered, called and answered as the template says. A template that knows no tools gets them in words, in the
markup of Hermes and Qwen, so that any student can learn to call.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from prompts import render
from tools.dataset.writing import openai_messages
from tools.errors import RetortError
from tools.records import Dialogue, JsonObject, Message, ToolCall, Value
from tools.student.config import read_json, text_config
from tools.student.template import OTHER_STUDENT, Mends, Refused, find_mends, mended
from tools.text.reasoning import CLOSED, LEFT_OPEN, OPENS, TAGS, opens_reasoning

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


# --- a student's tokenizer, its template tried ----------------------------------------------------------------------


def load_tokenizer(folder: Path) -> Any:
    """The student's tokenizer with its chat template put right.

    Raises RetortError where a conversation cannot be turned into tokens that the model knows and that have an end.
    """
    return _tried(folder)[0]


def probe(folder: Path) -> str:
    """Try the student's chat template; a sentence on what is done about it, and which token ends an answer.

    Raises RetortError as `load_tokenizer` does.
    """
    tokenizer, mends = _tried(folder)
    end = tokenizer.convert_ids_to_tokens(end_token_id(tokenizer))
    notes = [*mends.notes, f"ends an answer with {end}"]
    told = f"{'; '.join(notes[:-1])}; and {notes[-1]}" if mends.notes else notes[0]
    return f"its chat template {told}"


def _tried(folder: Path) -> tuple[Any, Mends]:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise RetortError(
            f"The tokenizer in {folder} cannot be loaded: {_line(error)}.", f"Save it there again, {OTHER_STUDENT}"
        ) from error
    source = _one_template(tokenizer.chat_template)
    if not source:
        raise RetortError(
            f"The student in {folder} has no chat template, so messages cannot be turned into tokens.",
            "Choose an instruct model, or add chat_template.jinja to the folder.",
        )

    def shown(template: str, turns: Sequence[Mapping[str, str]], ask: bool, thinks: bool) -> str:
        tokenizer.chat_template = template
        return _applied(tokenizer, [dict(turn) for turn in turns], ask=ask, thinks=thinks)

    mends = find_mends(source, shown, tokenizer.bos_token or "")
    tokenizer.chat_template = mended(source, mends, _control_tokens(tokenizer))
    end_token_id(tokenizer)
    _need_known(tokenizer, folder)
    return tokenizer, mends


def _one_template(given: str | Mapping[str, str] | None) -> str:
    """A template of several names as one: that for tools where tools are on offer, and the default."""
    if not isinstance(given, Mapping):
        return given or ""
    default = given.get("default", next(iter(given.values()), ""))
    if "tool_use" not in given:
        return default
    return f"{{% if tools %}}\n{given['tool_use']}{{% else %}}\n{default}{{% endif %}}"


def _control_tokens(tokenizer: Any) -> list[str]:
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return [*dict.fromkeys([*tokenizer.all_special_tokens, *added])]


def _need_known(tokenizer: Any, folder: Path) -> None:
    """Every token of a conversation must have a row in the model's embeddings."""
    known = text_config(folder).get("vocab_size")
    asked = (Message(role="system", content="S"), Message(role="user", content="Q"))
    used = {*prompt_ids(tokenizer, asked), end_token_id(tokenizer)}
    if isinstance(known, int) and (unknown := sorted(token for token in used if token >= known)):
        raise RetortError(
            f"The tokenizer in {folder} writes {tokenizer.convert_ids_to_tokens(unknown[0])!r} as token {unknown[0]}, "
            f"but the model knows {known} tokens.",
            f"Resize the model's embeddings to its tokenizer, {OTHER_STUDENT}",
        )


# --- where an answer ends -------------------------------------------------------------------------------------------


def end_token_id(tokenizer: Any) -> int:
    """The token that ends an assistant's turn in this template; the tokenizer's end token where there is none.

    It is learnt in training, and stops an answer everywhere. Raises RetortError where there is neither.
    """
    turn: list[JsonObject] = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": _MARK}]
    after = _ids(tokenizer, _applied(tokenizer, turn).rpartition(_MARK)[2])
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    ends = (token for token in after if token in special and tokenizer.decode([token]).strip())
    end = next(ends, tokenizer.eos_token_id)
    if end is None:
        raise RetortError(
            "The student's chat template ends no answer, and its tokenizer names no eos_token.",
            f"Name one in its tokenizer_config.json, {OTHER_STUDENT}",
        )
    return int(end)


def end_token_ids(tokenizer: Any, folder: Path) -> list[int]:
    """Whatever ends an answer, in evaluation and in serving alike: the template's end of turn first, then the
    tokenizer's end, and those that the model's own files declare."""
    declared = read_json(folder / "generation_config.json").get("eos_token_id", text_config(folder).get("eos_token_id"))
    listed = declared if isinstance(declared, list) else [declared]
    ends = (end_token_id(tokenizer), tokenizer.eos_token_id, *listed)
    return list(dict.fromkeys(end for end in ends if isinstance(end, int)))


# --- messages to tokens ---------------------------------------------------------------------------------------------


def template_arguments(thinks: bool = False) -> dict[str, bool]:
    """What a template is told beside the messages."""
    return {"enable_thinking": thinks}


def prompt_text(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject] = (), *, thinks: bool = False
) -> str:
    return _rendered(tokenizer, messages, tools, ask=True, thinks=thinks)


def prompt_ids(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject] = (), *, thinks: bool = False
) -> list[int]:
    """Tokens of everything before the answer, the assistant's header included; `thinks`: the answer shall begin with
    reasoning."""
    return _ids(tokenizer, prompt_text(tokenizer, messages, tools, thinks=thinks))


def encode(tokenizer: Any, sample: Dialogue, end_id: int | None = None, *, every: bool = False) -> Encoded:
    """Tokens of a whole sample: the prompt, and the answer with its end token (all that loss is taken on).

    With `every`, also the assistant's earlier answers, each behind the prompt that asks for it: a template may tell an
    answer of the past otherwise than it asks for one (Qwen3 thinks before the last alone).
    """
    end = end_token_id(tokenizer) if end_id is None else end_id
    turns = earlier_turns(sample) if every else []
    prompt = prompt_text(tokenizer, sample.prompt, sample.tools, thinks=opens_reasoning(sample.answer))
    return Encoded(
        prompt_ids=tuple(_ids(tokenizer, prompt)),
        answer_ids=(*_answer_ids(tokenizer, sample, prompt, end), end),
        earlier=tuple(encode(tokenizer, one, end) for one in turns),
    )


def earlier_turns(sample: Dialogue) -> list[Dialogue]:
    """The sample up to each earlier answer that is to be learnt: what the assistant says unasked is none."""
    asked = next((at for at, one in enumerate(sample.messages) if one.role == "user"), len(sample.messages))
    places = [at for at, one in enumerate(sample.prompt) if one.role == "assistant" and at > asked and one.learnt]
    return [Dialogue(messages=sample.messages[: at + 1], tools=sample.tools) for at in places]


def _answer_ids(tokenizer: Any, sample: Dialogue, prompt: str, end_id: int) -> list[int]:
    """The answer without its end token; calls of tools are written as the student's template writes them."""
    calls = sample.messages[-1].tool_calls
    if not calls or not knows_tools(tokenizer):
        return text_ids(tokenizer, _behind(prompt, sample.answer))
    shielded, marks = _shielded(sample.messages[-1], _control_tokens(tokenizer))
    whole = _rendered(tokenizer, (*sample.prompt, shielded), sample.tools)
    # The end of a reasoning that was not asked for may stand in the prompt alone.
    before = next((one for one in (prompt, CLOSED.sub("", prompt)) if whole.startswith(one)), None)
    if before is None:
        raise RetortError(
            f"The chat template of the student begins an answer that calls {calls[0].name!r} "
            "differently from how it asks for an answer.",
            "Choose a student whose template begins both in the same way, e.g. hf:Qwen/Qwen3-0.6B.",
        )
    answer = whole.removeprefix(before).rpartition(tokenizer.convert_ids_to_tokens(end_id))[0]
    if not marks:
        return _ids(tokenizer, answer)
    pieces = re.split(f"([{''.join(marks)}])", answer)
    return [id_ for one in pieces for id_ in (_plain if one in marks else _ids)(tokenizer, marks.get(one, one))]


def _shielded(message: Message, control: Sequence[str]) -> tuple[Message, dict[str, str]]:
    """The message with a private sign for each control token in its words, so that a template's own ones differ."""
    own = [token for token in control if token in message.text]
    marks = {chr(0xE000 + number): token for number, token in enumerate(own)}
    told = message.model_dump_json()
    for mark, token in marks.items():
        told = told.replace(json.dumps(token, ensure_ascii=False)[1:-1], mark)
    return Message.model_validate_json(told), marks


def _behind(prompt: str, answer: str) -> str:
    """An answer as it goes on from the prompt: a reasoning that the prompt opens is not opened again."""
    if not opens_reasoning(answer):
        return answer
    if CLOSED.search(prompt):
        raise RetortError(
            "The student's chat template ends all reasoning before an answer begins, and these answers begin with it.",
            f"Say 'drop the reasoning', {OTHER_STUDENT}",
        )
    opened, bare = LEFT_OPEN.search(prompt), answer.lstrip()
    if not opened:
        return answer
    return bare.removeprefix(opened[0]) if bare.startswith(opened[0]) else OPENS.sub("", bare, count=1)


def text_ids(tokenizer: Any, text: str) -> list[int]:
    """Tokens of words of a person or a model: what reads like a control token in them is none, but for the marks of
    reasoning."""
    if not any(token in text for token in _control_tokens(tokenizer)):
        return _ids(tokenizer, text)
    pieces = TAGS.split(text)
    return [id_ for one in pieces for id_ in (_ids if TAGS.fullmatch(one) else _plain)(tokenizer, one)]


def _plain(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


# --- tools ------------------------------------------------------------------------------------------------------------


def chat_request(tokenizer: Any, sample: Dialogue) -> dict[str, Any]:
    """What to send an OpenAI-compatible server of this student, so that it sees the same prompt.

    Tools go with `tool_choice: none`: calls then come back as the text that the student wrote, not parsed.
    """
    if _uses_tools(sample.prompt, sample.tools) and not knows_tools(tokenizer):
        return {"messages": openai_messages(in_words(sample.prompt, sample.tools))}
    offered = {"tools": list(sample.tools), "tool_choice": "none"} if sample.tools else {}
    return {"messages": openai_messages(sample.prompt), **offered}


def knows_tools(tokenizer: Any) -> bool:
    """Whether the template tells the model of the tools on offer, of calls and of what came back."""
    return _knows_tools(tokenizer, str(tokenizer.chat_template))


@lru_cache(maxsize=8)
def _knows_tools(tokenizer: Any, _template: str) -> bool:
    offered: JsonObject = {"name": "Offered7", "description": "", "parameters": {"type": "object", "properties": {}}}
    turns = (
        Message(role="user", content="Q"),
        Message(role="assistant", content="", tool_calls=(ToolCall(name="Called7", arguments={"a": "Given7"}),)),
        Message(role="tool", content="Result7"),
        Message(role="assistant", content="A"),
    )
    try:
        text = _as_told(tokenizer, turns, [{"type": "function", "function": offered}])
    except Refused:
        return False
    return all(mark in text for mark in ("Offered7", "Called7", "Given7", "Result7"))


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


# --- the template, applied --------------------------------------------------------------------------------------------


def _rendered(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject], *, ask: bool = False, thinks: bool = False
) -> str:
    if _uses_tools(messages, tools) and not knows_tools(tokenizer):
        messages, tools = in_words(messages, tools), ()
    return _as_told(tokenizer, messages, tools, ask=ask, thinks=thinks)


def _as_told(
    tokenizer: Any, messages: Sequence[Message], tools: Sequence[JsonObject], *, ask: bool = False, thinks: bool = False
) -> str:
    rows = [_template_row(message) for message in messages]
    return _applied(tokenizer, rows, tools, ask=ask, thinks=thinks)


def _applied(
    tokenizer: Any,
    rows: Sequence[JsonObject],
    tools: Sequence[JsonObject] = (),
    *,
    ask: bool = False,
    thinks: bool = False,
) -> str:
    """The template's text. Raises Refused with the template's own words, whatever it fails at: it is foreign code."""
    from jinja2.exceptions import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(
            rows,
            tools=list(tools) or None,
            tokenize=False,
            add_generation_prompt=ask,
            **template_arguments(thinks),
        )
    except (
        TemplateError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        turns = ", ".join(str(row["role"]) for row in rows)
        raise Refused(_line(error), f"a conversation of the turns {turns}") from error
    return text


def _uses_tools(messages: Sequence[Message], tools: Sequence[JsonObject]) -> bool:
    return bool(tools) or any(message.role == "tool" or message.tool_calls for message in messages)


def _template_row(message: Message) -> JsonObject:
    """The message as templates take it: arguments as an object, which the protocol has as text."""
    calls: list[JsonValue] = [{"type": "function", "function": call.model_dump()} for call in message.tool_calls]
    return {"role": message.role, "content": message.content, **({"tool_calls": calls} if calls else {})}


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]

"""The chat template, applied in one place: training, evaluation and serving see the same tokens.

Thinking is switched off by `enable_thinking=False` (Qwen3's template; others ignore the name). Prompt and answer are
tokenised apart, because at inference the prompt is tokenised alone: no token may straddle the border.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.errors import RetortError
from tools.records import Message, Value

TEMPLATE_ARGUMENTS = {"enable_thinking": False}
_MARK = "ANSWER"


class Encoded(Value):
    """One sample in tokens."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]  # ends with the token that ends an assistant's turn

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


def prompt_text(tokenizer: Any, messages: Sequence[Message]) -> str:
    rows = [message.model_dump() for message in messages]
    text: str = tokenizer.apply_chat_template(rows, tokenize=False, add_generation_prompt=True, **TEMPLATE_ARGUMENTS)
    return text


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Tokens of everything before the answer, the assistant's header included."""
    ids: list[int] = tokenizer(prompt_text(tokenizer, messages), add_special_tokens=False)["input_ids"]
    return ids


def end_token_id(tokenizer: Any) -> int:
    """The token that ends an assistant's turn in this template; the tokenizer's end token where there is none."""
    turn = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": _MARK}]
    text: str = tokenizer.apply_chat_template(turn, tokenize=False, **TEMPLATE_ARGUMENTS)
    after = tokenizer(text.rpartition(_MARK)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return int(next((token for token in after if token in special), tokenizer.eos_token_id))


def encode(tokenizer: Any, messages: Sequence[Message], end_id: int | None = None) -> Encoded:
    """Tokens of a whole sample: the prompt, and the answer with its end token (all that loss is taken on)."""
    answer = tokenizer(messages[-1].content, add_special_tokens=False)["input_ids"]
    end = end_token_id(tokenizer) if end_id is None else end_id
    return Encoded(prompt_ids=tuple(prompt_ids(tokenizer, messages[:-1])), answer_ids=(*answer, end))

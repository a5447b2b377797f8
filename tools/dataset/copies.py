"""What of an input makes it a copy of another one: words, and the values that fill them.

A generated text is a copy whatever its greeting, the order of its sentences and the values that fill it: whoever wrote
it wrote the other. A user's own forms and receipts of one layout are documents of their own: of rows that they gave
only those are copies whose words and values are nearly the same.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from pydantic import JsonValue

from tools.records import REAL, Copies, Dialogue, LeftOut, Sample, Value
from tools.text.language import CJK
from tools.text.same_input import input_key, same_key

Likeness: TypeAlias = Literal["equal", "near"]
SAME_VALUES = 0.9  # share of the values of each that stand in the other, from which the values are nearly the same
_GREETING = re.compile(
    r"^\W*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|guten (?:tag|morgen|abend)|bonjour|salut"
    r"|hola|buenos d[ií]as|ol[áa]|bom dia|boa tarde|ciao)\b[^.,!:;\n]{0,30}[.,!:;\n]+"
    r"|^\W*(?:您好|你好|早上好|下午好|晚上好|大家好|亲爱的[^，,。！!：:\n]{0,12})[，,。！!：:\s]*"
    r"|(?<![^\s.,!?;])(?:many thanks|thanks|thank you|cheers|(?:best|kind|warm)? ?regards|best wishes|sincerely|"
    r"(?:vielen )?dank(?:e)?|mit freundlichen gr[üu](?:ß|ss)en|merci|gracias|obrigad[oa]|grazie)\b[^.!\n]{0,30}[.!\s]*$"
    r"|(?:非常感谢|谢谢|多谢|感谢|此致)[^，,。！!\n]{0,8}[，,。！!\s]*$",
    re.IGNORECASE,
)
_CODED = re.compile(r"\S*\d\S*")
_DIGITS = re.compile(r"\d+")
_NO_WORD = re.compile(r"[\W_]+")
_WORD = re.compile(rf"[{CJK}]|[^\s{CJK}]+")  # "24/07/2017" and "9.00" are one: their parts stand in many
_NAME = re.compile(r"(?<=[^\W_][,;:]\s)[A-Z][^\W\d_]+|(?<=[^\W_]\s)[A-Z][^\W\d_]+")  # within a sentence
_FILLED = re.compile(r"^[^\n:：\t|=]{1,40}[:：\t|=][ \t]*(\S[^\n]*)$", re.MULTILINE)


class Compared(Value):
    """What is compared of one input of a user's own."""

    text: str  # as a key, without greetings
    words: frozenset[str]
    values: frozenset[str]  # words of what fills it
    figures: frozenset[str]  # those of its answer that hold a digit: no slip is small in a date or an amount


def keeps(copies: Copies, how: Likeness | None) -> bool:
    """Whether the user wants what is so like a sealed row to be learnt all the same."""
    return copies == "all" or (copies == "near" and how == "near")


def left(why: Literal["equal", "near", "equal-real", "near-real"], gone: Sequence[Sample]) -> LeftOut | None:
    return LeftOut(why=why, rows=len(gone), example=gone[0].question) if gone else None


def given(sample: Sample) -> bool:
    """Whether the input is the user's own, and no text that was written for the task."""
    return sample.source.startswith(("import:", REAL)) or sample.origin.startswith("input ")


def loose_key(sample: Sample) -> str:
    """The input also without what near-duplicates differ in: digits and signs."""
    said = input_key(sample.messages)
    return _bare(said) or said  # an input of signs alone stands for itself


def frame(sample: Sample) -> str:
    """A generated input without its greeting and the values that fill it. Rows of a family need no such care: its words
    are known, and kept together by name."""
    if sample.family:
        return loose_key(sample)
    said = same_key(_asked(sample))
    for value in sorted(filter(None, map(same_key, _leaves(sample))), key=len, reverse=True):
        said = re.sub(rf"(?<![^\W_{CJK}]){re.escape(value)}(?![^\W_{CJK}])", " 0 ", said)
    return _bare(_CODED.sub("0", said)) or loose_key(sample)


def compared(sample: Dialogue) -> Compared:
    """A user's own input as it is compared with others."""
    said = _asked(sample)
    text = same_key(said)
    answered = frozenset(word for one in _leaves(sample) for word in _words(one))
    shown = [*_CODED.findall(text), *_NAME.findall(said), *_FILLED.findall(said)]
    words = frozenset(_words(text))
    values = words & {*answered, *(word for one in shown for word in _words(one))}
    figures = frozenset(word for word in words & answered if _DIGITS.search(word))
    return Compared(text=text, words=words, values=values, figures=figures)


def same_values(a: Compared, b: Compared) -> bool:
    """Whether what fills the one also stands in the other, and the other way round, but for a slip."""
    if not (a.figures <= b.words and b.figures <= a.words):
        return False
    return _within(a.values, b.words) and _within(b.values, a.words)


def greeted(text: str) -> str:
    """The text without a greeting at its beginning and thanks at its end."""
    while (bare := _GREETING.sub("", text.strip())) != text:
        text = bare
    return text


def _within(values: frozenset[str], words: frozenset[str]) -> bool:
    return len(values & words) >= SAME_VALUES * len(values)


def _asked(sample: Dialogue) -> str:
    """What the student reads, each message without its greeting unless that is all of it."""
    return "\n".join(greeted(one.text) or one.text for one in sample.prompt if one.role != "system")


def _bare(said: str) -> str:
    return _NO_WORD.sub(" ", _DIGITS.sub("0", said)).strip()


def _words(text: str) -> list[str]:
    return [bare for one in _WORD.findall(same_key(text)) if (bare := one.strip("()[]{}<>*#=|"))]


def _leaves(sample: Dialogue) -> Iterator[str]:
    """The values of an answer that is an object, and of calls."""
    for call in sample.messages[-1].tool_calls:
        yield from _texts(call.arguments)
    try:
        found = json.loads(sample.answer) if sample.answer.lstrip().startswith(("{", "[")) else None
    except (ValueError, RecursionError):
        return
    yield from _texts(found)


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
    elif value is not None and not isinstance(value, bool):
        yield f"{value:g}" if isinstance(value, float) else str(value)

"""Whether two inputs are the same to a student: one definition for synthesis, split and leak check.

Case, width, spacing and the marks that end or separate words do not count: "Call Ann, please!" is "call ann please".
Whatever may carry a meaning does: signs ("A-1" is not "A 1", "12 + 30" is not "12 - 30"), and a mark inside a word or
a number ("can't" is not "cant", "3.5" is not "35").
"""

import re
import unicodedata
from collections.abc import Sequence

from tools.records import Message
from tools.text.folding import DASHES
from tools.text.language import CJK

# Marks that end, separate or quote, as they are after NFKC (which turns the full-width ones and "…" into ASCII).
_MARKS = ".,;:!?'\"“”„«»‹›¿¡·،؛؟।、。「」『』《》〈〉"
_APOSTROPHES = re.compile("[‘’‛ʼ`´]")
_DASHES = re.compile(f"[{DASHES}]")
_MARK = rf"[{re.escape(_MARKS)}]"
_SOLID = rf"[^\s{re.escape(_MARKS)}{CJK}]"  # Chinese and Japanese write without spaces: a mark between signs separates
# A mark counts between two letters, digits or signs, before a decimal as in ".5", and in "!=" and ":=".
_COUNTING = rf"(?<={_SOLID}){_MARK}(?={_SOLID})|(?<!{_SOLID})(?<!\.)\.(?=\d)|[!:]="
_ANY_MARK = re.compile(rf"({_COUNTING})|{_MARK}")
_IDLE_SPACE = re.compile(rf"\s+(?=[^\w\s]|[{CJK}])|(?<=[^\w\s])\s+|(?<=[{CJK}])\s+")  # beside a sign


def same_key(text: str) -> str:
    """Texts with one key are the same input. A text of marks alone stands for itself; only white space has no key."""
    key = _reduced(text)
    while (again := _reduced(key)) != key:  # a space before an accent of its own has gone: both are one letter now
        key = again
    return key


def _reduced(text: str) -> str:
    spoken = _APOSTROPHES.sub("'", text)  # before NFKC, which makes a space and an accent of "´"
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", spoken).casefold())
    plain = _DASHES.sub("-", _APOSTROPHES.sub("'", plain))
    words = " ".join(_ANY_MARK.sub(lambda mark: mark[1] or " ", plain).split())
    return _IDLE_SPACE.sub("", words) or " ".join(plain.split())


def input_key(messages: Sequence[Message]) -> str:
    """The key of what a student reads before its answer, the last of `messages`.

    Earlier turns and passages belong to the input: a "yes" after two conversations is not the same. The system prompt,
    which all samples of a task share, does not.
    """
    return same_key("\n".join(message.text for message in messages[:-1] if message.role != "system"))

"""How long a text is, in words and in tokens, before any tokenizer is at hand."""

import re

_WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
IN_WORDS = "about 4 letters, or 1 Chinese character, a token"


def words(text: str) -> int:
    """Words; a Chinese, Japanese or Korean one is taken as 1.5 characters."""
    wide = len(_WIDE.findall(text))
    return len(_WIDE.sub(" ", text).split()) + round(wide / 1.5)


def guessed_tokens(text: str) -> int:
    """Tokens by rule, rounded up: no student's tokenizer needs many more for English or for Chinese prose.

    A letter beyond ASCII that is not wide (accents, Greek, Cyrillic) counts as half a token.
    """
    wide = len(_WIDE.findall(text))
    ascii_letters = len(text.encode("ascii", "ignore"))
    other = len(text) - wide - ascii_letters
    return wide + (other + 1) // 2 + (ascii_letters + 3) // 4

"""JSON wherever a row holds some: read strictly, but for the spaces between its tokens."""

import json
import re
from typing import Any

from tools.text.strict_json import DECODER

_ODD = r"[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]"
_ODD_SPACE = re.compile(_ODD)
# A string that never ends is taken to the end at once: looking again from each quote in it would be quadratic.
_STRING_OR_SPACE = re.compile(rf'"(?:[^"\\]|\\.)*"?|{_ODD}', re.DOTALL)


def loads(text: str) -> Any:
    """The value. Raises ValueError (JSONDecodeError for what is no JSON) and RecursionError."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError:
        plain = plain_spaces(text)
        if plain == text:
            raise
        return DECODER.decode(plain)


def plain_spaces(text: str) -> str:
    """The text, as long as before, with a space for each no-break or invisible one between its tokens."""
    if not _ODD_SPACE.search(text):
        return text
    return _STRING_OR_SPACE.sub(lambda match: match[0] if match[0].startswith('"') else " ", text)

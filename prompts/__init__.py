"""Prompts are Markdown with named fields, `{{name}}`; a missing or an unknown field is an error."""

import re
from functools import cache
from pathlib import Path

_FIELD = re.compile(r"\{\{(\w+)\}\}")


def render(name: str, /, **fields: str) -> str:
    """The prompt `prompts/<name>.md` with its fields filled in.

    Raises KeyError naming the fields that are missing or unknown: a prompt and its caller must agree exactly.
    """
    text, wanted = _read(name)
    if wanted != fields.keys():
        raise KeyError(f"prompt {name}: missing {sorted(wanted - set(fields))}, unknown {sorted(set(fields) - wanted)}")
    return _FIELD.sub(lambda match: fields[match.group(1)], text).strip()


@cache
def _read(name: str) -> tuple[str, frozenset[str]]:
    """The prompt's text and its fields."""
    text = (Path(__file__).parent / f"{name}.md").read_text(encoding="utf-8")
    return text, frozenset(_FIELD.findall(text))

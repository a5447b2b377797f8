"""Prompts are Markdown with named fields, `{{name}}`; a missing or an unknown field is an error."""

import re
from functools import cache
from pathlib import Path

_FIELD = re.compile(r"\{\{(\w+)\}\}")


def render(name: str, /, **fields: str) -> str:
    """The prompt `prompts/<name>.md` with its fields filled in.

    Raises KeyError naming the fields that are missing or unknown: a prompt and its caller must agree exactly.
    """
    text = _read(Path(__file__).parent / f"{name}.md")
    wanted = set(_FIELD.findall(text))
    if wanted != set(fields):
        raise KeyError(f"prompt {name}: missing {sorted(wanted - set(fields))}, unknown {sorted(set(fields) - wanted)}")
    return _FIELD.sub(lambda match: fields[match.group(1)], text).strip()


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")

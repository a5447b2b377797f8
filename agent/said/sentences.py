"""Sentences by key and language, with their fields filled in."""

import re
from functools import cache
from pathlib import Path

import yaml

from agent.command import Tongue

FALLBACK: Tongue = "en"
CATALOGUES: tuple[Tongue, ...] = ("en", "zh")  # languages that Retort speaks; it understands more


_FIELD = re.compile(r"\{(\w+)\}")  # other braces, as of a JSON example, stand for themselves


def say(key: str, tongue: Tongue, **fields: object) -> str:
    """The sentence of this key with its fields filled in. KeyError for an unknown key, ValueError for other fields."""
    sentence = sentences(tongue)[key]
    if set(_FIELD.findall(sentence)) != set(fields):
        raise ValueError(f"the sentence {key!r} has other fields than {', '.join(fields) or 'none'}: {sentence!r}")
    return _FIELD.sub(lambda match: str(fields[match[1]]), sentence)


def knows(key: str, tongue: Tongue) -> bool:
    return key in sentences(tongue)


@cache
def sentences(tongue: Tongue) -> dict[str, str]:
    """The whole catalogue of a language; English for those that have none yet."""
    chosen = tongue if tongue in CATALOGUES else FALLBACK
    found: dict[str, str] = yaml.safe_load((Path(__file__).parent / f"{chosen}.yaml").read_text(encoding="utf-8"))
    return found

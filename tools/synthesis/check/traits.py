"""What code can see of a sample, and what bad samples share that no good one has. No model, and so no understanding."""

import re
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from tools.records import Sample
from tools.text.strict_json import parse_json

_WORD = re.compile(r"\w{3,}")
_MOST_SHAPE = 30  # characters of a value whose shape says something


def traits(sample: Sample, told: str = "") -> frozenset[str]:
    """The sample's traits in words. Of what it says, only words that the user's own reason `told` has count."""
    found: set[str] = set()
    for name, value in _fields(sample.answer):
        found |= _of_field(name, value)
    source, _, style = sample.source.partition(":")
    if source == "simulator" and style:
        found.add(f"the input is in the style {style}")
    for place, text in (("the input", sample.question), ("the answer", sample.answer)):
        words = set(map(str.lower, _WORD.findall(text)))
        found |= {f"{place} says {word!r}" for word in _words(told) & words}
    return frozenset(found)


def shared(bad: Sequence[Sample], good: Iterable[Sample], told: str) -> tuple[str, ...]:
    """The traits that all bad samples have and no good one. Those that the reason names come before all others.

    Nothing is said where nothing tells the bad from the good: neither a good sample nor a word of the reason.
    """
    common = frozenset.intersection(*(traits(one, told) for one in bad))
    named = {one for one in common if _names(told, one)}
    known = [traits(one, told) for one in good]
    if not named and not known:
        return ()
    return tuple(sorted(one for one in named or common if not any(one in other for other in known)))


def has(sample: Sample, wanted: Sequence[str], told: str) -> bool:
    """Whether the sample has all of these traits."""
    return bool(wanted) and traits(sample, told).issuperset(wanted)


def _fields(answer: str) -> list[tuple[str, JsonValue]]:
    """The fields of a JSON answer; of any other the answer itself."""
    try:
        found = parse_json(answer)
    except ValueError:
        return [("the answer", answer)]
    return list(found.items()) if isinstance(found, dict) else [("the answer", found)]


def _of_field(name: str, value: JsonValue) -> set[str]:
    if value in (None, "", [], {}):
        return {f"{name} is missing"}
    if not isinstance(value, str) or len(value) > _MOST_SHAPE:
        return {f"{name} is given"}
    return {f"{name} is given", f"{name} is written like {_shape(value)}"}


def _shape(text: str) -> str:
    """'(555) 010-2222' as '(999) 999-9999', 'Ann Lee' as 'a a'."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", text))


def _words(told: str) -> set[str]:
    return set(map(str.lower, _WORD.findall(told)))


def _names(told: str, trait: str) -> bool:
    """Whether the reason speaks of what the trait is about: its field, its style, its word."""
    if " says " in trait:
        return True
    subject = re.split(r" is (?:missing|given|written like )", trait.removeprefix("the input is in the style "))[0]
    return subject.lower().replace("_", " ") in told.lower().replace("_", " ")

"""Whole messages: what a writer tells from beginning to end, as one story with slots for the values.

Clauses that are put together at random say what is right and hang together as no person's do; here the order, the turns
of the story and what stands beside the point are the writer's. What a message has no slot for is missing in the answer.
"""

import random
import re
from collections.abc import Iterable, Sequence

from tools.simulator.pieces import SLOT, Piece, Pieces, fill
from tools.simulator.roles import Part
from tools.simulator.scene import Case, Director, Fact, Scene, repeats, slot_of
from tools.simulator.values import Inventor

_OLD = "old_"  # begins the slot of a value that holds no longer
# What slots stand for: the receiver's name, number and town, and the parcel's number.
_TOLD = {
    ("name", "recipient"), ("phone", "recipient"), ("city", "recipient"), ("city", "destination"),
    ("pattern", "tracking"),
}  # fmt: skip
_SMALL = 0.5  # of messages without a capital whose names have none either


class Messages:
    """The messages that fit one task: every value has a slot, and nothing beside the point is asked for."""

    def __init__(self, director: Director, passing: Iterable[str]) -> None:
        """`passing` names what may be said in passing."""
        self._parts: dict[str, Part] = {
            slot_of(Fact(meaning=part.meaning, sort=part.sort, part=part)): part
            for part in director.parts
            if part.plain and part.is_text and (part.meaning, part.role or part.sort) in _TOLD
        }
        self._whole = len(self._parts) == len(director.parts)  # a field without a slot may be in the writer's own words
        self._required = {part.name for part in director.parts if part.found.field.required}
        beside = {slot_of(Fact(meaning=meaning, role=role, sort=sort)) for meaning, role, sort in director.kinds}
        old = {_OLD + slot for slot in self._parts}
        self._known = self._parts.keys() | beside | old | set(passing)

    def fitting(self, messages: Sequence[str], present: frozenset[str] = frozenset()) -> list[str]:
        """Those of the messages that tell a record of this task; `present` are the fields that it must have, if any."""
        return [one for one in messages if self._whole and self._fits(set(SLOT.findall(one)), present)]

    def fields(self, message: str) -> frozenset[str]:
        """Names of the fields that the message tells."""
        return frozenset(self._parts[slot].name for slot in SLOT.findall(message) if slot in self._parts)

    def told(
        self, message: str, scene: Scene, passing: dict[str, Piece], inventor: Inventor, case: Case
    ) -> tuple[Pieces, Scene]:
        """The message with the scene's values, and the scene with what held before; no pieces where the scene lacks
        something that stands beside the point in it, or what held before is what holds."""
        former = [self._former(slot, inventor, case) for slot in SLOT.findall(message) if slot.startswith(_OLD)]
        facts = {slot_of(fact): fact for fact in (*scene.others, *scene.facts)}
        held = {**facts, **dict(former)}  # without titles or carriers: the writer's own words have some
        slots = {slot: Piece(fact.text, True) for slot, fact in held.items()} | passing
        said = {fact.text.casefold() for fact in facts.values()}
        if not set(SLOT.findall(message)) <= slots.keys() or any(repeats(fact.text, said) for _, fact in former):
            return [], scene
        others = (*scene.others, *(fact for _, fact in former))
        return fill(message, slots), scene.model_copy(update={"others": others})

    def _fits(self, slots: set[str], present: frozenset[str]) -> bool:
        if not slots <= self._known or not slots & self._parts.keys():
            return False
        if any(slot.startswith(_OLD) and slot.removeprefix(_OLD) not in slots for slot in slots):
            return False
        told = {self._parts[slot].name for slot in slots & self._parts.keys()}
        return told == present if present else told >= self._required

    def _former(self, slot: str, inventor: Inventor, case: Case) -> tuple[str, Fact]:
        part = self._parts[slot.removeprefix(_OLD)]
        text = case(inventor.another().draw(part.found, part.sort).text)
        return slot, Fact(meaning=part.meaning, role=part.role, sort=part.sort, text=text)


def case_of(message: str, rng: random.Random) -> Case:
    """How names are written in it: as its own letters are."""
    letters = re.sub(r"[^A-Za-z]", "", SLOT.sub("", message))
    if letters.isupper():
        return str.upper
    return str.lower if letters.islower() and rng.random() < _SMALL else str

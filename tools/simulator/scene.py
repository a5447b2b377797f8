"""What one text tells, before any word of it: values, what is missing or corrected, and what is beside the point.

Here the answer is made right: something beside the point is either of a kind that no field asks for, or of another role
than the field's, and every text says that role. Where both could be meant it is left out.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import Field, JsonValue

from tools.records import TaskField, Value
from tools.simulator.codes import CARRIERS, code
from tools.simulator.meanings import NUMERIC, FieldMeaning, Meaning
from tools.simulator.people import TITLES
from tools.simulator.roles import Part, Role, Sort
from tools.simulator.values import MISSING_SHARE, Drawn, Inventor

Voice = Literal["own", "third"]  # whether the writer is the person whom the values are of
Case = Callable[[str], str]

_RECASED: tuple[Meaning, ...] = (
    "name", "first_name", "last_name", "company", "city", "street", "address", "job", "pattern",
)  # fmt: skip
_CORRECTED: tuple[Meaning, ...] = ("name", "phone", "email", "city", "address", "street", "pattern")
_NUMBERED: tuple[Sort, ...] = ("order", "invoice", "booking", "vat", "customer_id")
_MISSING_TOLD = 0.4  # of the missing values whose absence is mentioned
_TITLED = 0.12  # of the names
_CARRIED = 0.2  # of the parcels' numbers
_OF_A_CARRIER: set[Meaning] = {"company", "choice", "record"}  # fields that a carrier's name could be meant for
_SPOKEN_FOR = 0.15  # of the numbers in what somebody writes for another
_TAKEN_BACK = 0.16  # of the texts that correct a value


class Fact(Value):
    """Something that the text says: the value of a field, or something beside the point."""

    meaning: Meaning
    role: Role = ""
    sort: Sort = ""
    text: str = ""  # as it stands in the text; empty where there is none
    part: Part | None = None  # the field; None: beside the point
    was: str = ""  # what held before, and holds no longer
    title: str = ""  # before a name or a parcel's number, and no part of it
    mine: bool = False  # a number of the writer's, who speaks for the person meant

    @property
    def plain(self) -> bool:
        return self.part is None or self.part.plain


class Scene(Value):
    """All that one text tells."""

    voice: Voice
    facts: tuple[Fact, ...]
    others: tuple[Fact, ...] = ()  # beside the point
    absent: tuple[Fact, ...] = ()  # fields without a value whose absence is told
    empty: tuple[Fact, ...] = ()  # all fields without a value: a form shows them
    late: bool = False  # the correction comes after the mistake
    answer: dict[str, JsonValue] = Field({})

    def one(self, meaning: Meaning) -> Fact | None:
        """The only field of this meaning, if it has a value and no field could be taken for it."""
        found = [fact for fact in self.facts if fact.meaning == meaning and fact.plain and _is_text(fact)]
        return found[0] if len(found) == 1 else None

    def beside(self, meaning: Meaning, *roles: Role) -> Fact | None:
        """Something beside the point of this meaning."""
        return next((one for one in self.others if one.meaning == meaning and one.role in roles), None)


class Director:
    """Sets scenes for one task."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts
        self.kinds = kinds_beside(parts)
        people = {part.role for part in parts if part.meaning == "name"}
        self.may_be_firms = bool(people & {"recipient", "sender", "customer"}) and all(
            part.meaning != "company" for part in parts
        )
        self.may_name_carriers = not {part.meaning for part in parts} & _OF_A_CARRIER
        self.voices: tuple[Voice, ...] = ("third",) if "sender" in people else ("own", "third")

    def pick(self, rng: random.Random, missing_share: float = MISSING_SHARE) -> frozenset[str]:
        """Names of the fields that a record has, always one at least; the share is of those that may be left out."""
        optional = [part.name for part in self.parts if not part.found.field.required]
        missing = {name for name in optional if rng.random() < missing_share}
        if len(missing) == len(self.parts):
            missing.remove(rng.choice(optional))
        return frozenset(part.name for part in self.parts) - missing

    def scene(
        self,
        present: frozenset[str],
        inventor: Inventor,
        rng: random.Random,
        *,
        case: Case = str,
        voice: Voice | None,
        taken_back: float = _TAKEN_BACK,
    ) -> Scene:
        """A scene with values of these fields; `case` is how the writer writes names, `taken_back` the share of scenes
        in which one of them had another value before."""
        kept = voice if voice in self.voices else rng.choice(self.voices)
        facts: list[Fact] = []
        answer: dict[str, JsonValue] = {}
        for part in self.parts:
            if part.name in present:
                again = any(fact.meaning == part.meaning for fact in facts)  # a second person, a second town
                source = inventor.another() if again else inventor
                drawn = self._recased(part, source.draw(part.found, part.sort), case, rng)
                facts.append(_fact(part, drawn.text))
                answer[part.name] = drawn.answer
        facts = [
            self._mannered(fact, kept, inventor, rng)
            for fact in self._corrected(facts, inventor, rng, case, kept, share=taken_back)
        ]
        empty = [_fact(part, "") for part in self.parts if part.name not in present]
        said = {fact.text.casefold() for fact in facts} | {fact.was.casefold() for fact in facts}
        others = [
            one for one in self._others(inventor, rng, case)
            if one.meaning != "phone" or not any(fact.mine for fact in facts)
        ]  # fmt: skip
        return Scene(
            voice=kept,
            facts=tuple(facts),
            others=tuple(one for one in others if not repeats(one.text, said)),
            absent=tuple(fact for fact in empty if rng.random() < _MISSING_TOLD),
            empty=tuple(empty),
            late=rng.random() < 0.4,
            answer=answer,
        )

    def _recased(self, part: Part, drawn: Drawn, case: Case, rng: random.Random) -> Drawn:
        """The value as this writer writes it: all in small letters, or in large ones."""
        if case is str or not part.is_text or part.meaning not in _RECASED or part.found.choices:
            return drawn
        if part.meaning == "pattern" and (part.found.example or rng.random() < 0.6) and case is str.lower:
            return drawn
        text = case(drawn.text)
        return Drawn(text=text, answer=drawn.answer if part.found.field.form else text)

    def _corrected(
        self, facts: list[Fact], inventor: Inventor, rng: random.Random, case: Case, voice: Voice, *, share: float
    ) -> list[Fact]:
        """The facts, one of them with a value that it had before."""
        open_ = [
            number for number, fact in enumerate(facts)
            if fact.part and fact.part.is_text and fact.meaning in _CORRECTED and not fact.part.found.choices
            and not (voice == "own" and fact.meaning == "name")
        ]  # fmt: skip
        if not open_ or rng.random() > share:
            return facts
        number = rng.choice(open_)
        fact, part = facts[number], facts[number].part
        if part is None:
            return facts
        was = self._recased(part, inventor.another().draw(part.found, part.sort), case, rng).text
        if repeats(was, {one.text.casefold() for one in facts}):
            return facts
        return [*facts[:number], fact.model_copy(update={"was": was}), *facts[number + 1 :]]

    def _mannered(self, fact: Fact, voice: Voice, inventor: Inventor, rng: random.Random) -> Fact:
        """A title before a name, a carrier before a parcel's number; or the number of who is to be called instead."""
        language = inventor.language
        if fact.meaning == "name" and language == "en" and " " in fact.text and rng.random() < _TITLED:
            return fact.model_copy(update={"title": rng.choice(TITLES)})
        if fact.sort == "tracking" and self.may_name_carriers and language in CARRIERS and rng.random() < _CARRIED:
            return fact.model_copy(update={"title": rng.choice(CARRIERS[language])})
        heir = fact.part is not None and fact.part.inherited and not fact.was
        if fact.meaning == "phone" and voice == "third" and heir and rng.random() < _SPOKEN_FOR:
            return fact.model_copy(update={"mine": True})
        return fact

    def _others(self, inventor: Inventor, rng: random.Random, case: Case) -> list[Fact]:
        """One of each kind that may stand beside the point; the renderer takes some of them."""
        stranger = inventor.another()
        found = []
        for meaning, role, sort in self.kinds:
            if meaning == "pattern":
                text = code(rng, sort, inventor.language)
            else:
                someone = stranger if role != "staff" else inventor.another(firms=False)
                text = someone.draw(FieldMeaning(field=TaskField(name="other"), meaning=meaning)).text
            text = case(text) if meaning in _RECASED else text
            found.append(Fact(meaning=meaning, role=role, sort=sort, text=text))
        rng.shuffle(found)
        return found


def kinds_beside(parts: Sequence[Part]) -> tuple[tuple[Meaning, Role, Sort], ...]:
    """What may stand beside the point without being taken for a field's value."""
    return (*_people(parts), *_contacts(parts), *_numbers(parts))


def _people(parts: Sequence[Part]) -> list[tuple[Meaning, Role, Sort]]:
    names = [part for part in parts if part.meaning in ("name", "first_name", "last_name", "username")]
    if not names or not all(part.meaning == "name" and part.role and part.plain for part in names):
        return []
    if any(part.meaning == "company" for part in parts):
        return []
    roles = {part.role for part in names}
    found: list[tuple[Meaning, Role, Sort]] = []
    if roles <= {"recipient", "sender", "customer"}:
        found.append(("name", "staff", ""))
    if roles == {"recipient"}:
        found.append(("name", "sender", ""))
    if roles == {"sender"}:
        found.append(("name", "recipient", ""))
    return found


def _contacts(parts: Sequence[Part]) -> list[tuple[Meaning, Role, Sort]]:
    """A number or a town of somebody else, where the field's is known to be the recipient's or the customer's."""
    found: list[tuple[Meaning, Role, Sort]] = []
    phones = [part for part in parts if part.meaning == "phone"]
    if len(phones) == 1 and phones[0].role in ("recipient", "customer"):
        found.append(("phone", "sender", ""))
    towns = [part for part in parts if part.meaning in ("city", "address", "state", "country", "postcode", "street")]
    if len(towns) == 1 and towns[0].meaning == "city" and towns[0].role in ("recipient", "destination"):
        found.append(("city", "origin", ""))
    return found


def _numbers(parts: Sequence[Part]) -> list[tuple[Meaning, Role, Sort]]:
    numbers = [part for part in parts if part.meaning in ("pattern", "iban", "username")]
    if not numbers or any(not part.sort for part in numbers):
        return []  # any number could be meant
    if any(part.meaning in ("record", "number") for part in parts):
        return []
    taken = {part.sort for part in numbers}
    return [("pattern", "", sort) for sort in _NUMBERED if sort not in taken]


def asides(parts: Sequence[Part]) -> frozenset[str]:
    """What may be said in passing: a price, a date, a time, a count, each only where no field asks for its like."""
    taken = {part.meaning for part in parts}
    if taken & {"number", "measure", "record", "choice"}:
        return frozenset()
    clashes = {
        "price": {"amount", "currency", *NUMERIC},
        "date": {"date", "weekday", "time"},
        "time": {"date", "time", "weekday"},
        "count": {*NUMERIC},
    }
    return frozenset(name for name, meanings in clashes.items() if not taken & meanings)


def slot_of(fact: Fact) -> str:
    """What a sentence of several facts calls it: what is beside the point by its role."""
    if fact.part is None and fact.meaning in ("name", "city", "phone"):
        return {"name": fact.role, "city": "origin", "phone": "other_phone"}[fact.meaning]
    return fact.sort if fact.meaning == "pattern" else fact.meaning


def _fact(part: Part, text: str) -> Fact:
    return Fact(meaning=part.meaning, role=part.role, sort=part.sort, text=text, part=part)


def _is_text(fact: Fact) -> bool:
    return fact.part is None or fact.part.is_text


def repeats(text: str, said: Iterable[str]) -> bool:
    """Whether the text stands in one of those, or one of them in it."""
    folded = text.casefold()
    return any(other and (folded in other or other in folded) for other in said)

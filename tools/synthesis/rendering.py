"""Records -> inputs: a small grammar of styles, made of parts, for any set of fields. Values are never touched."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from tools.records import Value
from tools.synthesis.meanings import FieldMeaning, Meaning, words
from tools.synthesis.phrases import Phrases
from tools.synthesis.values import Drawn

Style = Literal["list", "line", "sentences", "chat", "signature"]
STYLES: tuple[Style, ...] = get_args(Style)
# What a reader knows without a label, as long as no other field could be meant.
_EVIDENT: tuple[Meaning, ...] = ("name", "phone", "email", "address", "url")
_FAMILIES: tuple[tuple[Meaning, ...], ...] = (
    ("name", "first_name", "last_name"),
    ("address", "street", "city", "state", "postcode", "country"),
    ("number", "quantity", "age"),
)


class Slot(Value):
    """A field of one record with its value."""

    found: FieldMeaning
    drawn: Drawn


class Piece(NamedTuple):
    """A run of the input: a value, which nothing may change, or words around it."""

    text: str
    is_value: bool = False


class Renderer:
    """Writes one input. `meanings` are all fields of the task, so that no wording could mean two of them."""

    def __init__(self, meanings: Sequence[FieldMeaning], phrases: Phrases, rng: random.Random) -> None:
        self.phrases = phrases
        self.rng = rng
        self.single = _single(meanings)
        self.casing = rng.choice((str, str, str, str.lower, str.capitalize, str.upper))
        self.colon = rng.choice(phrases.colons)
        # A language without sentences of ours gets lists and lines.
        self.styles: tuple[Style, ...] = STYLES if phrases.any_clause else ("list", "line")
        self.choices = {choice.casefold() for found in meanings for choice in found.choices}

    def render(self, slots: Sequence[Slot], style: Style) -> str:
        """The input in this style; values in random order, verbatim."""
        shuffled = list(slots)
        self.rng.shuffle(shuffled)
        write: dict[Style, Callable[[list[Slot]], list[Piece]]] = {
            "list": self._list,
            "line": self._line,
            "sentences": self._sentences,
            "chat": self._chat,
            "signature": self._signature,
        }
        pieces = write[style](shuffled)
        if self.phrases.spaced and self.rng.random() < 0.1:
            pieces = _with_typo(pieces, self.rng)
        return "".join(piece.text for piece in pieces).strip()

    # --- styles ---

    def _list(self, slots: list[Slot]) -> list[Piece]:
        """Label and value, one after the other."""
        separator = self._separator(slots, ("\n", "\n", "\n", "; ", " | ", ", "))
        bullet = self.rng.choice(("- ", "* ")) if separator == "\n" and self.rng.random() < 0.15 else ""
        parts = [[Piece(bullet), *self._labelled(slot)] for slot in slots]
        return [*self._opening(), *_joined(parts, separator), *self._ending()]

    def _line(self, slots: list[Slot]) -> list[Piece]:
        """Bare values between separators; a label only where the value does not speak for itself."""
        separator = self._separator(slots, (" | ", "; ", " / ", ", ", "\n"))
        parts = [self._bare(slot) for slot in slots]
        return _joined(parts, separator)

    def _sentences(self, slots: list[Slot]) -> list[Piece]:
        phrases = self.phrases
        pieces = self._greeting()
        for slot in slots:
            pieces += self._clause(slot, capital=True)
            pieces.append(Piece(phrases.stop.lstrip("." if pieces[-1].text.endswith(".") else "")))
        if phrases.chatter and self.rng.random() < 0.3:
            pieces.append(Piece(self._chatter() + phrases.end))
        return pieces

    def _chat(self, slots: list[Slot]) -> list[Piece]:
        """Short clauses run together, in lower case, without a final stop."""
        phrases = self.phrases
        separator = self._separator(slots, (phrases.pause, phrases.pause, "; ", " - ", "\n"))
        parts = [self._clause(slot, capital=False) for slot in slots]
        if self.rng.random() < 0.4:
            parts.insert(0, [Piece(self._pick(phrases.greetings))])
        if self.rng.random() < 0.3:
            parts.append([Piece(self._chatter())])
        return [piece if piece.is_value else Piece(piece.text.lower()) for piece in _joined(parts, separator)]

    def _signature(self, slots: list[Slot]) -> list[Piece]:
        """A mail's end: a closing, the person, then a line each."""
        person = [slot for slot in slots if slot.found.meaning == "name" and self._is_evident(slot.found)]
        if not person:
            return self._list(slots)
        rest = [slot for slot in slots if slot not in person]
        lines = [[Piece(self._pick(self.phrases.closings))], [Piece(person[0].drawn.text, True)]]
        lines += [self._bare(slot) if self.rng.random() < 0.7 else self._labelled(slot) for slot in rest]
        opening = self._pick(self.phrases.openers) + self.phrases.end
        return _joined([[Piece(opening)], *lines] if self.rng.random() < 0.6 else lines, "\n")

    # --- parts ---

    def _labelled(self, slot: Slot) -> list[Piece]:
        return [Piece(self.casing(self._label(slot.found)) + self.colon), Piece(slot.drawn.text, True)]

    def _bare(self, slot: Slot) -> list[Piece]:
        if self._is_evident(slot.found):
            return [Piece(slot.drawn.text, True)]
        return [Piece(f"{self._label(slot.found)}{self.phrases.colons[0]}"), Piece(slot.drawn.text, True)]

    def _clause(self, slot: Slot, *, capital: bool) -> list[Piece]:
        found, phrases = slot.found, self.phrases
        own = phrases.clauses.get(found.meaning, ()) if found.field.kind != "list" else ()
        clause = self._pick(own) if own and found.field.name in self.single else self._pick(phrases.any_clause)
        before, _, after = clause.replace("{label}", self._label(found).lower()).partition("{v}")
        if capital and before:
            before = before[0].upper() + before[1:]
        return [Piece(before), Piece(slot.drawn.text, True), Piece(after)] if after else [
            Piece(before), Piece(slot.drawn.text, True)
        ]  # fmt: skip

    def _label(self, found: FieldMeaning) -> str:
        """A usual word for the field's meaning, or the field's own name where that could mean another field too."""
        own = words(found.field.name).capitalize()
        usual = self.phrases.labels.get(found.meaning, ()) if found.field.name in self.single else ()
        fits = own.isascii() == self.phrases.spaced
        return self._pick((*usual, own) if fits or not usual else usual)

    def _is_evident(self, found: FieldMeaning) -> bool:
        return found.meaning in _EVIDENT and found.field.name in self.single and found.field.kind == "string"

    def _greeting(self) -> list[Piece]:
        if self.phrases.greetings and self.rng.random() < 0.35:
            return [
                Piece(self._pick(self.phrases.greetings) + self.rng.choice((self.phrases.pause, self.phrases.stop)))
            ]
        return []

    def _opening(self) -> list[Piece]:
        if self.phrases.openers and self.rng.random() < 0.3:
            return [*self._greeting(), Piece(self._pick(self.phrases.openers) + self.phrases.colons[0].strip() + "\n")]
        return []

    def _ending(self) -> list[Piece]:
        if self.phrases.chatter and self.rng.random() < 0.2:
            return [Piece("\n" + self._chatter() + self.phrases.end)]
        return []

    def _chatter(self) -> str:
        """An irrelevant sentence; never one that holds a choice of some field."""
        return self._pick([
            sentence for sentence in self.phrases.chatter
            if not any(choice in sentence.casefold() for choice in self.choices)
        ])  # fmt: skip

    def _separator(self, slots: Sequence[Slot], wanted: Sequence[str]) -> str:
        """One that stands in no value, so that each value's end is clear; a new line always serves."""
        texts = [slot.drawn.text for slot in slots]
        clear = [mark for mark in wanted if not any((mark.strip() or mark) in text for text in texts)]
        return self.rng.choice(clear or ["\n"])

    def _pick(self, choices: Sequence[str]) -> str:
        return self.rng.choice(choices) if choices else ""


def _single(meanings: Sequence[FieldMeaning]) -> frozenset[str]:
    """Names of the fields that are the only ones of their meaning's family."""
    family = {meaning: number for number, members in enumerate(_FAMILIES) for meaning in members}
    of_field = {found.field.name: family.get(found.meaning, found.meaning) for found in meanings}
    counts = Counter(of_field.values())
    return frozenset(name for name, kind in of_field.items() if counts[kind] == 1)


def _joined(parts: Sequence[Sequence[Piece]], separator: str) -> list[Piece]:
    pieces: list[Piece] = []
    for part in parts:
        pieces += [Piece(separator), *part] if pieces else part
    return pieces


def _with_typo(pieces: list[Piece], rng: random.Random) -> list[Piece]:
    """Two letters swapped or one lost in one word around the values."""
    places = [
        (number, at)
        for number, piece in enumerate(pieces)
        if not piece.is_value
        for at in range(1, len(piece.text) - 2)
        if piece.text[at - 1 : at + 2].isalpha()
    ]
    if not places:
        return pieces
    number, at = rng.choice(places)
    text = pieces[number].text
    wrong = text[:at] + text[at + 1] + text[at] + text[at + 2 :] if rng.random() < 0.5 else text[:at] + text[at + 1 :]
    return [*pieces[:number], Piece(wrong), *pieces[number + 1 :]]

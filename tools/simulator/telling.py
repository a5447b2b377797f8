"""One fact -> a clause or a label, in the words of one phrase book."""

import random
import re
from collections.abc import Sequence
from datetime import date, timedelta

from tools.simulator.meanings import Meaning, words
from tools.simulator.phrasebook import Book, Words
from tools.simulator.pieces import SLOT, Piece, Pieces, fill, joined
from tools.simulator.scene import Fact, Voice, slot_of

_OWN_NOUN = 0.35  # of names of things that are the writer's own; the others are the language's
_BY_LABEL = 0.22  # of clauses that name their field although the words alone would do
_LABEL_ONLY = "*"  # ends a name of things that stands before a value alone, as "To" does
_EVIDENT: tuple[Meaning, ...] = ("name", "phone", "email", "address", "url")
_PARCEL = re.compile(  # what a task about anything else has no place for
    r"parcel|package|packet|shipment|freight|deliver|pallet|crate|cargo|luggage|suitcase|courier|depot|driver|\bbox"
    r"|包裹|快递|物流|货|箱|行李|收件|寄|派送|面单|司机",
    re.IGNORECASE,
)
_ANYWHERE = ("name", "phone", "email", "order", "invoice", "customer", "sender", "recipient")  # nouns for every task


class Teller:
    """Words of one book for facts. `passing` names what may be said in passing, `choices` what no chatter may say."""

    def __init__(
        self,
        book: Book,
        language: Words,
        rng: random.Random,
        *,
        parcels: bool,
        passing: frozenset[str],
        choices: frozenset[str],
    ) -> None:
        self.book = book
        self.words = language
        self.rng = rng
        self.parcels = parcels
        self.passing = passing
        self.choices = choices
        self._said: set[str] = set()  # phrases of this text; none is used twice while another is left

    # --- facts ---

    def clause(self, fact: Fact, voice: Voice) -> Pieces:
        """What the fact is, as part of a sentence."""
        if fact.was and self.book.fix:
            return self._filled(self.book.fix, fact)
        own = self._phrases(fact, voice)
        if not own or not fact.plain or (fact.part and self.rng.random() < _BY_LABEL):
            own = self.book.id if fact.meaning == "pattern" and self.rng.random() < 0.5 else self.book.any
        return self._filled(own, fact)

    def together(self, facts: Sequence[Fact], beside: Sequence[Fact], voice: Voice) -> tuple[Pieces, list[Fact]]:
        """Several facts in one sentence, and which they are; nothing where the book has no such sentence."""
        held = {slot_of(fact): fact for fact in beside}
        held |= {slot_of(fact): fact for fact in facts if self._says_itself(fact, voice)}
        passing = self.in_passing()
        phrases = self.book.mine if voice == "own" else self.book.theirs
        fitting = [one for one in phrases if set(SLOT.findall(one)) <= held.keys() | passing.keys()]
        if not fitting or not self.parcels:
            return [], []
        template = self._fresh(fitting)
        told = [held[name] for name in SLOT.findall(template) if name in held]
        slots = {slot_of(fact): Piece(f"{fact.title} {fact.text}".lstrip(), True) for fact in told}
        return fill(template, {**passing, **slots}), told

    def absence(self, fact: Fact) -> Pieces:
        return self._filled(self.book.none, fact)

    def correction(self, fact: Fact) -> Pieces:
        """Takes back what an earlier clause said."""
        return self._filled(self.book.later, fact)

    def rang(self, fact: Fact) -> Pieces:
        return self._filled(self.book.rang, fact)

    def noun(self, fact: Fact, template: str) -> Piece:
        """What the fact is called inside this sentence."""
        chosen = self._named(fact, self.book.nouns, _usual_in(template, self._usual(fact)))
        return chosen if chosen.fixed else Piece(_small(chosen.text))

    def label(self, fact: Fact) -> Piece:
        """What stands before the value in a form."""
        chosen = self._named(fact, self.book.labels, self._usual(fact))
        if fact.part is None and fact.meaning == "phone":  # of somebody else: the label says whose
            whose = self.common("whose" if self.parcels else "office")
            return Piece(whose + (" " if self.words.spaced else "") + _small(chosen.text))
        return chosen if not chosen.fixed else Piece(chosen.text[:1].upper() + chosen.text[1:], True)

    def is_evident(self, fact: Fact) -> bool:
        """Whether a reader knows the value without a label."""
        part = fact.part
        if part is None or not part.plain or not part.is_text or fact.role == "sender":
            return False
        if self._is_named(fact):
            return False
        return fact.meaning in _EVIDENT or (self.parcels and (fact.meaning == "city" or fact.sort == "tracking"))

    def own_label(self, fact: Fact) -> Piece | None:
        """What this writer alone calls it, if the field may be called so."""
        names = self._its_own(fact, self.book.labels)
        told_apart = fact.part is not None and (not fact.part.plain or self._is_named(fact))
        return None if not names or told_apart else Piece(self.rng.choice(names))

    def former(self, fact: Fact) -> Piece:
        """The label of the value that holds no longer."""
        label = self.label(fact)
        old = self.common("old") + (" " if self.words.spaced else "")
        return Piece(old + (label.text if label.fixed else _small(label.text)), label.fixed)

    def common(self, key: str) -> str:
        return self.rng.choice(self.words.common[key]).removesuffix(_LABEL_ONLY)

    # --- around them ---

    def remark(self) -> Pieces:
        """Something that says nothing of any field."""
        kinds = [self.book.talk, self.book.ask, *([self.book.parcel] * 2 if self.parcels else [])]
        return self._harmless(self.rng.choice(kinds))

    def aside(self) -> Pieces:
        """Something with a price, a date, a time or a count that nobody asked for."""
        slots = self.in_passing()
        allowed = [one for one in self.book.aside if set(SLOT.findall(one)) <= slots.keys()]
        return fill(self._fresh(allowed), slots) if allowed and self.parcels else []

    def pick(self, phrases: Sequence[str]) -> Pieces:
        """One of the phrases, unless it holds a choice of some field."""
        return self._harmless(phrases)

    def thought(self) -> Pieces:
        return [Piece(self.rng.choice(self.book.um))] if self.book.um else []

    def price(self) -> Piece:
        return Piece(self.book.price.format(n=self.rng.randint(3, 480)), True)

    def day(self) -> Piece:
        day = date(2024, 1, 1) + timedelta(days=self.rng.randrange(900))  # never "today": a seed gives one stream
        return Piece(day.strftime(self.book.date), True)

    def clock(self) -> Piece:
        return Piece(f"{self.rng.randint(7, 19)}:{self.rng.choice(('00', '15', '30', '45'))}", True)

    def joint(self) -> str:
        return self.rng.choice(self.book.joints)

    def run_on(self, clauses: Sequence[Pieces]) -> Pieces:
        """Clauses in one breath."""
        return joined(clauses, self.joint(), self.joint())

    # --- how they are chosen ---

    def in_passing(self) -> dict[str, Piece]:
        """What may be said in passing."""
        slots = {
            "price": self.price(),
            "date": self.day(),
            "time": self.clock(),
            "count": Piece(str(self.rng.randint(2, 40)), True),
        }
        return {name: piece for name, piece in slots.items() if name in self.passing}

    def _says_itself(self, fact: Fact, voice: Voice) -> bool:
        """Whether a sentence that names no field may hold it."""
        plain = fact.plain and not fact.was and not fact.mine and fact.part is not None and fact.part.is_text
        whose = fact.role in ("", "recipient", "customer") if voice == "own" else fact.role == "recipient"
        return plain and not self._is_named(fact) and (whose or fact.meaning != "name")

    def _filled(self, phrases: Sequence[str], fact: Fact) -> Pieces:
        if fact.part is None and not self._its_own(fact, self.book.nouns):
            phrases = [phrase for phrase in phrases if not phrase.endswith("{noun}")]
        template = self._fresh(phrases)
        slots = {
            "title": Piece(f"{fact.title} " if fact.title else "", True),
            "v": Piece(fact.text, True),
            "old": Piece(fact.was, True),
            "noun": self.noun(fact, template),
            "who": Piece(self.book.who.get(fact.role if fact.role in ("recipient", "customer") else "person", "")),
        }
        return fill(template.replace("{v}", "{title}{v}"), slots)

    def _fresh(self, phrases: Sequence[str]) -> str:
        fitting = [phrase for phrase in phrases if self.parcels or not _PARCEL.search(phrase)] or phrases
        chosen = self.rng.choice([phrase for phrase in fitting if phrase not in self._said] or fitting)
        self._said.add(chosen)
        return chosen

    def _phrases(self, fact: Fact, voice: Voice) -> tuple[str, ...]:
        """The book's phrases for such a fact; none where only its label would say what it is."""
        book, role, beside = self.book, fact.role, fact.part is None
        named = self._is_named(fact)
        if fact.part is not None and not fact.part.is_text:
            return ()
        match fact.meaning:
            case "name" if role in ("recipient", "sender", "staff"):
                theirs: dict[str, tuple[str, ...]] = {"sender": book.sender, "staff": book.staff}
                own = voice == "own" and not beside and role == "recipient"
                found = book.me if own else theirs.get(role, book.recipient)
            case "name":
                found = book.me if voice == "own" else ()
            case "phone" if beside:
                found = book.phone_other
            case "phone" if not named:
                found = book.phone_me if voice == "own" or fact.mine else self._of_them(book.phone_them)
            case "city" if beside:
                found = book.city_from
            case "city" if voice == "own" and (not named or role == "recipient"):
                found = book.city_me
            case "city" if role in ("recipient", "destination"):
                found = book.city_to
            case "email" if not named:
                found = _without_who(book.email) if voice == "own" else self._of_them(book.email)
            case "address" if not named:
                found = _without_who(book.address) if voice == "own" else book.address
            case "pattern" if fact.sort:
                found = book.id
            case _:
                found = ()
        return found

    def _of_them(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        """Those that say whose it is, where there are any."""
        return tuple(phrase for phrase in phrases if "{who}" in phrase) or phrases

    def _named(self, fact: Fact, own: dict[str, tuple[str, ...]], usual: Sequence[str]) -> Piece:
        """The writer's or the language's word for it; the field's own name where those could mean another field."""
        part = fact.part
        given = words(part.name) if part else ""
        its_own = self._its_own(fact, own)
        if part and (not part.plain or self._is_named(fact) or not (usual or its_own)):
            return Piece(given, True)
        readable = bool(given) and given.isascii() == self.words.spaced
        if readable and (_key(fact) == "customer" or self.rng.random() < 0.15):
            return Piece(given, True)
        takes_own = its_own and (not usual or self.rng.random() < _OWN_NOUN)
        return Piece(self.rng.choice(its_own if takes_own else usual).removesuffix(_LABEL_ONLY))

    def _usual(self, fact: Fact) -> tuple[str, ...]:
        """The language's names for it."""
        usual = self.words.common.get(_key(fact), ())
        if fact.meaning == "city" and fact.part is not None and fact.role in ("recipient", "destination"):
            usual += self.words.common["destination"]
        return usual

    def _its_own(self, fact: Fact, own: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
        key = _key(fact)
        return own.get(key, ()) if self.parcels or key in _ANYWHERE else ()

    def _is_named(self, fact: Fact) -> bool:
        """Whether the field's name says whose it is, which no other name would."""
        return fact.part is not None and fact.meaning != "name" and fact.role != "" and not fact.part.inherited

    def _harmless(self, phrases: Sequence[str]) -> Pieces:
        fine = [one for one in phrases if not any(choice in one.casefold() for choice in self.choices)]
        fine = [one for one in fine if self.parcels or not _PARCEL.search(one)]
        return [Piece(self._fresh(fine))] if fine else []


def _key(fact: Fact) -> str:
    """Under which names of things the fact is looked up."""
    if fact.meaning == "name":
        return fact.role if fact.role in ("recipient", "sender", "customer", "staff") else "name"
    if fact.meaning == "city" and fact.part is None:
        return "origin"
    return fact.sort if fact.meaning == "pattern" else fact.meaning


def _usual_in(template: str, usual: Sequence[str]) -> tuple[str, ...]:
    """Which of the language's names may stand in this sentence, so that writers who share one do not share four words.

    Those of two words stand right before a value only, and none ends a sentence, for the next may begin as another
    writer's does.
    """
    if template.endswith("{noun}"):
        return ()
    before_value = re.search(r"(^|^\w+ )\{noun\} ?\{v\}", template) is not None
    return tuple(
        name
        for name in usual
        if not name.endswith(_LABEL_ONLY) and (before_value or len(re.findall(r"\w+", name)) == 1)
    )


def _small(text: str) -> str:
    """In small letters, as inside a sentence; abbreviations keep theirs."""
    return " ".join(word if word[1:2].isupper() else word.lower() for word in text.split(" "))


def _without_who(phrases: Sequence[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in phrases if "{who}" not in phrase)

"""Scenes told in sentences: chats, mails, forwarded mails, notes of a call, transcripts, texts."""

import random
import re
from collections.abc import Sequence

from tools.simulator.pieces import (
    Piece,
    Pieces,
    capital,
    ended,
    joined,
    quoted,
    recased,
    unpunctuated,
)
from tools.simulator.scene import Fact, Scene
from tools.simulator.telling import Teller

_SPEAKERS = (("agent", "customer"), ("support", "visitor"), ("Clerk", "Caller"), ("A", "B"), ("bot", "me"))
_SPEAKERS_ZH = (("问", "答"), ("甲", "乙"), ("店", "客"))
_NO: Pieces = [Piece("no ")]
_EMOJI = (" 🙏", " 😅", " 📦", " 🙂", "!!", " 😡", " ❤️", " :)", " 👍", " :(")
_SHORT = {
    "please": "pls", "you": "u", "your": "ur", "are": "r", "for": "4", "to": "2", "and": "&", "thanks": "thx",
    "tomorrow": "tmrw", "because": "bc", "before": "b4", "message": "msg", "with": "w/", "today": "2day",
}  # fmt: skip
_NAME_FIRST = 0.7  # of what stands bare: else a foreign name beside a foreign town is anybody's guess
_BRACKETED = 0.2  # of the numbers that stand bare
_BARE = 0.35  # of the texts in sentences
_AT_ONCE = 0.55  # of the texts in sentences, where the writer has such a sentence
_SHORTENED = re.compile(rf"\b({'|'.join(_SHORT)})\b", re.IGNORECASE)


class Prose:
    """Writes one scene in sentences."""

    def __init__(self, teller: Teller, scene: Scene, rng: random.Random) -> None:
        self.teller = teller
        self.scene = scene
        self.rng = rng
        self.book = teller.book
        self.stop = teller.words.stop
        self.gap = " " if teller.words.spaced else ""

    # --- channels ---

    def chat(self) -> Pieces:
        """Clauses run together, or a line each, in small letters and with no stop at the end."""
        clauses = self._told(self._around(2))
        if self.rng.random() < 0.35:
            clauses.insert(0, self.teller.pick(self.book.hello))
        comma = f"{self.teller.words.comma}{self.gap}"
        between = self.rng.choice((comma, comma, "\n", "\n", f"{self.stop}{self.gap}", " - "))
        small = recased(joined(clauses, between), str.lower) if self.rng.random() < 0.7 else joined(clauses, between)
        return [*small, *self._emoji(0.2)]

    def sms(self) -> Pieces:
        """As short as thumbs write."""
        clauses = self._told(self._around(1))
        text = joined(clauses, self.rng.choice((" ", ", ", ". ", " / ")))
        short = recased(text, lambda part: _SHORTENED.sub(lambda word: _SHORT[word[0].lower()], part.lower()))
        return [*short, *self._emoji(0.3)]

    def sentences(self) -> Pieces:
        hello = self._hello(self.rng.choice((f"{self.teller.words.comma}{self.gap}", f"{self.stop}{self.gap}", "\n")))
        clauses = self._told(self._around(4))
        return [*(hello if self.rng.random() < 0.4 else []), *self._prose(clauses), *self._emoji(0.04)]

    def caps(self) -> Pieces:
        """Shouted, or from a machine that has no small letters."""
        return recased(self._prose(self._told(self._around(1))), str.upper)

    def voice(self) -> Pieces:
        """As a machine writes speech down: no marks, small letters, thinking aloud."""
        clauses = self._told(self._around(1))
        spoken: list[Pieces] = []
        for clause in clauses:
            spoken += [self.teller.thought()] if self.rng.random() < 0.45 else []
            spoken.append(clause)
        return unpunctuated(joined(spoken, " "))

    def mail(self) -> Pieces:
        """A greeting, a body, a signature; what stands in the signature may stand nowhere else."""
        signature, signed = self._signature()
        body = self._prose(self._told(self._around(4), without=signed))
        after = self.rng.choice((f"{self.teller.words.comma}\n\n", f"{self.teller.words.comma}\n", "!\n", "\n\n"))
        hello = self._hello(after) if self.rng.random() < 0.85 else []
        return [*hello, *body, Piece("\n\n" if self.rng.random() < 0.7 else "\n"), *signature]

    def forward(self) -> Pieces:
        """A mail passed on, under a word of whoever did so and the lines that a program puts above it."""
        header = self._header()
        body = self.mail() if self.rng.random() < 0.5 else self._prose(self._told(self._around(1)))
        if self.rng.random() < 0.3:
            body = quoted(body, "> ")
        above = ended(capital(self.teller.pick(self.book.fwd)), self.stop)
        clerk = self.scene.beside("name", "staff")
        if clerk and self.rng.random() < 0.4:
            above += [Piece("\n"), Piece(clerk.text, True)]
        parts = [above if self.rng.random() < 0.75 else [], *header, body]
        return joined(parts, self.rng.choice(("\n\n", "\n")), "\n")

    def note(self) -> Pieces:
        """What somebody wrote down who took a call."""
        caller, rest = self._caller()
        lines = [caller, *self._told(self._called(), without=rest)]
        if self.rng.random() < 0.5:
            text = joined([ended(capital(line), self.stop) for line in lines if line], self.gap)
        else:
            text = joined([capital(line) for line in lines], "\n")
        clerk = self.scene.beside("name", "staff")
        if clerk and self.rng.random() < 0.5:
            mark = self.rng.choice((" /", "\n- ", " (", "\n"))
            text += [Piece(mark), Piece(clerk.text, True), *([Piece(")")] if "(" in mark else [])]
        return text

    def dialogue(self) -> Pieces:
        """Asked and answered, a line each; whoever asks may guess wrong."""
        asks, answers = (f"{who}: " for who in self.rng.choice(_SPEAKERS if self.gap else _SPEAKERS_ZH))
        facts = list(self.scene.facts)
        self.rng.shuffle(facts)
        lines: list[Pieces] = []
        for fact in facts:
            asked = (
                [Piece(fact.was, True), Piece("?")] if fact.was else [self.teller.noun(fact, "{noun}?{v}"), Piece("?")]
            )
            lines += [[Piece(asks), *asked], [Piece(answers), *(_NO if fact.was else []), Piece(fact.text, True)]]
        for fact in self.scene.absent:
            lines += [
                [Piece(asks), self.teller.noun(fact, "{noun}?{v}"), Piece("?")],
                [Piece(answers), self._unknown()],
            ]
        return joined(lines, "\n")

    def _unknown(self) -> Piece:
        return Piece(self.rng.choice(self.book.blanks), True)

    # --- what is told ---

    def _told(self, around: Sequence[Pieces], without: Sequence[Fact] = ()) -> list[Pieces]:
        """A clause a fact in any order, with those beside the point and the remarks between them."""
        scene, teller = self.scene, self.teller
        facts = [fact for fact in scene.facts if fact not in without]
        tail = self._tail(facts)
        facts = [fact for fact in facts if fact not in tail]
        at_once, told = self._at_once(facts, [one for one in scene.others if one not in without])
        facts = [fact for fact in facts if fact not in told]
        self.rng.shuffle(facts)
        if self.rng.random() < 0.5:
            facts.sort(key=lambda fact: fact.meaning != "name")
        late = next((fact for fact in facts if fact.was and scene.late and self.book.later), None)
        clauses = [
            teller.clause(
                fact if fact is not late else fact.model_copy(update={"text": fact.was, "was": ""}), scene.voice
            )
            for fact in facts
        ]
        spare = [one for one in scene.others if one not in without and one not in told]
        beside = spare[: self.rng.choice((0, 0, 1, 1, 2))]
        for extra in (
            at_once,
            *(teller.clause(one, scene.voice) for one in beside),
            *map(teller.absence, scene.absent),
            *around,
        ):
            clauses.insert(self.rng.randint(0, len(clauses)), extra)
        found = [clause for clause in clauses if clause]
        if tail:
            stand = [self._standing(fact) for fact in tail]
            bare = joined(stand, self.rng.choice((", ", " ", ", ", " - ", " / ")))
            found.insert(self.rng.choice((0, len(found), len(found))), bare)
        return [*found, teller.correction(late)] if late else found

    def _at_once(self, facts: Sequence[Fact], others: Sequence[Fact]) -> tuple[Pieces, list[Fact]]:
        """One sentence that tells several facts, as people do who come to the point."""
        if self.rng.random() > _AT_ONCE:
            return [], []
        return self.teller.together(facts, others, self.scene.voice)

    def _standing(self, fact: Fact) -> Pieces:
        """A fact without a word, a number now and then in brackets."""
        value = Piece(f"{fact.title} {fact.text}".lstrip(), True)
        bracketed = fact.meaning in ("phone", "pattern") and self.rng.random() < _BRACKETED
        return [Piece("("), value, Piece(")")] if bracketed else [value]

    def _tail(self, facts: Sequence[Fact]) -> list[Fact]:
        """Facts that stand there bare, as a name and a number do below a question; never what is beside the point."""
        evident = [fact for fact in facts if self.teller.is_evident(fact) and not fact.was]
        if self.rng.random() > _BARE or not evident:
            return []
        self.rng.shuffle(evident)
        taken = evident[: self.rng.randint(1, 3)]
        if self.rng.random() < _NAME_FIRST:
            taken.sort(key=lambda fact: fact.meaning != "name")
        if self.scene.voice == "third" and len(taken) == 1:
            return [fact for fact in taken if fact.meaning != "name"]  # it could be the writer's, who signs
        return taken

    def _around(self, most: int) -> list[Pieces]:
        """Remarks and asides, at most so many."""
        kinds = (self.teller.remark, self.teller.remark, self.teller.aside)
        return [self.rng.choice(kinds)() for _ in range(self.rng.randint(0, most))]

    def _called(self) -> list[Pieces]:
        return [self.teller.pick(self.book.called)] if self.rng.random() < 0.6 else self._around(1)

    def _prose(self, clauses: Sequence[Pieces]) -> Pieces:
        """Sentences of one clause or two."""
        found: list[Pieces] = []
        waiting = [clause for clause in clauses if clause]
        while waiting:
            taken, waiting = waiting[:1], waiting[1:]
            if waiting and self.rng.random() < 0.3:
                taken, waiting = [*taken, waiting[0]], waiting[1:]
            found.append(ended(capital(self._breath(taken)), self.stop))
        return joined(found, self.gap if self.rng.random() < 0.8 else "\n")

    def _breath(self, clauses: Sequence[Pieces]) -> Pieces:
        """One clause, or two with the writer's own words between them."""
        if len(clauses) == 1:
            return list(clauses[0])
        joint = self.teller.joint()
        second = capital(clauses[1]) if joint.rstrip()[-1:] in (".", "!", "。") else clauses[1]
        return [*clauses[0], Piece(joint), *second]

    def _hello(self, after: str) -> Pieces:
        """A greeting, now and then of somebody by name."""
        clerk = self.scene.beside("name", "staff")
        named = [Piece(" " if self.gap else ""), Piece(clerk.text, True)] if clerk and self.rng.random() < 0.3 else []
        hello = self.teller.pick(self.book.hello)
        return [*hello, *named, Piece(after)] if hello else []

    def _emoji(self, share: float) -> Pieces:
        return [Piece(self.rng.choice(_EMOJI))] if self.rng.random() < share else []

    # --- whose mail it is ---

    def _signature(self) -> tuple[Pieces, list[Fact]]:
        """The lines below a mail, and the facts that stand there and need not be told above."""
        bye = self.teller.pick(self.book.bye)
        if self.scene.voice == "own":
            return self._own_signature(bye)
        lines = [bye]
        sender = self.scene.beside("name", "sender")
        if sender and self.rng.random() < 0.75:
            lines.append([Piece(sender.text, True)])
        phone = self.scene.beside("phone", "sender")
        if phone and self.rng.random() < 0.4 and len(lines) > 1:
            mark = (
                self.rng.choice(("T ", "Tel. ", "", "Office: ", "Ph. ")) if self.gap else self.rng.choice(("", "电话"))
            )
            lines.append([Piece(mark), Piece(phone.text, True)])
        town = self.scene.beside("city", "origin")
        if town and self.rng.random() < 0.25 and len(lines) > 1:
            lines.append([Piece(town.text, True)])
        return joined(lines, "\n"), []

    def _own_signature(self, bye: Pieces) -> tuple[Pieces, list[Fact]]:
        name, phone, town = (self.scene.one(meaning) for meaning in ("name", "phone", "city"))
        signed: list[Fact] = []
        lines = [bye]
        if name and not name.was and name.role != "sender":
            lines.append([Piece(name.text, True)])
            signed += [name] if self.rng.random() < 0.6 else []
            for fact in (phone, town):
                if (
                    fact
                    and not fact.was
                    and (not fact.role or (fact.part and fact.part.inherited))
                    and self.rng.random() < 0.3
                ):
                    label = [self.teller.label(fact), Piece(" ")] if fact is phone and self.rng.random() < 0.5 else []
                    lines.append([*label, Piece(fact.text, True)])
                    signed.append(fact)
        return joined(lines, "\n"), signed

    def _header(self) -> list[Pieces]:
        """From, Sent, To and Subject, as this writer's program calls them."""
        headers, scene, rng = self.book.forward, self.scene, self.rng
        if headers is None:
            return []
        name = scene.one("name")
        mine = scene.voice == "own" and name is not None and not name.was and name.role != "sender"
        writer = name if mine else scene.beside("name", "sender") if scene.voice == "third" else None
        rows: list[Pieces] = []
        if writer and rng.random() < 0.8:
            rows.append([Piece(f"{headers.from_}: "), Piece(writer.text, True)])
        if "date" in self.teller.passing and rng.random() < 0.6:
            rows.append([Piece(f"{headers.sent}: "), self.teller.day(), Piece(" "), self.teller.clock()])
        clerk = scene.beside("name", "staff")
        if clerk and rng.random() < 0.4:
            rows.append([Piece(f"{headers.to}: "), Piece(clerk.text, True)])
        subject = self.teller.pick(self.book.subjects)
        if subject and rng.random() < 0.7:
            rows.append([Piece(f"{headers.subject}: "), *subject])
        return [[Piece(headers.line)], *rows]

    def _caller(self) -> tuple[Pieces, list[Fact]]:
        """Who called, and the facts that this tells: the person meant, or the sender where another is named."""
        name = self.scene.one("name")
        if name is None or name.was or not self.book.rang:
            return [], []
        sender = self.scene.beside("name", "sender")
        if name.role != "sender" and self.rng.random() < 0.6:
            return self.teller.rang(name), [name]
        return (self.teller.rang(sender), [sender]) if sender and name.role == "recipient" else ([], [])

"""Scenes laid out without sentences: forms, table rows, address slips, bare values in a line."""

import random
from collections.abc import Sequence

from tools.simulator.pieces import Piece, Pieces, joined, recased
from tools.simulator.scene import Fact, Scene
from tools.simulator.telling import Teller

_COLONS = (": ", ": ", ": ", ":", " - ", "= ", " : ", "\t", " ", ".....: ", " >> ")
_BULLETS = ("- ", "* ", "• ", "> ")
_MARKS = (" | ", "; ", " / ", ", ", "\t", " || ")
Cell = tuple[Piece, Piece]  # a label and its value


class Layout:
    """Lays one scene out."""

    def __init__(self, teller: Teller, scene: Scene, rng: random.Random) -> None:
        self.teller = teller
        self.scene = scene
        self.rng = rng
        self.book = teller.book
        self.colon = self.book.colon if rng.random() < 0.5 or not self.book.speaks else rng.choice(_COLONS)
        self.case = rng.choice((str, str, str, str.lower, str.upper))

    def form(self) -> Pieces:
        """Label and value, a line each; fields without a value are there too, empty."""
        cells = [*self._cells(), *self._beside(2)]
        if self.rng.random() < 0.6:
            cells += [self._blank(fact) for fact in self.scene.empty]
        self.rng.shuffle(cells)
        bullet = self.rng.choice(_BULLETS) if self.rng.random() < 0.12 else ""
        above = self.teller.pick(self.book.form) if self.rng.random() < 0.4 else []
        return joined([above, *([Piece(bullet), *self._labelled(cell)] for cell in cells)], "\n")

    def row(self) -> Pieces:
        """A row of a table: under its header, or with labels in the cells."""
        cells = [*self._cells(), *self._beside(1)]
        cells += [self._blank(fact) for fact in self.scene.empty if self.rng.random() < 0.5]
        self.rng.shuffle(cells)
        mark = self._mark(cells, _MARKS)
        return self._headed() or joined([self._labelled(cell) for cell in cells], mark)

    def _headed(self) -> Pieces:
        """The row under its header, where the writer has names of her own for all that stands there."""
        facts = list(self.scene.facts)
        self.rng.shuffle(facts)
        cells = [(self.teller.own_label(fact), Piece(fact.text, True)) for fact in facts]
        known = [(label, value) for label, value in cells if label is not None]
        if len(known) < len(facts) or self.rng.random() < 0.4:
            return []
        mark = self._mark(known, _MARKS)
        header: Pieces = joined([recased([label], self.case) for label, _ in known], mark)
        return [*header, Piece("\n"), *joined([[value] for _, value in known], mark)]

    def line(self) -> Pieces:
        """Values in a line, with a label only where one does not speak for itself."""
        facts = list(self.scene.facts)
        self.rng.shuffle(facts)
        cells = [self._cell(fact) for fact in facts]
        mark = self._mark(cells, (*_MARKS, "\n", " - "))
        pairs = zip(facts, cells, strict=True)
        return joined(
            [[cell[1]] if self.teller.is_evident(fact) else self._labelled(cell) for fact, cell in pairs], mark
        )

    def slip(self) -> Pieces:
        """As on a parcel or a business card: the person first, what belongs to them below."""
        facts = sorted(self.scene.facts, key=lambda fact: (fact.meaning != "name", self.rng.random()))
        lines = []
        for number, fact in enumerate(facts):
            headed = number == 0 and fact.role != "" and fact.meaning == "name"
            bare = self.teller.is_evident(fact) and not headed
            lines.append([Piece(fact.text, True)] if bare else self._labelled(self._cell(fact)))
        lines += [self._labelled(cell) for cell in self._beside(2)]
        if self.rng.random() < 0.3 and self.book.speaks:
            lines.append(self.teller.remark())
        return joined(lines, "\n")

    def record(self) -> Pieces:
        """As one program hands it to another: an object with keys in quotation marks."""
        cells = [*self._cells(), *self._beside(1)]
        self.rng.shuffle(cells)
        rows = [[Piece('"'), recased([label], _as_key)[0], Piece('": "'), value, Piece('"')] for label, value in cells]
        empty = [[Piece('"'), recased([self._label(fact)], _as_key)[0], Piece('": '), Piece("null", True)]
                 for fact in self.scene.empty]  # fmt: skip
        inner = joined([*rows, *empty], self.rng.choice((", ", ",", ",\n  ")))
        return [Piece("{"), *inner, Piece("}")]

    # --- parts ---

    def _cells(self) -> list[Cell]:
        """A cell for each value, and one for a value that holds no longer."""
        found = [self._cell(fact) for fact in self.scene.facts]
        if self.book.speaks:
            found += [(self.teller.former(fact), Piece(fact.was, True)) for fact in self.scene.facts if fact.was]
        return found

    def _cell(self, fact: Fact) -> Cell:
        return self._label(fact), Piece(fact.text, True)

    def _beside(self, most: int) -> list[Cell]:
        """Cells that no field asks for, with labels that say what they are."""
        found = [self._cell(fact) for fact in self.scene.others[: self.rng.randint(0, most)]]
        for name, piece in (("date", self.teller.day), ("price", self.teller.price)):
            if name in self.teller.passing and self.teller.parcels and self.rng.random() < 0.12:
                found.append((Piece(self.teller.common(name)), piece()))
        return found

    def _label(self, fact: Fact) -> Piece:
        return recased([self.teller.label(fact)], self.case)[0]

    def _labelled(self, cell: Cell) -> Pieces:
        label, value = cell
        return [label, Piece(self.colon), value]

    def _blank(self, fact: Fact) -> Cell:
        """A field without a value, and what stands in the value's place."""
        own = self.teller.own_label(fact)
        usual = "n/a" if self.teller.words.spaced else "无"
        if own is not None and self.rng.random() < 0.5:
            return recased([own], self.case)[0], Piece("", True)
        return self._label(fact), Piece(self.rng.choice((*self.book.blanks, usual)), True)

    def _mark(self, cells: Sequence[Cell], wanted: Sequence[str]) -> str:
        """A separator that stands in no value, so that each value's end is clear; a new line always serves."""
        texts = [value.text for _, value in cells]
        marks = [mark for mark in wanted if mark != self.colon]
        clear = [mark for mark in marks if not any((mark.strip() or mark) in text for text in texts)]
        return self.rng.choice(clear or ["\n"])


def _as_key(label: str) -> str:
    return label.lower().replace(" ", "_").rstrip(".#_")

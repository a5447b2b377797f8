"""What a new version of a document changed: paragraphs that are new, gone, or as before."""

from collections import Counter

from tools.documents.packing import GLUE
from tools.records import Value

VERSION_SHARE = 0.3  # of the smaller text's paragraphs: with less in common two files only share a name
SHOWN_LETTERS = 90


class Change(Value):
    """Paragraphs of two texts, compared without regard to order and spacing."""

    same: int
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def is_a_version(self) -> bool:
        smaller = self.same + min(len(self.added), len(self.removed))
        return self.same >= VERSION_SHARE * smaller and self.same > 0

    @property
    def sentence(self) -> str:
        """'Changed since you last added it: 2 paragraphs are new ("…"), 1 is gone ("…"), 40 are as before.'"""
        told = [
            f"{len(found)} {'paragraphs are' if len(found) > 1 else 'paragraph is'} {what} (“{_start(found[0])}”)"
            for found, what in ((self.added, "new"), (self.removed, "gone"))
            if found
        ]
        return f"Changed since you last added it: {', '.join([*told, f'{self.same} as before'])}."


def compare(before: str, after: str) -> Change:
    old, new = (Counter(" ".join(one.split()) for one in text.split(GLUE) if one.strip()) for text in (before, after))
    return Change(
        same=sum((old & new).values()), added=tuple((new - old).elements()), removed=tuple((old - new).elements())
    )


def _start(paragraph: str) -> str:
    return paragraph if len(paragraph) <= SHOWN_LETTERS else f"{paragraph[:SHOWN_LETTERS].rstrip()}…"

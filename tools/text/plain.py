"""When two short answers are the same: what evaluation counts as right, and generation therefore lets through."""

import unicodedata
from collections.abc import Iterable


def plain(text: str) -> str:
    """The normalisation of every comparison of strings: Unicode NFC, no white space at the ends."""
    return unicodedata.normalize("NFC", text).strip()


def labels_equal(a: str, b: str) -> bool:
    """The same label but for case and white space at the ends."""
    return label_key(a) == label_key(b)


def label_key(label: str) -> str:
    """What two spellings of one label have in common."""
    return plain(label).casefold()


def spelled(label: str, labels: Iterable[str]) -> str:
    """The label as `labels` spell it; as it is given when it is none of them."""
    return next((one for one in labels if labels_equal(one, label)), label)

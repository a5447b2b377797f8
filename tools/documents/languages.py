"""Which language a text is in: by its script where that decides, else by its letters (py3langid)."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

_SCRIPTS = (
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u3400-\u9fff]")),
)
ENOUGH = 60  # letters; with less, English labels look Danish
SURE = 0.9


def language_of(text: str) -> str:
    """A code like en or zh; empty for what is too short to tell, or holds numbers and names only."""
    letters = re.sub(r"[\W\d_]+", "", text)
    if not letters:
        return ""
    for code, script in _SCRIPTS:
        share = len(script.findall(text)) / len(letters)
        if share > (0.1 if code == "ja" else 0.3):
            return code
    if len(letters) < ENOUGH:
        return ""
    code, sure = _model().classify(" ".join(re.findall(r"[^\W\d_]{2,}", text[:4000])).lower())
    return str(code) if sure >= SURE else ""


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def languages_of(spoken: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """The languages of pieces, given with their lengths, most text first; below a twentieth counts as stray."""
    weights: Counter[str] = Counter()
    for code, length in spoken:
        if code:
            weights[code] += length
    whole = sum(weights.values())
    return tuple(code for code, weight in weights.most_common() if weight > 0.05 * whole)

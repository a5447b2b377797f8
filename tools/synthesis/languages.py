"""Whether a text is in the language it was asked in: by script where that tells, by a small model elsewhere."""

import re
import unicodedata
from collections import Counter
from functools import cache
from typing import Any

SCRIPTS = {
    "zh": ("CJK",),
    "ja": ("HIRAGANA", "KATAKANA", "CJK"),
    "ko": ("HANGUL",),
    "ru": ("CYRILLIC",),
    "uk": ("CYRILLIC",),
    "ar": ("ARABIC",),
    "hi": ("DEVANAGARI",),
    "th": ("THAI",),
    "el": ("GREEK",),
}
LATIN = "en de fr es it pt nl sv da no fi pl cs ro hu tr vi id"
_NO_LANGUAGE = re.compile(r"https?://\S+|\S+@\S+|<[^>]*>|\{[^}]*\}|\d+")
_SYLLABLES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")  # one of these says as much as several letters
_ENOUGH_LETTERS = 6  # fewer are a name or a code, in any script
_ENOUGH_WORDS = 8  # fewer Latin words are too short for the model to be sure of
_SURE = 0.9  # of another language, before a text is called foreign


def foreign(text: str, language: str) -> str:
    """The code of the language that the text is in instead ('other' for a foreign script), or nothing."""
    wanted = language.lower()[:2]
    bare = _NO_LANGUAGE.sub(" ", text)
    scripts = _scripts(bare)
    if not wanted or scripts.total() < _ENOUGH_LETTERS:
        return ""
    if sum(scripts[name] for name in SCRIPTS.get(wanted, ("LATIN",))) < scripts.total() / 3:
        return "other"
    words = re.findall(r"[^\W\d_]{2,}", bare)
    if wanted in SCRIPTS or len(words) < _ENOUGH_WORDS:
        return ""
    code, share = _model().classify(" ".join(words).lower())
    return str(code) if code != wanted and share >= _SURE else ""


def _scripts(text: str) -> Counter[str]:
    """Letters by script; characters that are a syllable count thrice."""
    letters = Counter(filter(str.isalpha, text))
    found: Counter[str] = Counter()
    for char, times in letters.items():
        script = _script(char)
        found[script] += times * (3 if script in _SYLLABLES else 1)
    return found


@cache
def _script(char: str) -> str:
    return unicodedata.name(char, "").split(" ")[0]


@cache
def _model() -> Any:
    """Languages of the Latin script only: the others are told by their script."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(LATIN.split())
    return model

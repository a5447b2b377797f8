"""Which language a text is in: by its script where that decides, else by a small model (py3langid).

One table of scripts and one model for all: documents and imported rows ask which language it is, synthesis whether a
text is in the language it was asked in.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache
from itertools import islice
from statistics import median
from typing import Any

# As a part of a character class: the signs of Chinese and Japanese, which are written without spaces.
CJK = "\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
CJK_LETTER = re.compile(f"[{CJK}]")
# Of the model's 140 languages those with a literature of their own: the others (Venetian, Nigerian Pidgin ...) only
# take short texts away from a neighbour.
_LATIN = "en de fr es it pt nl sv da no fi pl cs sk sl hr ro hu tr vi id ms tl ca gl eu lt lv et is sq af sw"
# The languages of a script, by the first word of its letters' Unicode names.
SCRIPTS = {
    "LATIN": tuple(_LATIN.split()),
    "CJK": ("zh", "ja"),
    "HIRAGANA": ("ja",),
    "KATAKANA": ("ja",),
    "HANGUL": ("ko",),
    "CYRILLIC": ("ru", "uk", "bg", "be", "kk", "mk", "sr", "mn", "ky"),
    "ARABIC": ("ar", "fa", "ur", "ps", "ug"),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi", "mr", "ne"),
    "BENGALI": ("bn", "as"),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "THAI": ("th",),
    "GREEK": ("el",),
    "GEORGIAN": ("ka",),
    "ARMENIAN": ("hy",),
}
_SYLLABLES = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")  # one of these says as much as several letters
_NO_LANGUAGE = re.compile(r"https?://\S+|\S+@\S+|<[^>]*>|\{[^}]*\}|\d+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_READ, _TEXTS = 4000, 400  # characters and texts that are looked at: more change nothing
_READ_TOGETHER = 40_000  # characters of all of them
KANA = 0.1  # share of kana from which signs are Japanese
FEWEST_LETTERS = 6  # fewer are a name or a code, in any script
FEWEST_WORDS = 8  # fewer Latin words are too short for the model to be sure of: English labels look Danish
SURE = 0.9  # of the model, before its word is taken


def language_of(text: str) -> str:
    """A code like en or zh; empty for what is too short to tell, or holds numbers and names only."""
    bare = _bare(text)
    known = _candidates(bare)
    if len(known) == 1:
        return known[0]
    if not known or len(_WORD.findall(bare)) < FEWEST_WORDS:
        return ""
    code, share = _likeliest(bare, known)
    return code if share >= SURE else ""


def script_language(text: str) -> str:
    """The language that the text's script alone decides, such as zh or ko; empty where several are written in it."""
    known = _candidates(_bare(text))
    return known[0] if len(known) == 1 else ""


def likeliest_language(texts: Iterable[str]) -> str:
    """The best guess for texts of one kind, to be proposed to a person: the language of most of them; English where no
    word tells. No text counts for more than another, so one long foreign text decides nothing."""
    bare = [(one, known) for text in islice(texts, _TEXTS) if (known := _candidates(one := _bare(text)))]
    if not bare:
        return "en"
    [(known, _)] = Counter(known for _, known in bare).most_common(1)
    if len(known) == 1:
        return known[0]
    alike = [" ".join(_WORD.findall(one)) for one, own in bare if own == known]
    length = min(round(median(map(len, alike))), _READ_TOGETHER // len(alike))
    return _likeliest(" ".join(one[: max(1, length)] for one in alike), known)[0]


def foreign(text: str, language: str) -> str:
    """The code of the language that the text is in instead ('other' for a foreign script), or nothing."""
    wanted, bare = language.lower()[:2], _bare(text)
    scripts = _scripts(bare)
    if not wanted or scripts.total() < FEWEST_LETTERS:
        return ""
    own = [name for name, known in SCRIPTS.items() if wanted in known] or ["LATIN"]
    if sum(scripts[name] for name in own) < scripts.total() / 3:
        return "other"
    if own != ["LATIN"] or len(_WORD.findall(bare)) < FEWEST_WORDS:
        return ""
    code, share = _likeliest(bare, (*SCRIPTS["LATIN"], wanted))
    return code if code != wanted and share >= SURE else ""


def languages_of(spoken: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """The languages of pieces, given with their lengths, most text first; below a twentieth counts as stray."""
    weights: Counter[str] = Counter()
    for code, length in spoken:
        if code:
            weights[code] += length
    whole = sum(weights.values())
    return tuple(code for code, weight in weights.most_common() if weight > 0.05 * whole)


def _bare(text: str) -> str:
    """The beginning of the text without what is in no language, in letters of usual width."""
    return _NO_LANGUAGE.sub(" ", unicodedata.normalize("NFKC", text[:_READ]))


def _candidates(bare: str) -> tuple[str, ...]:
    """The languages that a text of these letters may be in: one where its script decides."""
    scripts = _scripts(bare)
    main = max(scripts, key=lambda name: scripts[name], default="")
    if main in ("CJK", "HIRAGANA", "KATAKANA"):
        kana = scripts["HIRAGANA"] + scripts["KATAKANA"]
        return ("ja",) if kana > KANA * (kana + scripts["CJK"]) else ("zh",)
    return SCRIPTS.get(main, ())


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


def _likeliest(bare: str, known: Collection[str]) -> tuple[str, float]:
    """Of these languages the likeliest, and its share of the probability that they have together."""
    words = " ".join(_WORD.findall(bare)).lower()
    shares = {code: float(share) for code, share in reversed(_model().rank(words)) if code in known}
    whole = sum(shares.values())
    best = max(shares, key=lambda code: shares[code], default="")
    return best, shares[best] / whole if whole else 0.0


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

"""Answers that are text: ROUGE and BLEU by their reference libraries, exact match and F1 of short answers, refusals.

A text in which Chinese characters stand is cut into characters for these metrics, as the makers of the Chinese data
sets do (LCSTS, CMRC 2018): no dictionary decides what a word is.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

from tools.evaluation.score.objects import Pairs
from tools.evaluation.statistics.intervals import Indices, bootstrap, mean, share
from tools.records import Measure, Score
from tools.text.plain import plain

_HAN = re.compile(r"[\u4e00-\u9fa5]")
_WORD = re.compile(r"[\u4e00-\u9fa5]|[^\W_\u4e00-\u9fa5]+")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
# The marks that the CMRC 2018 scorer takes as tokens of their own and leaves out of comparisons.
_CMRC_MARKS = frozenset("-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』")
_REFUSAL = re.compile(
    r"(?:i(?:'m| am) (?:sorry|afraid|unable)|sorry,? (?:but )?i|i (?:can(?:not|'t)|am not able to|won't) "
    r"|as an ai|as a language model|unfortunately,? i"
    r"|抱歉|对不起|很遗憾|我(?:无法|不能|不可以)|作为(?:一个)?(?:ai|人工智能))",
    re.IGNORECASE,
)


def refuses(text: str) -> bool:
    """Whether an answer begins by declining, in English or Chinese."""
    return _REFUSAL.match(plain(text).replace("’", "'")) is not None


def refusals(answers: Sequence[str], origins: Sequence[str] = ()) -> Score:
    return share([refuses(answer) for answer in answers], origins)


# --- short answers ------------------------------------------------------------------------------------------------


def answer_exact(reference: str, answer: str) -> bool:
    """Equal after the normalisation of SQuAD 1.1, or of CMRC 2018 where the reference is Chinese.

    SQuAD: lower case, no ASCII punctuation, no English articles, single spaces (P. Rajpurkar et al., EMNLP 2016).
    CMRC: lower case, none of its punctuation marks (Y. Cui et al., EMNLP 2019).
    """
    if _HAN.search(reference):
        return _cmrc_plain(reference) == _cmrc_plain(answer)
    return _squad_plain(reference) == _squad_plain(answer)


def answer_f1(reference: str, answer: str) -> float:
    """Overlap of the words (SQuAD 1.1), or for Chinese of the longest run of characters in common (CMRC 2018)."""
    if _HAN.search(reference):
        a, b = _cmrc_tokens(reference), _cmrc_tokens(answer)
        common = _longest_run(a, b)
    else:
        a, b = _squad_plain(reference).split(), _squad_plain(answer).split()
        common = sum((Counter(a) & Counter(b)).values())
    return 2 * common / (len(a) + len(b)) if common else 0.0


def _squad_plain(text: str) -> str:
    bare = "".join(char for char in text.lower() if char not in string.punctuation)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def _cmrc_plain(text: str) -> str:
    return "".join(char for char in text.lower().strip() if char not in _CMRC_MARKS)


def _cmrc_tokens(text: str) -> list[str]:
    """Each Chinese character by itself; what stands between as NLTK's Treebank tokenizer cuts it."""
    tokens: list[str] = []
    other = ""
    for char in text.lower().strip():
        if _HAN.match(char):
            tokens += [*_treebank(other), char]
            other = ""
        elif char not in _CMRC_MARKS:
            other += char
    return tokens + _treebank(other)


def _treebank(text: str) -> list[str]:
    from nltk.tokenize import NLTKWordTokenizer

    return list(NLTKWordTokenizer().tokenize(text)) if text else []


def _longest_run(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest run of tokens that both hold."""
    longest, before = 0, [0] * (len(b) + 1)
    for token in a:
        row = [0]
        row += [before[at] + 1 if token == other else 0 for at, other in enumerate(b)]
        longest, before = max(longest, *row), row
    return longest


# --- longer answers -----------------------------------------------------------------------------------------------


class _Words:
    """rouge-score's tokenizer interface. ASCII text is cut as rouge-score does, which drops every other letter."""

    def tokenize(self, text: str) -> list[str]:
        words: list[str] = _WORD.findall(text.lower())
        return words


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Words())


def rouge_l(reference: str, answer: str) -> float:
    """F measure of the longest common subsequence of words (C.-Y. Lin, ROUGE, 2004), by rouge-score."""
    return float(_rouge().score(reference, answer)["rougeL"].fmeasure)


def rouge(pairs: Pairs, origins: Sequence[str] = ()) -> dict[str, Measure]:
    """Mean F measures of ROUGE-1, ROUGE-2 and ROUGE-L, by rouge-score without stemming."""
    scored = [_rouge().score(reference, answer) for reference, answer in pairs]
    names = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL"}
    return {name: mean([one[key].fmeasure for one in scored], origins) for name, key in names.items()}


def bleu(pairs: Pairs, origins: Sequence[str] = ()) -> Measure:
    """BLEU-4 over all rows as a part of 1, by sacrebleu: tokenizer 13a, or zh where references hold Chinese."""
    import numpy
    from sacrebleu.metrics import BLEU

    chinese = sum(bool(_HAN.search(reference)) for reference, _ in pairs) * 2 > len(pairs)
    metric = BLEU(tokenize="zh" if chinese else "13a", effective_order=False)
    scored = [metric.corpus_score([answer], [[reference]]) for reference, answer in pairs]
    # (rows, 10): matches and n-grams of each order, length of the answer, length of the reference
    counts = numpy.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in scored], dtype=float)

    def figure(indices: Indices) -> float:
        total = counts[indices].sum(axis=0)
        whole = BLEU.compute_bleu(list(total[:4]), list(total[4:8]), int(total[8]), int(total[9]), smooth_method="exp")
        return float(whole.score) / 100

    return bootstrap(len(pairs), figure, origins)


def length_ratio(pairs: Pairs, origins: Sequence[str] = ()) -> Measure:
    """Words of the answers to words of the references, all rows together; 1 is as long as the references."""
    import numpy

    words = _Words().tokenize
    counts = numpy.array([[len(words(answer)), len(words(reference))] for reference, answer in pairs], dtype=float)

    def figure(indices: Indices) -> float:
        said, wanted = counts[indices].sum(axis=0)
        return float(said / wanted) if wanted else 1.0

    return bootstrap(len(pairs), figure, origins)

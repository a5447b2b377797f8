"""Words are found whatever marks they are quoted in, and the text's own characters come back."""

import unicodedata

import pytest

from tools.text.folding import folded, locate


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("words", "text", "own"),
    [
        ("isn't open", "The office isn’t open on Sundays.", "isn’t open"),
        ('"forty euros" - payable', "It costs “forty euros” – payable in cash", "“forty euros” – payable"),
        ("Gebühr für Köln", decomposed("Die Gebühr für Köln ist"), decomposed("Gebühr für Köln")),
        (decomposed("Gebühr für Köln"), "Die Gebühr für Köln ist", "Gebühr für Köln"),
        ("Hafenmeister", "der Hafen\u00admeister zahlt", "Hafen\u00admeister"),
        ("Hafenmeister", "der Hafen\u00ad\nmeister zahlt", "Hafen\u00ad\nmeister"),
        ("12 kg", "about 12\u00a0kg of it", "12\u00a0kg"),
        ("No. 5", "the №\u202f5", None),  # "No5" is one word of NFKC: no piece of it is taken
        ("office", "the oﬃce door", "oﬃce"),
        ("zero width", "zero\u200b width", "zero\u200b width"),
        ("-5 degrees", "at −5 degrees", "−5 degrees"),
        ("« oui »", "il dit “ oui ”.", "“ oui ”"),
        ("한국", decomposed("여기는 한국 입니다"), decomposed("한국")),
        ("ガイド", "この ｶﾞｲﾄﾞ です", "ｶﾞｲﾄﾞ"),
        ("现在开始", "请现\n在 开始吧", "现\n在 开始"),
        ("now here", "it is nowhere", None),
        ("THE", "the office", None),
        ("", "anything", None),
        ("\u00ad", "anything", None),
    ],
)
def test_words_are_found_in_their_own_characters(words: str, text: str, own: str | None) -> None:
    place = locate(words, text)
    assert (text[slice(*place)] if place else None) == own


def test_folding_is_stable_and_keeps_what_means_something() -> None:
    for text in ("a  b\n", "“x” – ´y´", decomposed("ÄÖÜ"), "½ ㎏", "x\u0301\u0302", "\u0301", ""):
        assert folded(folded(text)) == folded(text)
    assert folded("A-1") != folded("A 1")
    assert folded("Ä") != folded("A")

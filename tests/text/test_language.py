"""Documents, imported rows and synthesis tell a language by one table and one model."""

import pytest

from tools.text.language import foreign, language_of, likeliest_language

SAID = {
    "en": "The parcel leaves our house on Monday and arrives two days later at your door.",
    "de": "Das Paket verlässt unser Haus am Montag und ist zwei Tage später bei Ihnen an der Tür.",
    "fr": "Je voudrais savoir pourquoi ma commande n'est pas encore arrivée et quand elle sera livrée.",
    "hr": "Želio bih znati zašto moja narudžba još nije stigla i kada će biti isporučena na moju adresu.",
    "ru": "Я хотел бы узнать, почему мой заказ ещё не пришёл и когда он будет доставлен домой.",
    "uk": "Я хотів би дізнатися, чому моє замовлення ще не прийшло і коли його буде доставлено додому.",
    "zh": "我想知道为什么我的订单还没有到。",
    "ja": "注文がまだ届かない理由を知りたいです。",
    "ko": "제 주문이 왜 아직 도착하지 않았는지 알고 싶습니다.",
    "el": "Θα ήθελα να μάθω γιατί δεν έχει φτάσει ακόμα η παραγγελία μου.",
}


@pytest.mark.parametrize("code", SAID)
def test_all_three_questions_agree(code: str) -> None:
    text = SAID[code]
    assert language_of(text) == code
    assert likeliest_language([text]) == code
    assert foreign(text, code) == ""
    for other in {"en", "zh", "ru"} - {code}:
        alike = {"ru", "uk"} >= {code, other} or {"ja", "zh"} == {code, other}  # told by script alone
        assert bool(foreign(text, other)) != alike, other


@pytest.mark.parametrize("text", ["", "4711", "Ann Lee", "https://example.org/und-der-die", "Order AB-12"])
def test_what_is_too_short_is_in_no_language(text: str) -> None:
    assert language_of(text) == ""
    assert foreign(text, "en") == ""


def test_a_guess_is_always_made() -> None:
    assert likeliest_language(["12345", ""]) == "en"
    assert likeliest_language(["Wo ist die Haltestelle?", "und wie komme ich zu der?"]) == "de"


def test_full_width_letters_are_letters() -> None:
    assert likeliest_language(["Ｗｈｅｒｅ ｉｓ ｔｈｅ ｎｅａｒｅｓｔ ｓｔａｔｉｏｎ？"]) == "en"

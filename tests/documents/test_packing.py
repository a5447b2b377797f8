"""Passages follow the titles, keep tables whole, are sized in tokens and are slices of the document's text."""

from hypothesis import given
from hypothesis import strategies as st

from tools.documents.outline import is_title, number_of
from tools.documents.passages import Packed, pack
from tools.documents.reading import Element
from tools.text.language import language_of, languages_of
from tools.text.length import guessed_tokens

ELEMENTS = st.lists(
    st.builds(
        Element,
        text=st.text(st.sampled_from("ab .\n字。|"), min_size=1, max_size=300).map(str.strip).filter(bool),
        kind=st.sampled_from(["heading", "text", "text", "table"]),
        level=st.integers(1, 7),
        page=st.none() | st.integers(1, 3),
    ),
    max_size=12,
)


def check_slices(packed: Packed) -> None:
    ends = 0
    for piece in packed.pieces:
        assert packed.text[piece.start : piece.end] == piece.text
        assert ends <= piece.start < piece.end
        ends = piece.end


@given(ELEMENTS, st.integers(3, 60))
def test_passages_are_slices_in_order_and_lose_no_word(elements: list[Element], limit: int) -> None:
    packed = pack(elements, limit)
    check_slices(packed)
    body = "".join("".join(one.text.split()) for one in elements if one.kind != "heading")
    if body:
        assert "".join("".join(piece.text.split()) for piece in packed.pieces) == body
    assert all(guessed_tokens(piece.text) <= limit for piece in packed.pieces) or any(
        one.kind == "table" for one in elements
    )


def test_titles_make_a_path_and_number_the_clause() -> None:
    elements = [
        Element(text="Terms", kind="heading", level=1),
        Element(text="3.2 Payment", kind="heading", level=2),
        Element(text="You pay within a month.", page=4),
        Element(text="Later costs more.", page=5, last_page=6),
        Element(text="4 Delivery", kind="heading", level=2),
        Element(text="第五条 甲方应当付款。"),
    ]
    first, second = pack(elements).pieces
    assert (first.heading, first.clause, first.page, first.last_page) == ("Terms > 3.2 Payment", "3.2", 4, 6)
    assert first.text == "You pay within a month.\n\nLater costs more."
    assert (second.heading, second.clause) == ("Terms > 4 Delivery", "第五条")
    only = pack([Element(text="Only", kind="heading")]).pieces
    assert [(piece.text, piece.heading) for piece in only] == [("# Only", "")]


def test_long_text_is_cut_at_sentences_and_chinese_at_its_own() -> None:
    sentence = "This is sentence number {}. "
    pieces = pack([Element(text="".join(map(sentence.format, range(200))).strip())], 100).pieces
    assert len(pieces) > 10
    assert all(piece.text.endswith(".") and piece.tokens <= 100 for piece in pieces)
    chinese = pack([Element(text="合同自双方签字之日起生效。" * 40)], 100).pieces
    assert all(piece.text.endswith("。") and piece.tokens <= 100 for piece in chinese)


def test_a_table_stays_whole_and_a_huge_one_names_its_columns() -> None:
    rows = [f"| item {number} | {number * 7} euro |" for number in range(400)]
    table = Element(text="\n".join(["| What | Price |", "| --- | --- |", *rows[:60]]), kind="table")
    text = Element(text="Prices of this year.")
    assert [piece.text for piece in pack([text, table], 100).pieces] == ["Prices of this year.", table.text]
    huge = Element(text="\n".join(["| What | Price |", "| --- | --- |", *rows]), kind="table")
    packed = pack([huge], 100)
    check_slices(packed)
    assert [piece.heading for piece in packed.pieces] == ["", *["table of What | Price"] * (len(packed.pieces) - 1)]
    assert all(
        line.startswith("| ") and line.endswith(" |") for piece in packed.pieces for line in piece.text.split("\n")
    )


def test_what_is_a_title_and_what_only_looks_like_one() -> None:
    titles = ["3.2. Requirements", "Chapter 1. Introduction", "第三章 付款", "Article 7", "§ 4 Haftung", "2.1 Costs"]
    no_titles = [
        "3.2 million people live there",
        "1. Press the button",
        "2.5 is the limit.",
        "Chapter and verse",
        "See 3.2",
    ]
    assert [text for text in titles if not is_title(text)] == []
    assert [text for text in no_titles if is_title(text)] == []
    levels = [number_of(text).level for text in ("1.2.3 a", "第三章 付款", "（二）其他", "Chapter 4")]  # type: ignore[union-attr]
    assert levels == [3, 1, 3, 1]


def test_languages() -> None:
    english = "The parcel leaves our house on Monday and arrives two days later at your door."
    german = "Das Paket verlässt unser Haus am Montag und ist zwei Tage später bei Ihnen an der Tür."
    texts = (english, german, "货物于周一发出。", "荷物は月曜日に発送", "월요일 출발", "4711")
    assert [language_of(text) for text in texts] == ["en", "de", "zh", "ja", "ko", ""]
    assert languages_of([("de", 10), ("en", 100), ("", 500), ("so", 3)]) == ("en", "de")

"""The same bytes are the same text for a document, for inputs without answers and for rows."""

from pathlib import Path

import pytest

from tools.dataset.reading import read_file
from tools.documents.reader import read
from tools.synthesis.request.inputs import read_inputs
from tools.text.encoding import decode

TEXTS = {
    "utf-8": "Köln, 张三",
    "utf-8-sig": "Köln, 张三",
    "utf-16": "Köln und 张三",
    "utf-16-le": "Köln and Ann",
    "utf-16-be": "Köln and Ann",
    "utf-32": "张三住在北京市朝阳区",
    "gb18030": "张三住在北京市朝阳区，电话是多少",
    "cp1252": "Müller wohnt in der Größestraße",
    "cp1251": "Где ближайшая станция метро и как туда попасть сегодня",
    "shift_jis": "東京へ行きたいですが、どうすればいいですか。駅はどこですか",
}


def as_document(folder: Path, data: bytes) -> str:
    path = folder / "a.txt"
    path.write_bytes(data)
    return "\n".join(element.text for element in read(path, "text").elements)


def as_inputs(_folder: Path, data: bytes) -> str:
    return "\n".join(read_inputs(data, "a.txt"))


def as_rows(folder: Path, data: bytes) -> str:
    path = folder / "a.tsv"
    path.write_bytes(data)
    return "\n".join(row.question for row in read_file(path, "a.tsv").rows)


@pytest.mark.parametrize("encoding", TEXTS)
def test_all_read_the_same_text(tmp_path: Path, encoding: str) -> None:
    text = TEXTS[encoding]
    table = f"text\tlabel\n{text}\ta\n".encode(encoding)
    assert as_rows(tmp_path, table) == text
    assert as_document(tmp_path, text.encode(encoding)) == text
    assert as_inputs(tmp_path, text.encode(encoding)) == text


def test_a_broken_byte_costs_itself_in_prose_and_its_line_in_a_table(tmp_path: Path) -> None:
    """A file that is UTF-8 but for one line stays UTF-8: the rest must not turn into other signs."""
    lines = "Köln\n张三\n".encode() + b"Caf\xe9"
    assert as_inputs(tmp_path, lines) == "Köln\n张三\nCaf\ufffd"
    assert as_document(tmp_path, lines).split() == ["Köln", "张三", "Caf\ufffd"]
    path = tmp_path / "a.tsv"
    path.write_bytes("text\tlabel\nKöln\ta\n张三\tb\n".encode() + b"Caf\xe9\tc\n")
    found = read_file(path, "a.tsv")
    assert [row.question for row in found.rows] == ["Köln", "张三"]
    assert found.skipped == ((4, "it is not UTF-8"),)


@pytest.mark.parametrize("data", [b"\x00\x01\x02\x00" * 50, b"\xff\xfea", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"])
def test_what_is_no_text_is_none(data: bytes) -> None:
    assert decode(data) is None


SPOKEN = {
    "cp932": "私の荷物はどこですか。追跡番号は12です。\n",
    "euc-jp": "私の荷物はどこですか。追跡番号は12です。\n",
    "cp949": "제 소포는 어디에 있나요? 번호는 12입니다.\n",
    "gb18030": "我的包裹在哪里？单号是12。\n",
    "koi8-r": "Где моя посылка? Номер 12.\n",
    "cp1251": "Где моя посылка? Номер 12.\n",
}


@pytest.mark.parametrize("encoding", SPOKEN)
def test_old_encodings_of_one_script_are_told_apart(encoding: str) -> None:
    found = decode(SPOKEN[encoding].encode(encoding) * 5)
    assert found is not None
    assert (found.text, found.encoding) == (SPOKEN[encoding] * 5, encoding)


@pytest.mark.parametrize("text", ["I can’t find parcel 0, it’s late", "NÃO ABRIR ATENÇÃO", "Änderung der Ärzte"])
def test_western_accents_before_letters_are_no_hangul(text: str) -> None:
    found = decode((text + "\n").encode("cp1252") * 6)
    assert found is not None
    assert text in found.text

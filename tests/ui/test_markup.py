"""Text of strangers is text: nothing of it becomes an element, an attribute, a link or an image."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.markup import escape, fields_of, prose

OURS = {"p", "br", "strong", "code", "pre", "ul", "ol", "li"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def tags(html: str) -> Tags:
    parser = Tags()
    parser.feed(html)
    return parser


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](http://evil.example/pixel.png)",
        "[click](javascript:alert(1))",
        "`<script>` **<b onclick=x>**",
        "```\n</pre><script>x</script>\n```",
        "- <svg onload=alert(1)>",
    ],
)
def test_no_tag_of_the_text_survives(text: str) -> None:
    found = tags(prose(text))
    assert set(found.found) <= OURS
    assert found.attributes == []


@given(st.text(alphabet=st.sampled_from(list("<>&\"'`*-[]()!\n a1/=#")), max_size=80))
def test_whatever_is_typed_only_our_tags_come_out(text: str) -> None:
    found = tags(prose(text))
    assert set(found.found) <= OURS
    assert found.attributes == []


def test_emphasis_lists_and_code_are_shown() -> None:
    html = prose("Say **this**:\n- `a*b`\n- two\n\n1. one\n\n```\nx < y\n```")
    assert html == (
        "<p>Say <strong>this</strong>:</p><ul><li><code>a*b</code></li><li>two</li></ul>"
        "<ol><li>one</li></ol><pre>x &lt; y</pre>"
    )


def test_an_attribute_cannot_be_left() -> None:
    assert escape("\"' onclick=x") == "&quot;&#x27; onclick=x"


def test_fields_of_an_answer() -> None:
    text = (
        '{"a": null, "b": "x", "c": [1, "y"], "d": true, "e": [], "f": [{"g": 1, "h": null}, {"g": 2}], "i": {"j": 3}}'
    )
    assert fields_of(text) == [
        ("a", "–"),
        ("b", "x"),
        ("c", "1, y"),
        ("d", "true"),
        ("e", "[]"),
        ("f", "g: 1, h: –; g: 2"),
        ("i", "j: 3"),
    ]
    assert fields_of("no json") is None
    assert fields_of("[1]") is None

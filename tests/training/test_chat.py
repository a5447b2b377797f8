"""The student sees tools, calls and results as its own template writes them, or in words where it knows none."""

from pathlib import Path
from typing import Any

import pytest

from tools.dataset.splits import Row
from tools.dataset.writing import openai_messages
from tools.errors import RetortError
from tools.records import Dialogue, JsonObject, Message, Sample, ToolCall
from tools.settings import settings
from tools.student import tokens
from tools.student.chat import chat_request, encode, load_tokenizer, prompt_text
from tools.student.packing import pack
from tools.student.tokens import tokenised
from tools.training.compute.padded import padded_batches

WEATHER: JsonObject = {
    "type": "function",
    "function": {"name": "weather", "description": "Weather of a city", "parameters": {"type": "object"}},
}
CALL = Message(role="assistant", content="", tool_calls=(ToolCall(name="weather", arguments={"city": "Köln"}),))
CALLED = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>'
ASKED = Dialogue(messages=(Message(role="user", content="Rain in Köln?"), CALL), tools=(WEATHER,))
TOLD = Dialogue(
    messages=(
        Message(role="system", content="Be brief."),
        *ASKED.messages,
        Message(role="tool", content='{"rain": false}'),
        Message(role="assistant", content="No."),
    ),
    tools=(WEATHER,),
)
# Knows tools as Qwen's does: an offer in the system turn, calls in their own markup.
KNOWING = """{%- if tools %}<|im_start|>system
{%- for tool in tools %}[{{ tool | tojson }}]{%- endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}<call {{ call.function.name }}>{{ call.function.arguments | tojson }}</call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


@pytest.fixture
def tokenizer(tiny_student: Path) -> Any:
    return load_tokenizer(tiny_student)


def spoken(tokenizer: Any, sample: Dialogue) -> tuple[str, str]:
    encoded = encode(tokenizer, sample)
    return tokenizer.decode(encoded.prompt_ids), tokenizer.decode(encoded.answer_ids)


def test_a_template_that_knows_tools_writes_offer_call_and_result(tokenizer: Any) -> None:
    tokenizer.chat_template = KNOWING
    prompt, answer = spoken(tokenizer, ASKED)
    assert prompt.startswith('<|im_start|>system[{"type": "function"')
    assert prompt.endswith("Rain in Köln?<|im_end|>\n<|im_start|>assistant\n")
    assert answer == '<call weather>{"city": "Köln"}</call><|im_end|>'
    prompt, answer = spoken(tokenizer, TOLD)
    assert '<call weather>{"city": "Köln"}</call><|im_end|>\n<|im_start|>tool\n{"rain": false}<|im_end|>' in prompt
    assert answer == "No.<|im_end|>"


def test_prompt_and_answer_are_what_the_template_makes_of_the_whole(tokenizer: Any) -> None:
    tokenizer.chat_template = KNOWING
    whole = tokenizer.apply_chat_template(
        [
            {"role": "user", "content": "Rain in Köln?"},
            {"role": "assistant", "content": "", "tool_calls": [{"function": CALL.tool_calls[0].model_dump()}]},
        ],
        tools=[WEATHER],
        tokenize=False,
    )
    assert "".join(spoken(tokenizer, ASKED)) == whole.removesuffix("\n")


def test_a_template_that_knows_none_gets_them_in_words(tokenizer: Any) -> None:
    prompt, _ = spoken(tokenizer, TOLD)
    assert prompt.startswith("<|im_start|>system\nBe brief.\n\n# Tools")
    assert '{"type": "function", "function": {"name": "weather"' in prompt
    assert f"<|im_start|>assistant\n{CALLED}<|im_end|>" in prompt
    assert '<|im_start|>user\n<tool_response>\n{"rain": false}\n</tool_response><|im_end|>' in prompt
    assert "<|im_start|>tool" not in prompt
    assert spoken(tokenizer, ASKED)[1] == f"{CALLED}<|im_end|>"


def test_a_template_that_begins_an_answer_in_two_ways_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = KNOWING.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>model\n{% endif %}")
    with pytest.raises(RetortError, match="calls 'weather' differently"):
        encode(tokenizer, ASKED)


def test_without_tools_the_template_is_given_none(tokenizer: Any) -> None:
    tokenizer.chat_template = "{% if tools is not none or messages[0].tool_calls is defined %}tools{% endif %}"
    assert prompt_text(tokenizer, ASKED.messages[:1]) == ""


def test_a_server_is_sent_what_makes_the_same_prompt(tokenizer: Any) -> None:
    plain = chat_request(tokenizer, TOLD)
    assert "tools" not in plain
    assert tokenizer.apply_chat_template(plain["messages"], tokenize=False, add_generation_prompt=True) == prompt_text(
        tokenizer, TOLD.prompt, TOLD.tools
    )
    tokenizer.chat_template = KNOWING
    told = chat_request(tokenizer, TOLD)
    assert (told["tools"], told["tool_choice"]) == ([WEATHER], "none")
    assert told["messages"] == openai_messages(TOLD.prompt)
    assert told["messages"][2]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
    ]
    assert told["messages"][3] == {"role": "tool", "content": '{"rain": false}', "tool_call_id": "call_1"}


def test_question_and_answer_of_a_sample_with_tools() -> None:
    assert (ASKED.question, ASKED.answer) == ("Rain in Köln?", CALLED)
    assert (TOLD.question, TOLD.answer) == ("Rain in Köln?", "No.")
    assert len({ASKED.messages, TOLD.messages, ASKED.messages}) == 2  # messages are kept in sets


@pytest.mark.parametrize(
    "message",
    [
        CALL,
        Message(role="assistant", content="Let me see.", tool_calls=(*CALL.tool_calls, ToolCall(name="now"))),
        Message(role="assistant", content="plain"),
        Message(role="assistant", content='<tool_call>\n{"name": "half", "arguments": {}}'),
        Message(role="assistant", content=f"{CALLED}\nand then some words"),
        Message(role="assistant", content='<tool_call>\n{"arguments": {}}\n</tool_call>'),
    ],
)
def test_an_answer_is_read_back_from_its_text(message: Message) -> None:
    assert Message.answering(message.text) == message


def test_bodies_written_before_tools_are_still_read() -> None:
    body = (
        '{"id":"sample-1","owner":"local","created_at":"2026-11-22T07:00:00Z","project_id":"p","messages":'
        '[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"state":"approved","source":"user"}'
    )
    read = Sample.model_validate_json(body)
    assert (read.question, read.answer, read.tools) == ("q", "a", ())


def test_samples_become_tokens_once(tiny_student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def row(text: str) -> Row:
        return Row(id=text, messages=(Message(role="user", content=text), Message(role="assistant", content="yes")))

    rows = [row(text) for text in ("a word", "two words", "三个词")]
    first = tokenised(tiny_student, rows)
    assert first == [encode(load_tokenizer(tiny_student), one) for one in rows]
    (kept,) = (settings().home_dir / "cache").glob("tokens-*")
    with monkeypatch.context() as patched:
        patched.setattr(tokens, "load_tokenizer", lambda _folder: pytest.fail("made again"))
        assert tokenised(tiny_student, rows) == first
    kept.write_bytes(kept.read_bytes()[:-30])  # torn
    assert tokenised(tiny_student, rows) == first
    assert tokenised(tiny_student, [*rows[:2], row("other words")])[:2] == first[:2]
    assert len(list(kept.parent.glob("tokens-*"))) == 2


def test_every_answer_of_a_conversation_is_learnt_as_it_would_be_given(tiny_student: Path) -> None:
    tokenizer = load_tokenizer(tiny_student)
    said = [("assistant", "Welcome"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    messages = [Message.model_validate({"role": role, "content": text}) for role, text in said]
    talk = Row(id="talk", messages=tuple(messages))
    whole = encode(tokenizer, talk, every=True)
    alone = [encode(tokenizer, Row(id="part", messages=talk.messages[:length])) for length in (3, 5)]
    assert list(whole.learnt) == alone  # what nobody asked for is not learnt
    assert encode(tokenizer, talk).learnt == (alone[1],)
    packed = pack([whole], 500)
    padded = padded_batches([whole], 500)
    assert sorted(label for row in packed for label in row.labels) == sorted(
        label for one in alone for label in one.answer_ids
    )
    assert sorted(one.tokens for few in padded for one in few) == sorted(one.tokens for one in alone)
    muted = messages[2].model_copy(update={"learnt": False})
    assert encode(tokenizer, Row(id="x", messages=(*messages[:2], muted, *messages[3:])), every=True).earlier == ()
    for every in (True, False):
        found = tokenised(tiny_student, [talk, talk], every=every)
        assert tokenised(tiny_student, [talk, talk], every=every) == found == [encode(tokenizer, talk, every=every)] * 2

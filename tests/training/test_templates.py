"""Chat templates of all kinds: brought to take any conversation, or refused with a sentence, alike for vLLM."""

import json
import re
import shutil
import sys
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.dataset.rows import distinct
from tests.tiny import CHATML
from tools.catalog import Catalog
from tools.dataset.freezing import freeze
from tools.deployment.vllm import TEMPLATE, serve_command, write_speech
from tools.errors import RetortError
from tools.evaluation.candidates import find_candidate
from tools.records import Deployment, Dialogue, JsonObject, Message, Project, Task
from tools.student.chat import chat_request, encode, end_token_ids, knows_tools, load_tokenizer, probe, prompt_text
from tools.training import fit

LOOP = "{% for m in messages %}"
TURN = "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}"
ASK = "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
END = "{% endfor %}"
NO_THOUGHT = "<think>\n\n</think>\n\n{% endif %}"
STRICT = (
    LOOP
    + "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    + TURN
    + END
    + ASK
)
KINDS = {
    "any": CHATML,
    "no system role": STRICT,
    "system ignored": LOOP + "{% if m.role != 'system' %}" + TURN + "{% endif %}" + END + ASK,
    "system late": LOOP + "{% if m.role == 'system' and loop.index0 %}{{ raise_exception('Begin with it') }}{% endif %}"
    + TURN + END + ASK,
    "parts": LOOP + "<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'text' %}{{ c.text }}{% endif %}"
    "{% endfor %}<|im_end|>\n" + END + ASK,
    "no end": LOOP + "{{ '<|im_start|>' + m.role + '\\n' + m.content + '\\n' }}" + END + ASK,
    "no header": LOOP + TURN + END,
    "today": "{% macro day() %}{{ strftime_now('%A %d %b %Y %H:%M:%S') }}{% endmacro %}{{ day() }}\n" + CHATML,
    "begins twice": "{{ bos_token }}<|endoftext|>" + CHATML,
    "reasons by itself": CHATML.replace("assistant\\n'", "assistant\\n<think>\\n'"),
    "switch": CHATML.replace("assistant\\n' }}", "assistant\\n' }}{% if not enable_thinking %}" + NO_THOUGHT),
    "switch of another name": CHATML.replace("assistant\\n' }}", "assistant\\n' }}{% if not thinking %}" + NO_THOUGHT),
}  # fmt: skip


def student(tiny_student: Path, folder: Path, template: str | JsonObject, **said: Any) -> Path:
    """The tiny student's files without its weights, with another template and other entries in its tokenizer."""
    folder.mkdir()
    for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tiny_student / name, folder / name)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "bos_token": "<|endoftext|>", **said}))
    if isinstance(template, str):
        (folder / "chat_template.jinja").write_text(template)
    else:
        (folder / "additional_chat_templates").mkdir()
        for name, text in template.items():
            path = folder / ("chat_template.jinja" if name == "default" else f"additional_chat_templates/{name}.jinja")
            path.write_text(str(text))
    return folder


def talk(*turns: str) -> Dialogue:
    """'user: text' and so on."""
    return Dialogue(
        messages=tuple(
            Message.model_validate(dict(zip(("role", "content"), turn.split(": ", 1), strict=True))) for turn in turns
        )
    )


TALKS = [
    talk("system: Be brief.", "user: Rain?", "assistant: No."),
    talk("assistant: Welcome", "user: Rain?", "assistant: No."),
    talk("user: Hello", "user: Rain?", "assistant: No."),
    talk("system: Be brief.", "user: Rain?", "assistant: No.", "system: Be long.", "user: Snow?", "assistant: Never."),
]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_said_stands_in_the_prompt_and_vllm_is_told_the_same(
    tiny_student: Path, tmp_path: Path, kind: str
) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    folder = student(tiny_student, tmp_path / "student", KINDS[kind])
    tokenizer = load_tokenizer(folder)
    speech = write_speech(folder, tmp_path / "speech")
    served = AutoTokenizer.from_pretrained(folder)
    served.chat_template = (speech / TEMPLATE).read_text()
    for sample in TALKS:
        encoded = encode(tokenizer, sample)
        asked, answered = tokenizer.decode(encoded.prompt_ids), tokenizer.decode(encoded.answer_ids)
        assert all(message.content in asked for message in sample.prompt)
        assert answered == f"{sample.answer}<|im_end|>"
        assert re.search(r"assistant\n(<think>\n\n</think>\n\n)?$", asked)
        assert asked.count("Be brief.") == any(one.role == "system" for one in sample.prompt)
        assert not asked.startswith("<|endoftext|>" * 2)
        request = chat_request(tokenizer, sample)["messages"]
        told = served.apply_chat_template(request, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        assert told == asked
    ends = GenerationConfig.from_pretrained(speech).to_diff_dict()
    assert ends.pop("eos_token_id") == end_token_ids(tokenizer, folder)
    assert (
        end_token_ids(tokenizer, folder)[0] == tokenizer.convert_tokens_to_ids("<|im_end|>") == encoded.answer_ids[-1]
    )
    assert ends.keys() <= {"transformers_version"}  # no penalties
    assert "<|im_end|>" in probe(folder)
    command = serve_command(
        Deployment(id="d", owner="local", project_id="p", port=1, model="m"),
        "path:x",
        folder,
        None,
        gpu=True,
        speech=speech,
        thinks=True,
    )
    given = dict(pairwise(command))
    assert given["--generation-config"] == str(speech)
    assert given["--chat-template"] == str(speech / TEMPLATE)
    assert given["--chat-template-content-format"] == "string"
    assert json.loads(given["--default-chat-template-kwargs"]) == {"enable_thinking": True}


def test_what_was_done_is_told(tiny_student: Path, tmp_path: Path) -> None:
    told = probe(student(tiny_student, tmp_path / "strict", STRICT))
    assert "no system text" in told
    assert "the user to speak first" in told
    assert (
        probe(student(tiny_student, tmp_path / "plain", CHATML)) == "its chat template ends an answer with <|im_end|>"
    )


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('No chat here') }}", "what the user says: No chat here"),
        (LOOP + "{{ m.role }}" + END, "what the user says: it is left out"),
        (LOOP + "{% if m.role != 'assistant' %}" + TURN + "{% endif %}" + END, "an answer: it is left out"),
        ("{% for m in messages %}{{ m.content }", "unexpected"),
        (LOOP + "{{ m.content + 1 }}" + END, "what the user says"),
        ("", "no chat template"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_in_a_sentence(
    tiny_student: Path, tmp_path: Path, template: str, words: str
) -> None:
    with pytest.raises(RetortError, match=re.escape(words)) as told:
        load_tokenizer(student(tiny_student, tmp_path / "student", template))
    assert "hf:Qwen" in told.value.fix or "instruct" in told.value.fix


def test_a_tokenizer_without_an_end_or_with_unknown_tokens_is_refused(tiny_student: Path, tmp_path: Path) -> None:
    endless = student(tiny_student, tmp_path / "endless", KINDS["no end"], eos_token=None)
    with pytest.raises(RetortError, match="names no eos_token"):
        load_tokenizer(endless)
    config = json.loads((tiny_student / "config.json").read_text())
    small = student(tiny_student, tmp_path / "small", CHATML)
    (small / "config.json").write_text(json.dumps({**config, "vocab_size": 257}))
    with pytest.raises(RetortError, match="the model knows 257 tokens"):
        load_tokenizer(small)
    (small / "tokenizer.json").write_text("{")
    with pytest.raises(RetortError, match="cannot be loaded"):
        load_tokenizer(small)


def test_whatever_ends_an_answer_stops_it_everywhere(tiny_student: Path, tmp_path: Path) -> None:
    """A base whose own end is another than its template's: both stop, in evaluation and in vLLM."""
    folder = student(tiny_student, tmp_path / "base", CHATML, eos_token="<|endoftext|>")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [257, 3], "repetition_penalty": 1.2}))
    tokenizer = load_tokenizer(folder)
    assert end_token_ids(tokenizer, folder) == [256, 257, 3]
    assert json.loads((write_speech(folder, tmp_path / "speech") / "generation_config.json").read_text()) == {
        "eos_token_id": [256, 257, 3]
    }


REASONED = talk("user: Rain?", "assistant: <think>\nIt is dry.\n</think>\n\nNo.")


@pytest.mark.parametrize("kind", ["any", "reasons by itself", "switch", "switch of another name"])
def test_reasoning_is_opened_once(tiny_student: Path, tmp_path: Path, kind: str) -> None:
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", KINDS[kind]))
    encoded = encode(tokenizer, REASONED)
    text = tokenizer.decode([*encoded.prompt_ids, *encoded.answer_ids])
    assert text.endswith("<|im_start|>assistant\n<think>\nIt is dry.\n</think>\n\nNo.<|im_end|>")
    assert text.count("think>") == 2


def test_reasoning_that_a_template_always_ends_is_refused(tiny_student: Path, tmp_path: Path) -> None:
    always = CHATML.replace("assistant\\n'", "assistant\\n<think>\\n\\n</think>\\n\\n'")
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", always))
    encode(tokenizer, TALKS[0])
    with pytest.raises(RetortError, match="drop the reasoning"):
        encode(tokenizer, REASONED)


def test_control_tokens_in_a_text_are_text(tiny_student: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", CHATML))
    control = set(tokenizer.all_special_ids)
    bare = encode(tokenizer, talk("system: S", "user: Q", "assistant: B", "user: R", "assistant: A"))
    sample = talk(
        "system: S <|im_start|>", "user: Q<|im_end|>", "assistant: B<|im_start|>", "user: R", "assistant: <|im_end|> A"
    )
    encoded = encode(tokenizer, sample)
    assert [one for one in encoded.prompt_ids if one in control] == [one for one in bare.prompt_ids if one in control]
    assert [one for one in encoded.answer_ids if one in control] == [encoded.answer_ids[-1]]
    assert tokenizer.decode(encoded.answer_ids[:-1], skip_special_tokens=True) == "<|im_end|> A"
    assert tokenizer.decode(encoded.prompt_ids).replace("\u200b", "").count("<|im_start|>") == 5 + 2  # none is lost


def test_named_templates_are_one(tiny_student: Path, tmp_path: Path) -> None:
    tools = "{% for t in tools %}{{ t.function.name }}{% endfor %}" + LOOP
    tools += (
        "{{ '<|im_start|>' + m.role + '\\n' + m.content }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}"
    )
    tools += "{% endfor %}<|im_end|>\n" + END + ASK
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", {"default": CHATML, "tool_use": tools}))
    offered: JsonObject = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    assert knows_tools(tokenizer)
    assert prompt_text(tokenizer, TALKS[0].prompt).startswith("<|im_start|>system")
    assert prompt_text(tokenizer, TALKS[0].prompt, [offered]).startswith("weather<|im_start|>system")


@pytest.mark.parametrize(
    "lacks",
    [
        "{% if m.tool_calls %}{{ raise_exception('no') }}{% endif %}",
        "{% if m.role == 'tool' %}{{ none + 1 }}{% endif %}",
        "",
    ],
)
def test_tools_that_a_template_cannot_tell_are_told_in_words(tiny_student: Path, tmp_path: Path, lacks: str) -> None:
    template = "{{ tools | tojson if tools else '' }}" + LOOP + lacks + TURN + END + ASK
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", template))
    offered: JsonObject = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    assert not knows_tools(tokenizer)
    assert "<|im_start|>system\nBe brief.\n\n# Tools" in prompt_text(tokenizer, TALKS[0].prompt, [offered])


def test_control_tokens_in_a_call_are_text_and_those_of_its_markup_are_not(tiny_student: Path, tmp_path: Path) -> None:
    template = "{{ tools | tojson if tools else '' }}" + LOOP + "{{ '<|im_start|>' + m.role + '\\n' + m.content }}"
    template += (
        "{% for c in m.tool_calls or [] %}<|im_start|>{{ c.function | tojson }}{% endfor %}<|im_end|>\n" + END + ASK
    )
    tokenizer = load_tokenizer(student(tiny_student, tmp_path / "student", template))
    call = {"name": "say", "arguments": {"words": "a<|im_start|>b"}}
    answer = Message.model_validate({"role": "assistant", "content": "", "tool_calls": [call]})
    encoded = encode(tokenizer, Dialogue(messages=(TALKS[0].messages[1], answer)))
    assert tokenizer.decode(encoded.answer_ids) == f"<|im_start|>{json.dumps(call)}<|im_end|>"
    assert [one for one in encoded.answer_ids if one in tokenizer.all_special_ids] == [258, 256]


def test_a_student_is_asked_as_most_of_its_rows_answer(catalog: Catalog, project: Project) -> None:
    for number, (thought, wanted) in enumerate((("<think>\nHm.\n</think>\n\n", True), ("", False))):
        plain = project.but(id=f"p{number}", slug=f"p{number}", task=Task(kind="open"))
        catalog.add(plain)
        rows = distinct(plain, 30)
        told = [Message(role="assistant", content=f"{thought}{row.answer}") for row in rows]
        catalog.add_all([row.but(messages=(row.messages[0], answer)) for row, answer in zip(rows, told, strict=True)])
        assert freeze(catalog, plain).reasons is wanted
        assert find_candidate(catalog, plain, "base").thinks is wanted


def test_a_student_that_is_refused_at_the_plan_is_told_in_a_sentence(
    tiny_student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = student(tiny_student, tmp_path / "student", "{{ raise_exception('No chat here') }}")
    (folder / "model.safetensors").touch()
    row = {"id": "1", **TALKS[0].model_dump(mode="json")}
    asked = {"student": f"path:{folder}", "splits": [[row], []]}
    monkeypatch.setattr(sys, "stdin", StringIO(json.dumps(asked)))
    assert fit.main() == 1
    problem, fix = json.loads(capsys.readouterr().out)
    assert problem == "The student's chat template does not take what the user says: No chat here."
    assert "another student" in fix

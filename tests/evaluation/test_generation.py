"""Greedy answers are the same whatever the batch, with and without the shared prefix, and as transformers' own."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.world import SYSTEM, make_adapter
from tools.dataset.splits import Row
from tools.evaluation.candidates import Candidate
from tools.evaluation.students import LocalStudent, answer_limit
from tools.records import Message
from tools.settings import settings
from tools.student.chat import prompt_ids
from tools.student.decode import cpu, generation
from tools.student.decode.cpu import use_fastest_threads
from tools.student.decode.generation import fork_depths, greedy
from tools.student.decode.guessing import Draft, worth_guessing

LIMIT = 10


@pytest.fixture(scope="module")
def model(student: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(student, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    draw = random.Random(3)
    prefix = [draw.randrange(250) for _ in range(40)]
    return [prefix + [draw.randrange(250) for _ in range(draw.randrange(1, 30))] for _ in range(9)]


def one_by_one(model: Any, prompt: list[int], end_ids: set[int]) -> list[int]:
    """The slow truth: no cache, no batch, no padding."""
    import torch

    answer: list[int] = []
    for _ in range(LIMIT):
        with torch.inference_mode():
            token = int(model(input_ids=torch.tensor([prompt + answer])).logits[0, -1].argmax())
        if token in end_ids:
            break
        answer.append(token)
    return answer


@pytest.fixture(scope="module")
def free(model: Any, prompts: list[list[int]]) -> list[list[int]]:
    """The true answers, never ended."""
    return [one_by_one(model, prompt, set()) for prompt in prompts]


@pytest.mark.parametrize("share_prefix", [True, False])
@pytest.mark.parametrize("batch_rows", [1, 3, 8, 16])
def test_any_batch_gives_the_same_answers(
    model: Any, prompts: list[list[int]], free: list[list[int]], batch_rows: int, share_prefix: bool
) -> None:
    end_ids = {answer[5] for answer in free[:4]}  # tokens that do occur, so that rows end at different times
    cut = [[token in end_ids for token in answer] for answer in free]
    wanted = {index: free[index][: ends.index(True) if True in ends else LIMIT] for index, ends in enumerate(cut)}
    assert len({len(answer) for answer in wanted.values()}) > 2
    found = greedy(
        model,
        prompts,
        end_ids=end_ids,
        pad_id=0,
        max_new_tokens=LIMIT,
        batch_rows=batch_rows,
        share_prefix=share_prefix,
    )
    assert dict(found) == wanted


@pytest.fixture(scope="module")
def forked() -> list[list[int]]:
    """A tree: two passages with questions that begin alike, one prompt twice, one that ends where another goes on."""
    draw = random.Random(5)

    def words(count: int) -> list[int]:
        return [draw.randrange(250) for _ in range(count)]

    system, first, second, how = words(12), words(90), words(70), words(5)
    asked = [system + first + how + words(3), system + first + how + words(9), system + first + words(4)]
    asked += [system + second + words(length) for length in (2, 6, 7)]
    return [*asked, asked[0], asked[1][:-4], system + words(1)]


@pytest.mark.parametrize("batch_rows", [4, 16])
def test_each_beginning_is_read_once_and_changes_nothing(
    model: Any, forked: list[list[int]], batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(generation.STEP_TOKENS, "cpu", 1)  # every fork pays
    read: list[int] = []
    forward = type(model).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        read.append(kwargs["input_ids"].numel())
        return forward(self, *args, **kwargs)

    ends: dict[str, Any] = {"end_ids": set(), "pad_id": 0, "batch_rows": batch_rows}
    found = dict(greedy(model, forked, max_new_tokens=LIMIT, **ends))
    assert found == {at: one_by_one(model, prompt, set()) for at, prompt in enumerate(forked)}
    monkeypatch.setattr(type(model), "forward", counted)
    assert len(dict(greedy(model, forked, max_new_tokens=1, **ends))) == len(forked)
    assert sum(read) < sum(map(len, forked)) * 0.7  # padding counted


def test_forks_are_where_the_fewest_tokens_are_computed() -> None:
    passages = [[0] * 50 + [number] * 100 + [7, question] for number in (1, 2) for question in range(10)]
    assert fork_depths(passages, 10) == [50, 151]  # 50 once, 101 for each passage, and each row's last
    assert fork_depths(passages, 64) == [151]  # a stop less for 50 tokens more
    assert fork_depths(passages, 10**6) == []  # no stop pays
    assert fork_depths([[number] * 9 for number in range(8)], 1) == []  # nothing in common
    assert fork_depths([[3, 4, 5]] * 9, 1) == [2]  # the same prompt again and again
    assert fork_depths([[3], [3, 4]], 1) == []
    assert fork_depths([[3], *([[3, 4, 5]] * 9)], 1) == [2]


@pytest.mark.parametrize("family", ["Gemma2", "Mistral"])
def test_a_window_sees_what_it_would_alone(family: str, forked: list[list[int]]) -> None:
    import torch
    import transformers

    torch.manual_seed(0)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "head_dim": 8,
    }
    config = getattr(transformers, f"{family}Config")(
        vocab_size=256, num_key_value_heads=2, sliding_window=16, initializer_range=0.4, **shape
    )
    windowed = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    ends: dict[str, Any] = {"end_ids": set(), "pad_id": 0, "max_new_tokens": LIMIT, "batch_rows": 4}
    wanted = {at: one_by_one(windowed, prompt, set()) for at, prompt in enumerate(forked)}
    assert dict(greedy(windowed, forked, **ends)) == wanted


def test_guesses_save_steps_and_change_nothing(
    model: Any, prompts: list[list[int]], free: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    end = free[0][-1]
    wanted = {at: tokens[: tokens.index(end)] if end in tokens else tokens for at, tokens in enumerate(free)}
    steps: list[int] = []
    forward = type(model).forward

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        steps.append(1)
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", counted)

    def ask(earlier: list[list[int]]) -> int:
        steps.clear()
        ends = {"end_ids": {end}, "pad_id": 0, "max_new_tokens": LIMIT}
        assert dict(greedy(model, prompts, batch_rows=4, earlier=earlier, **ends)) == wanted
        return len(steps)

    right = [[*tokens, end] for tokens in wanted.values()]
    one_wrong = [[*tokens[:3], 0, *tokens[4:]] for tokens in right]
    assert ask(right) <= 1 + 3 * 2  # the prefix, and two steps a batch: eight guesses, then the rest
    assert ask(one_wrong) < ask([])
    assert ask([[7] * (2 * LIMIT)] * len(prompts)) <= ask([])  # none right: no more steps than without


def test_a_batch_is_as_wide_as_pays_for_all_its_rows() -> None:
    fresh = [Draft([], []) for _ in range(32)]
    one_long = [[1] * 8, *([[]] * 31)]
    assert worth_guessing(fresh, one_long, 1, "cpu") == 0
    assert worth_guessing(fresh[:1], one_long[:1], 1, "cpu") > 0  # alone it makes nobody wait
    right, wrong = [Draft([], []) for _ in range(16)], [Draft([], []) for _ in range(16)]
    for sure, lost in zip(right, wrong, strict=True):
        for _ in range(5):
            sure.learn(8, 8)
            lost.learn(8, 0)
    assert worth_guessing(right, [[1] * 8] * 16, 1, "cpu") == 8
    assert worth_guessing(wrong, [[1] * 8] * 16, 1, "cpu") == 0


def test_adapters_are_switched_by_name(student: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folders = {name: make_adapter(student, tmp_path / name, seed) for name, seed in (("a", 1), ("b", 2))}
    folders["longer"] = make_adapter(student, tmp_path / "longer", 3, rank=8)
    folders["other"] = make_adapter(student, tmp_path / "other", 4, target_modules=["q_proj"], use_rslora=True)
    rows = [
        Row(
            id=str(number),
            messages=(
                Message(role="system", content=SYSTEM),
                Message(role="user", content="Hello " * number),
                Message(role="assistant", content="{}"),
            ),
        )
        for number in range(1, 6)
    ]
    local = LocalStudent(student, "fp32", batch_rows=3)

    def ask(name: str) -> dict[str, str]:
        candidate = Candidate(name=name, label=name, student="", adapter=folders.get(name))
        return {row.id: text for row, text in local.answer(rows, candidate, LIMIT)}

    def truth(name: str) -> dict[str, str]:
        alone = AutoModelForCausalLM.from_pretrained(student, dtype=torch.float32)
        if name in folders:
            alone = PeftModel.from_pretrained(alone, folders[name])
        alone.eval()
        told = {}
        for row in rows:
            tokens = one_by_one(alone, prompt_ids(local.tokenizer, row.prompt), local.end_ids)
            told[row.id] = local.tokenizer.decode(tokens, skip_special_tokens=True)
        return told

    names = ("base", "a", "b", "longer", "other")
    answers = {name: ask(name) for name in names}
    assert answers == {name: truth(name) for name in names}
    assert len({tuple(said.values()) for said in answers.values()}) == len(names)
    for name in ("base", "a", "other", "base", "b", "longer"):  # switched off and exchanged again
        assert ask(name) == answers[name]


def test_threads_are_the_setting_or_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    before = torch.get_num_threads()
    try:
        assert use_fastest_threads() in (1, len(os.sched_getaffinity(0)))
        monkeypatch.setattr(cpu, "_seconds", lambda number: 1 / number)
        assert use_fastest_threads() == torch.get_num_threads() == len(os.sched_getaffinity(0))
        monkeypatch.setattr(cpu, "_seconds", lambda number: number)  # as beside other work
        assert use_fastest_threads() == torch.get_num_threads() == 1
        monkeypatch.setenv("RETORT_THREADS", "3")
        settings.cache_clear()
        assert use_fastest_threads() == torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_reference_answer_is_not_shown(student: Path) -> None:
    local = LocalStudent(student, "fp32")
    base = Candidate(name="base", label="base", student="")

    def ask(reference: str) -> str:
        messages = (Message(role="user", content="Hi"), Message(role="assistant", content=reference))
        return next(text for _, text in local.answer([Row(id="1", messages=messages)], base, LIMIT))

    assert ask("one") == ask("two")


def test_answer_limit_fits_the_longest_reference(student: Path) -> None:
    tokenizer = LocalStudent(student, "fp32").tokenizer
    rows = [
        Row(id=text, messages=(Message(role="user", content="q"), Message(role="assistant", content=text)))
        for text in ("a", "b" * 20)
    ]
    assert answer_limit(tokenizer, rows) == 25 + 16  # the tiny tokenizer has a token a byte
    assert answer_limit(tokenizer, []) == 16

"""A connection that is tested, a request that is asked again, and advice that fits the failure."""

import asyncio
import json
from typing import Any

import pytest

from tests.scripted_openai import Reply
from tests.synthesis.asking import ANSWER_USD, ASKED
from tests.synthesis.endpoint import teaching
from tests.synthesis.imitations import (
    completion,
    counted,
    error,
    imitations,
    openai,
    samples,
)
from tests.synthesis.tasks import BANK
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Expense, Project, SynthesisOrder
from tools.settings import settings
from tools.synthesis.bill import Bill
from tools.synthesis.connecting import connect
from tools.synthesis.drafting import draft
from tools.synthesis.engine import Engine
from tools.synthesis.making import Maker
from tools.synthesis.teacher import OpenAITeacher
from tools.teacher.asking import ask_each
from tools.teacher.endpoint import Endpoint


@pytest.fixture
def bank(catalog: Catalog, project: Project) -> Project:
    return catalog.save(project.but(task=BANK))


def test_a_connection_is_told_in_a_sentence_and_booked(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teaching(monkeypatch, imitations()["deepseek"].answer):
        told = connect(catalog, bank, max_usd=0.05)
    assert "big at http://127.0.0.1:" in told
    assert f"for ${ANSWER_USD:.4f}" in told
    assert "response_format json_object" in told
    assert "assumed" in told
    assert sum(one.usd for one in catalog.find(Expense, bank.id)) == pytest.approx(ANSWER_USD)


def test_a_connection_that_fails_says_what_is_wrong_and_the_fix(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RetortError, match=r"No teacher is set.*RETORT_TEACHER_PROVIDER"):
        connect(catalog, bank, max_usd=1)
    for reply, problem in ((error(401, "no"), "not accepted"), (error(500, "on fire"), "500: on fire")):
        with (
            teaching(monkeypatch, lambda body, reply=reply: reply),
            pytest.raises(RetortError, match=problem) as failed,
        ):
            connect(catalog, bank, max_usd=1)
        assert "resume" not in failed.value.fix
    with teaching(monkeypatch, openai, "sk-test,sk-wrong", model="big,small") as server:
        told = connect(catalog, bank, max_usd=1).splitlines()
        assert [one for one in ("big at", "answered in") if one in told[0]] == ["big at", "answered in"]
        assert "key was not accepted" in told[1]
    with teaching(monkeypatch, openai) as server, pytest.raises(RetortError, match="may cost up to"):
        connect(catalog, bank, max_usd=0.000001)
    assert server.requests == []
    with teaching(monkeypatch, lambda body: completion({"content": "I am ready!"}, counted())):
        assert "no JSON ('I am ready!')" in connect(catalog, bank, max_usd=1)


def test_a_request_that_is_asked_again_is_seen_with_the_time_and_the_reason(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    down = iter([True, True, True])

    def answer(body: dict[str, Any]) -> Reply:
        return error(500, "on fire") if next(down, False) else completion({"content": samples(body)}, counted())

    with teaching(monkeypatch, answer, concurrency="1"):
        teacher = OpenAITeacher(settings())
        maker = Maker(catalog, bank, teacher, seed="seed", state="approved")
        order = SynthesisOrder(count=5, max_usd=1)
        engine = Engine([teacher], maker, order, Bill(), second_s=0.01, retrying=lambda: seen.extend(engine.retries))
        asyncio.run(engine.run())
        down = iter([True])
        heard: list[str] = []
        [(_, told)] = ask_each(teacher, {1: ASKED}, max_usd=1, second_s=0.01, retrying=heard.append)
    assert [one.split(": ")[0] for one in seen] == [
        f"asking teacher:big again, {n} time" for n in ("2nd", "3rd", "4th")
    ]
    assert all("answered 500: on fire" in one for one in (*seen, *heard))
    assert json.loads(told.text)["samples"]
    assert engine.retries == []


def test_the_words_around_an_answer_to_a_row_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with teaching(monkeypatch, lambda body: completion({"content": 'Sure:\n```json\n{"a": 1}\n```'}, counted())):
        [(_, told)] = ask_each(Endpoint(settings()), {1: ASKED}, max_usd=1)
        [(_, plain)] = ask_each(Endpoint(settings()), {1: ASKED.model_copy(update={"answer_schema": None})}, max_usd=1)
    assert told.text == '{"a": 1}'
    assert plain.text.startswith("Sure")


@pytest.mark.parametrize(
    ("reply", "advice"),
    [
        (completion({"content": "I would write"}, counted()), "does not keep to the JSON"),
        (completion({"content": '{"sam'}, counted(), finish="length"), "RETORT_TEACHER_MAX_OUTPUT_TOKENS"),
        (completion({"content": None, "refusal": "no"}, counted()), "declines"),
        (completion({"content": '{"samples": [{"input": "", "output": "x"}]}'}, counted()), "Describe the task"),
    ],
)
def test_the_advice_fits_the_failure(
    catalog: Catalog, bank: Project, monkeypatch: pytest.MonkeyPatch, reply: Reply, advice: str
) -> None:
    with teaching(monkeypatch, lambda body: reply), pytest.raises(RetortError) as told:
        draft(catalog, bank, 2)
    assert advice in told.value.fix

"""The teacher's connection is tested by word, asked about like all that costs money, and told in a sentence."""

import pytest

from agent.session import Session
from tests.synthesis.endpoint import teaching
from tests.synthesis.imitations import error, imitations
from tools.catalog import Catalog
from tools.records import Expense, Project


@pytest.mark.parametrize("words", ["test the connection", "测试连接", "testa a ligação"])
def test_it_is_asked_about_and_told(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    catalog.save(project.but(goal="contacts"))
    with teaching(monkeypatch, imitations()["deepseek"].answer) as server:
        session = Session(catalog, project.id)
        session.say(words)
        asked = session.pending()
        assert asked is not None
        assert (asked.verb, asked.risk) == ("try_connection", "spend")
        assert 0 < asked.estimate.usd_low < asked.estimate.usd_high < 0.02
        assert server.requests == []
        told = session.decide(asked.digest, True)
    assert any("big at http://127.0.0.1" in one.text and "json_object" in one.text for one in told)
    assert len(catalog.find(Expense, project.id)) == 1


def test_what_is_wrong_is_told_with_its_fix(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    assert any("No teacher is set" in one.text for one in session.say("check the teacher"))
    assert session.pending() is None
    with teaching(monkeypatch, lambda body: error(401, "no such key")):
        session.say("test the connection")
        asked = session.pending()
        assert asked is not None
        told = session.decide(asked.digest, True)
    assert any("not accepted (no such key)" in one.text and "RETORT_TEACHER_API_KEY" in one.text for one in told)

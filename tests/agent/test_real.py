"""Real messages in the conversation: asked for, pasted, dropped, filled in; told when what is scored was not typed."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.commands.rows import SEALED
from agent.phrase import parse
from agent.session import Session
from tests.agent.conftest import Bench, make_sample, queue
from tests.scripted_openai import Reply
from tests.synthesis.endpoint import teaching
from tools.catalog import Catalog
from tools.dataset.real import typed
from tools.records import Dataset, Document, Project, Sample
from ui.show.cards import Cards, show_data, show_text

ANN = '{"name": "Ann Lee", "phone": "555-0101"}'


def say(session: Session, *texts: str) -> str:
    return [session.say(text) for text in texts][-1][-1].text


@pytest.mark.parametrize(
    ("text", "verb", "arguments"),
    [
        ("import as real", "import_rows", {"split": "real"}),
        ("import as real messages", "import_rows", {"split": "real"}),
        ("import typed.csv as real", "import_rows", {"file": "typed.csv", "split": "real"}),
        ("These are real messages of our customers.", "import_rows", {"split": "real"}),
        ("导入为真实数据", "import_rows", {"split": "real"}),
        ("importa como mensagens reais", "import_rows", {"split": "real"}),
        ("real messages:\nhi\nhow much?", "real_messages", {"messages": "hi\nhow much?"}),
        ("真实消息：\n你好 => 退款", "real_messages", {"messages": "你好 => 退款"}),
        ("mensagens reais: oi", "real_messages", {"messages": "oi"}),
        ("real messages:", "real_messages", {}),
        ("evaluate on real messages", "evaluate", {"split": "real"}),
        ("later", "skip", {}),
        ("以后再说", "skip", {}),
    ],
)
def test_the_words(text: str, verb: str, arguments: dict[str, str]) -> None:
    said = parse(text)
    assert said is not None
    assert (said.verb, said.arguments) == (verb, arguments)


def test_many_pasted_lines_are_read_and_prose_is_not() -> None:
    lines = "\n".join(f"hello number {n}, where is my parcel => delivery" for n in range(60))
    said = parse(f"real messages:\n{lines}")
    assert said is not None
    assert said.arguments == {"messages": lines}
    assert parse(f"approve all {'of these ' * 100}") is None


def test_the_guide_asks_once_and_takes_lines_in_answer(catalog: Catalog) -> None:
    session = Session(catalog)
    say(session, "Extract name and phone from short English messages")
    asked = say(session, "skip")
    assert asked.startswith("All right. Do you have real messages, as your users typed them? 10 to 30 are enough.")
    entries = session.say(f"its ann lee 555-0101 => {ANN}\npls ring bo\nhuh => 7")
    assert "1 real message with your answers. " + SEALED in entries[1].text
    assert "Fill in the answers of this message: Edit on each" in entries[1].text
    assert "1 line could not be used" in entries[1].text
    assert session.pending() is None
    assert "1 real messages wait for their answers" in entries[-1].text
    assert session.project is not None
    found = typed(catalog, session.project)
    assert [(one.state, one.split) for one in found] == [("approved", "real"), ("draft", "real")]
    assert "no answer yet" not in say(session, 'edit 1: {"name": "Bo", "phone": null}')
    assert "`draft 5 samples`" in session.transcript()[-1].text
    assert "Do you have real messages" not in say(session, "status")


def test_the_guide_asks_in_chinese_and_later_is_an_answer(catalog: Catalog) -> None:
    session = Session(catalog)
    say(session, "从中文短信中提取姓名、电话")
    assert "有用户真正写过的消息吗？10 到 30 条就够。" in say(session, "跳过")
    assert "`真实消息：`" in say(session, "好")
    assert "起草 5 个样本" in say(session, "以后再说")
    assert "真实消息" in say(session, "真实消息：\n我是李雷，电话 13800000000")
    assert session.project is not None
    assert len(typed(catalog, session.project)) == 1


def test_a_file_dropped_in_answer_or_called_real_is_real(catalog: Catalog, project: Project, tmp_path: Path) -> None:
    catalog.save(project.but(goal="contacts"))
    session = Session(catalog, project.id)
    say(session, "next", "skip")
    path = tmp_path / "inbox.txt"
    path.write_text("its ann\npls ring bo\n")
    told = session.say("", files=[path])
    assert "Fill in the answers of these 2 messages" in told[1].text
    card = Cards(catalog).draw(project, told[1].show[0])
    assert card.count('<details class="edit change" open>') == 2
    assert "Approve all" not in card
    assert "more like" not in card.lower()
    assert "real:inbox.txt" in show_text(catalog, project, told[1].show[0])
    assert [one["split"] for one in show_data(catalog, project, told[1].show[0])] == ["real", "real"]
    assert "no answer yet" in session.say("approve all")[1].text
    rows = tmp_path / "real.jsonl"
    rows.write_text(json.dumps({"input": "ann lee 555-0101", "output": ANN}) + "\n")
    assert SEALED in session.say("", files=[rows])[1].text
    assert "1 real message with an answer that you gave or looked at; 2 wait for you, 2 of them without" in (
        session.say("real messages")[1].text
    )


def test_only_what_the_user_typed_counts_without_a_question(catalog: Catalog, project: Project, talk: Any) -> None:
    invented = Reply(tool_calls=[("real_messages", {"messages": f"hi => {ANN}"})])
    copied = Reply(tool_calls=[("real_messages", {"messages": f"its ann => {ANN}"})])
    session, _ = talk(queue(copied, Reply(content="Thanks."), invented))
    session.say(f"My users write things like:\nits ann => {ANN}")
    assert [one.question for one in typed(catalog, project)] == ["its ann"]
    session.say("please make up some more")
    pending = session.pending()
    assert pending is not None
    assert (pending.verb, pending.risk) == ("real_messages", "review")
    assert len(typed(catalog, project)) == 1


def test_an_edit_of_a_real_message_makes_no_rule(catalog: Catalog, project: Project) -> None:
    bench = Bench(catalog, project)
    shown = bench.call("real_messages", {"messages": "its ann 555-0101\nring bo"}).show[0]
    edited = bench.call("edit_sample", {"sample": shown.ids[0], "answer": ANN, "reason": "the name"})
    assert (edited.text, [one.kind for one in edited.show]) == (
        "The sample is edited and now counts as a real message.",
        ["samples"],
    )
    rejected = bench.call("reject_samples", {"samples": [shown.ids[1]], "reason": "no contact"})
    assert rejected.show == ()
    problem = "needs at least one sample"
    with pytest.raises(Exception, match=problem):
        bench.call("propose_rule", {"samples": [shown.ids[0]], "text": "no names"})


def test_freezing_tells_what_left_because_of_them(catalog: Catalog, project: Project) -> None:
    catalog.add_all([make_sample(project, n, "approved", f"{w} is at home, ring {w}") for n, w in enumerate(WORDS)])
    bench = Bench(catalog, project)
    bench.call("real_messages", {"messages": f"{WORDS[3]} is at home, ring {WORDS[3]}! => {ANN}"})
    told = bench.call("freeze_dataset", {})
    assert "1 real rows; the test set is sealed. So are your real messages" in told.text
    assert "Left out because they repeat a real message: 1, e.g." in told.text
    assert "`keep them all`" in told.text
    assert "your real messages: sealed, never trained on" in Cards(catalog).draw(project, told.show[0])
    assert "1 real" in show_text(catalog, project, told.show[0])
    assert catalog.find(Dataset, project.id)[0].rows["real"] == 1


WORDS = [f"{a}{b}{c}" for a in ("Bal", "Dor", "Fen") for b in ("imar", "oton", "usel") for c in ("ga", "pix", "won")]


def test_messages_alone_are_answered_by_the_teacher_and_looked_at(
    catalog: Catalog, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The inputs' own path: money is approved, drafts wait for the user, and never become training rows."""
    from tools.synthesis.drafting import draft

    told = ({"name": "Ann", "phone": "555-0101"}, {"name": "Bo", "phone": None})
    empty = {"address": None, "email": None}
    answers = [{"number": number, "output": {**one, **empty}} for number, one in enumerate(told, start=1)]
    with teaching(monkeypatch, lambda _: Reply(json.dumps({"answers": answers}), usage=(100, 50))):
        bench = Bench(catalog, project)
        outcome = bench.call("real_messages", {"messages": "its Ann 555-0101\nring Bo"})
        assert "2 real messages without answers: 'generate 2' gets them from the teacher" in outcome.text
        assert bench.settle("generate_samples", {"count": 2}).command.risk == "spend"
        [document] = catalog.find(Document, project.id)
        assert (document.split, document.holds, document.passages) == ("real", "inputs", 2)
        made = draft(catalog, project, 2)
    assert {one.split for one in made} == {"real"}
    assert {one.state for one in made} == {"draft"}
    assert all(one.source.startswith("real:") and one.messages[0].role == "user" for one in made)
    assert len(catalog.find(Sample, project.id)) == 2

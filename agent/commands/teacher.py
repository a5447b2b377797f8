"""The teacher itself: whether it can be asked."""

from agent.command import Here, MaxUsd, command
from agent.transcript import Outcome, Risk
from tools.records import Estimate
from tools.settings import settings


def _costs(_here: Here, **_: object) -> Risk | None:
    """A question to a teacher costs money; without a teacher there is nobody to ask."""
    return "spend" if settings().teacher_model else None


def _question(_here: Here, **_: object) -> Estimate:
    from tools.synthesis.connecting import estimate

    return estimate()


@command(
    risk=_costs,
    estimate=_question,
    terminal="connection",
    examples={"en": "test the connection", "zh": "测试连接", "pt": "testa a ligação"},
    phrases={
        "en": [
            "(test|check|try) [the] [teacher's] connection [to the teacher]",
            "(test|check) [the] teacher",
            "does the teacher (answer|work)",
        ],
        "zh": ["(测试|检查|试试)[一下][老师|教师][的]连接", "(老师|教师)[的]连接(正常|通)吗"],
        "pt": ["(testa|teste|testar) [a] (ligação|conexão)", "(testa|teste|testar) o professor"],
    },
)
def try_connection(here: Here, *, max_usd: MaxUsd) -> Outcome:
    """Ask the teacher one tiny question, and say what came back or what is wrong and how to mend it."""
    from tools.synthesis.connecting import connect

    return Outcome(text=connect(here.catalog, here.project, max_usd))

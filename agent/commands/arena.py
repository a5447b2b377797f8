"""From two answers to a ranking: the user's own blind votes, the judge's verdicts, and how far they agree."""

from collections.abc import Mapping
from typing import Annotated, Any

from agent.command import FREE, LOOKS, Here, MaxUsd, Settled, Spoken, command, job
from agent.references import MatchShown
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.evaluation.arena import matches as ballot_box
from tools.evaluation.arena.matches import USER, Choice, ballots, meetings, next_match
from tools.records import Estimate, JudgingOrder, Match, Project

JUDGED = 60  # pairs of answers, where no number is said

OwnText = Annotated[str, Spoken(pattern=r"\S.*", sample="shorter is better", free=True)]
SpokenChoice = Annotated[
    Choice,
    Spoken(
        words={
            "a": ["left", "左", "esquerda"],
            "b": ["right", "右", "direita"],
            "tie": ["neither", "both", "平局", "empate", "nenhum[ao]?"],
        }
    ),
]


@command(
    risk=LOOKS,
    shows=("arena",),
    terminal="arena",
    phrases={
        "en": [
            "[open|start|show] [the] [blind] (arena|vote|voting|blind test)",
            "(let me|i want to) (vote|compare blind|compare blindly)",
        ],
        "zh": ["[开始|打开](盲测|竞技场|盲评|投票)", "让我[来](投票|盲测)"],
        "pt": ["[abre|abra|abrir|mostra] [a] (arena|votação)", "quero votar"],
    },
)
def arena(here: Here) -> Outcome:
    """Show the user two answers to the same dev row, without names, to vote on which is better."""
    found = next_match(here.catalog, here.project)
    if found is None:
        return Outcome(text="You have voted on every pair of differing answers. Say 'ranking' to see the result.")
    return Outcome(text="Which answer is better?", show=(_shown(found),))


@command(
    risk="review",
    shows=("arena",),
    terminal="vote choice",
    clicked="note",
    examples={"en": "vote a", "zh": "选 a", "pt": "voto a"},
    phrases={
        "en": ["(vote|vote for|choose|prefer) [the] {choice} [one]", ("[it's a] tie", {"choice": "tie"})],
        "zh": ["[我](选|投|投给){choice}", ("(平局|一样好|不分上下)", {"choice": "tie"})],
        "pt": ["(voto|escolho|prefiro) [em|a|o|na|no] {choice}", ("empate", {"choice": "tie"})],
    },
)
def vote(here: Here, *, choice: SpokenChoice, match: MatchShown = "") -> Outcome:
    """The user's own vote on the pair shown last: 'a', 'b' or 'tie'. Never vote for the user."""
    given = Match.model_validate_json(match)
    meetings(here.catalog, here.project, [given])  # RetortError when it is gone
    ballot_box.vote(here.catalog, here.project, given, choice)
    number = len(ballots(here.catalog, here.project, USER))
    counted = f"{number} vote{'s' if number != 1 else ''} so far. Say 'ranking' to see which candidate is ahead."
    following = next_match(here.catalog, here.project)
    if following is None:
        return Outcome(text=f"That was the last pair. {counted}", show=())
    return Outcome(text=counted, show=(_shown(following),))


def _pairs(here: Here, values: Mapping[str, Any]) -> tuple[Match, ...]:
    """The pairs to judge, fixed when they are asked about."""
    from tools.evaluation.arena.judge import worth_judging

    found = worth_judging(here.catalog, here.project, values["count"])
    if not found:
        raise RetortError(
            "The judge has already judged every pair of differing answers.", "Say 'ranking' to see the result."
        )
    return found


Pairs = Annotated[tuple[Match, ...], Settled(by=_pairs, offered=False)]


def _judging(here: Here, *, matches: tuple[Match, ...], **_: object) -> Estimate:
    from tools.evaluation.arena.judge import estimate

    return estimate(here.catalog, here.project, JudgingOrder(matches=matches, max_usd=0))


job(
    JudgingOrder,
    estimate=lambda here, order: _judging(here, matches=order.matches),
    shows=lambda _here, _order, _ended: (),
)


@command(
    risk="spend",
    estimate=_judging,
    starts=JudgingOrder,
    terminal="judge [count]",
    phrases={
        "en": [
            "judge",
            "[let|have] [the teacher] judge [the answers|answers|the pairs|pairs|{count} pairs|{count} answers"
            "|{count} pairs of answers]",
            "(run|ask) the judge",
        ],
        "zh": [
            "(评判|评审)[一下][答案|回答]",
            "[让](老师|教师|裁判)[模型][来](评判|裁判|打分|评审)[{count}(对|组)][答案|回答]",
        ],
        "pt": ["(julga|julgue|julgar) [as respostas|{count} pares]", "(pede|peça) ao juiz"],
    },
)
def judge_answers(here: Here, *, count: int = JUDGED, max_usd: MaxUsd, matches: Pairs) -> Outcome:
    """Have the teacher's model judge which of two dev answers is better, by the project's rubric, each pair in both
    orders. `max_usd` is a hard stop. Needs approval."""
    order = JudgingOrder(matches=matches, max_usd=max_usd)
    started = jobs.launch(here.catalog, here.project, order)
    return Outcome(text=f"Started {started.id}: the judge compares {len(matches)} pairs, for at most ${max_usd:.2f}.")


@command(
    risk=LOOKS,
    shows=("ranking",),
    terminal="ranking",
    phrases={
        "en": [
            "[show] [me] [the] (ranking|leaderboard|leader board)",
            "who wins [the arena]",
            "does the judge agree [with me]",
        ],
        "zh": ["[看看|显示|查看](排名|排行|排行榜)", "谁[的][排名](第一|赢|赢了)", "裁判(和|与|跟)我一致吗"],
        "pt": ["[mostra|mostre|mostrar] [o] ranking", "quem (ganha|ganhou)"],
    },
)
def show_ranking(here: Here) -> Outcome:
    """Show who wins against whom, by the user's blind votes and by the judge, with intervals and their agreement."""
    from tools.evaluation.arena.agreement import agreement

    known = ballot_box.judges(here.catalog, here.project)
    if not known:
        raise RetortError(
            "Nobody has voted yet.",
            "Say 'arena' to vote yourself, or 'judge the answers' to let the teacher judge them.",
        )
    mine = ballots(here.catalog, here.project, USER)
    agreed = [
        found.sentence
        for by in known
        if by != USER and (found := agreement(mine, ballots(here.catalog, here.project, by)))
    ]
    counted = ", ".join(
        f"{len(ballots(here.catalog, here.project, by))} by {'you' if by == USER else by}" for by in known
    )
    text = " ".join([f"Pairs judged: {counted}.", *agreed])
    return Outcome(text=text, show=(Show(kind="ranking", ids=tuple(known)),))


@command(
    risk=FREE,
    terminal="rubric rubric",
    examples={"en": "rubric: shorter is better", "zh": "评分标准：简短优先", "pt": "critério: mais curto é melhor"},
    phrases={
        "en": ["[the] rubric [is]: {rubric}"],
        "zh": ["(评分|评判)标准[是][:]{rubric}"],
        "pt": ["[o] critério [é]: {rubric}"],
    },
)
def set_rubric(here: Here, *, rubric: OwnText) -> Outcome:
    """Set, in the user's words, what makes one answer better than another for the judge; '' restores the default."""
    here.catalog.change(Project, here.project_id, rubric=rubric.strip())
    whose = "your" if rubric.strip() else "the built-in"
    text = f"From now on the judge uses {whose} rubric. Earlier verdicts stay as they are."
    return Outcome(text=text)


def _shown(match: Match) -> Show:
    return Show(kind="arena", ids=(match.model_dump_json(),))

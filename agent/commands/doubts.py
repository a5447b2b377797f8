"""What a set of rows holds that its owner should know: told at import and at freezing, and mended in a word."""

from collections.abc import Iterable, Sequence
from typing import Literal

from agent.command import Here, command
from agent.said.sentences import say
from agent.transcript import Outcome
from tools.records import LeftOut, Sample

SHOWN_CHARS = 60  # of an example


@command(
    risk="review",
    terminal="mend how",
    examples={"en": "merge labels", "zh": "合并标签", "pt": "junta as etiquetas"},
    phrases={
        "en": [
            ("keep [only] the first [one|ones|answer|answers] [of each]", {"how": "first"}),
            ("merge [the] [spellings of] labels", {"how": "labels"}),
            ("(strip|remove) [the] [special] tokens", {"how": "tokens"}),
            ("[learn] [the] last (answer|answers) only", {"how": "last"}),
            ("[learn] every answer [of a conversation]", {"how": "every"}),
            ("unpin [it|them|the rows|the file]", {"how": "unpin"}),
            ("keep [the] near (ones|rows|copies)", {"how": "near"}),
            ("keep (them|the rows) all", {"how": "all"}),
            ("leave out [the] copies", {"how": "none"}),
        ],
        "zh": [
            ("(保留第一个|保留第一条|只留第一个)[答案]", {"how": "first"}),
            ("合并标签[写法]", {"how": "labels"}),
            ("(去掉|删去)特殊(标记|符号)", {"how": "tokens"}),
            ("只学最后[的|一个]回答", {"how": "last"}),
            ("学(每个|所有)回答", {"how": "every"}),
            ("取消固定", {"how": "unpin"}),
            ("保留相近的[行|数据]", {"how": "near"}),
            ("全部保留", {"how": "all"}),
            ("(排除|不要)副本", {"how": "none"}),
        ],
        "pt": [
            ("(fica|fique|ficar) com a primeira [resposta]", {"how": "first"}),
            ("(junta|junte|juntar) [as] etiquetas", {"how": "labels"}),
            ("(tira|tire|tirar) [os] tokens [especiais]", {"how": "tokens"}),
            ("[aprende] só [a] última resposta", {"how": "last"}),
            ("[aprende] todas as respostas", {"how": "every"}),
            ("(solta|solte|soltar) [as] linhas", {"how": "unpin"}),
            ("(mantém|mantenha|manter) as parecidas", {"how": "near"}),
            ("(mantém|mantenha|manter) todas [as linhas]", {"how": "all"}),
            ("sem cópias", {"how": "none"}),
        ],
    },
)
def mend_rows(
    here: Here, *, how: Literal["first", "labels", "tokens", "last", "every", "unpin", "near", "all", "none"]
) -> Outcome:
    """What was told about rows, as the user chooses: keep the `first` of contradicting answers, merge `labels` that
    differ only in spelling, strip special `tokens`, learn the `last` or `every` answer of a conversation, `unpin` the
    file that was pinned last; of rows like pinned ones keep the `near` ones, `all`, or `none`. 'undo' takes it back."""
    from tools.dataset.mending import mend

    done = mend(here.catalog, here.project, how)
    fields = {"first": ("rows",), "labels": ("rows",), "tokens": ("rows",), "unpin": ("rows", "file")}.get(how, ())
    return Outcome(text=say(f"mended.{how}", here.shown.tongue, **{name: getattr(done, name) for name in fields}))


def told_doubts(here: Here, samples: Sequence[Sample], fresh: Iterable[str] | None = None) -> str:
    """A list of what there is to know about these rows, each with its count, an example and what to say; or nothing."""
    from tools.dataset.doubts import doubts

    task, tongue = here.project.task, here.shown.tongue
    told = []
    for one in doubts(task, samples, fresh):
        shown = [_short(text) for text in one.example]
        match one.kind:
            case "contradiction":
                fields = dict(zip(("input", "first", "other"), shown, strict=True))
            case "label":
                fields = {"spellings": ", ".join(shown)}
            case "token":
                fields = {"token": one.example[0], "text": shown[1]}
            case "turns":
                fields = {"input": shown[0]}
        key = f"doubt.turns.{task.learnt}" if one.kind == "turns" else f"doubt.{one.kind}"
        told.append(say(key, tongue, count=one.count, **fields))
    return listed(told)


def told_left_out(here: Here, left_out: Sequence[LeftOut]) -> str:
    """What freezing left out, each with its count, its reason, an example and what keeps it; or nothing."""
    tongue = here.shown.tongue
    return listed([say(f"left.{one.why}", tongue, count=one.rows, input=_short(one.example)) for one in left_out])


def told_pin(here: Here, split: str, name: str, rows: int) -> str:
    """That rows are pinned, and what undoes it."""
    from tools.dataset.importing import named_split

    if not split or not rows:
        return ""
    tongue = here.shown.tongue
    key = "pinned.named" if named_split(name) == split else "pinned"
    return " " + say(key, tongue, count=rows, split=say(f"split.{split}", tongue))


def listed(told: Sequence[str]) -> str:
    return "".join(f"\n- {one}" for one in told)


def _short(text: str) -> str:
    """A text as an example: on one line, in quotes."""
    bare = " ".join(text.split())
    return f"“{bare[:SHOWN_CHARS]}{'…' if len(bare) > SHOWN_CHARS else ''}”"

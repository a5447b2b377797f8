"""From answers to a decision: evaluate, and compare."""

from collections.abc import Sequence
from typing import Annotated, Literal

from agent.candidates import CandidateRefs, NewestDataset
from agent.command import LOOKS, Here, MaxUsd, Spoken, command, job
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import (
    Deployment,
    Estimate,
    Evaluation,
    EvaluationOrder,
    Job,
)

Rows = Literal["dev", "test", "real"]

Split = Annotated[
    Rows,
    Spoken(
        words={
            "dev": ["validation", "验证集?", "validação"],
            "test": ["测试集?", "teste"],
            "real": [r"(?:(?:my|our)\s+)?real\s+(?:messages|rows)", "真实(?:消息|数据)", r"mensagens\s+reais"],
        },
        sample="dev",
    ),
]

# --- scoring ------------------------------------------------------------------------------------------------------


def evaluation_estimate(here: Here, order: EvaluationOrder) -> Estimate:
    from tools.evaluation.estimate import estimate

    return estimate(here.catalog, here.project, order)


def _evaluation(here: Here, *, dataset: str, split: Rows, candidates: Sequence[str], **_: object) -> Estimate:
    from tools.evaluation.estimate import order_for

    return evaluation_estimate(here, order_for(here.catalog, dataset, split, candidates))


def _scored(here: Here, order: EvaluationOrder, _ended: Job) -> tuple[Show, ...]:
    found = [one for split in order.splits for one in evaluations_of(here, order, split)]
    return (Show(kind="comparison", ids=tuple(one.id for one in found)),) if found else ()


def evaluations_of(here: Here, order: EvaluationOrder, split: Rows | None = None) -> list[Evaluation]:
    """The newest evaluation of each candidate of the order, in its order; a base of each student it stands on."""
    newest: dict[tuple[str, str], Evaluation] = {}
    for one in here.catalog.find(Evaluation, here.project_id):
        if (one.dataset_id, one.split) == (
            order.dataset_id,
            split or order.split,
        ) and one.candidate in order.candidates:
            newest[one.candidate, one.student] = one
    return sorted(newest.values(), key=lambda one: order.candidates.index(one.candidate))


def _parity(here: Here, order: EvaluationOrder) -> str:
    """For a served model that was asked the sealed test: whether it answers as its checkpoint did."""
    if not any(one.startswith("deployment-") for one in order.candidates):
        return ""
    from tools.deployment.parity import parity

    said = []
    for served in evaluations_of(here, order):
        if not served.candidate.startswith("deployment-"):
            continue
        deployment = here.catalog.get(Deployment, served.candidate)
        wanted = order.model_copy(update={"candidates": (deployment.checkpoint_id or "base",)})
        references = evaluations_of(here, wanted)
        if not references:
            said.append(" Its checkpoint has not been scored on these rows. Say 'evaluate' to compare the two.")
            continue
        try:
            said.append(f" {parity(here.catalog, here.project, deployment, references[0], served).sentence}")
        except RetortError as error:
            said.append(f" {error}")
    return "".join(said)


job(EvaluationOrder, estimate=evaluation_estimate, shows=_scored, sentence=_parity)


@command(
    risk="spend",
    estimate=_evaluation,
    starts=EvaluationOrder,
    terminal="evaluate [candidates...]",
    examples={"en": "evaluate on dev", "zh": "评测", "pt": "avalia no dev"},
    phrases={
        "en": [
            "(evaluate|score) [all|everything|it|them|the checkpoints|checkpoints|the model|model"
            "|base and [the] checkpoints|the base and [the] checkpoints] [on [the] {split} [set|split]]",
            (
                "(ask|evaluate|score|try) the teacher [too|itself] [on [the] {split} [set|split]]",
                {"candidates": ["teacher"], "split": "dev"},
            ),
            ("how good is the teacher [itself]", {"candidates": ["teacher"], "split": "dev"}),
            ("should (i|we) (fine-tune|train) [at all]", {"candidates": ["ladder"], "split": "dev"}),
            ("(check|try) [the] [base and [the]] few-shot [first]", {"candidates": ["ladder"], "split": "dev"}),
        ],
        "zh": [
            "[开始](评测|评估|测评)[检查点|模型]",
            ("(评测|评估|测试)[一下](老师|教师)[模型]", {"candidates": ["teacher"], "split": "dev"}),
            ("(老师|教师)[模型][本身]有多好", {"candidates": ["teacher"], "split": "dev"}),
            ("(需要|有必要|值得)(微调|训练)吗", {"candidates": ["ladder"], "split": "dev"}),
        ],
        "pt": [
            "(avalia|avalie|avaliar) [tudo|todos|os checkpoints|o modelo] [(no|em) {split}]",
            ("(avalia|avalie|avaliar) o professor", {"candidates": ["teacher"], "split": "dev"}),
            ("vale a pena (treinar|fazer fine-tuning)", {"candidates": ["ladder"], "split": "dev"}),
        ],
    },
)
def evaluate(
    here: Here, *, candidates: CandidateRefs = (), split: Split = "test", max_usd: MaxUsd, dataset: NewestDataset
) -> Outcome:
    """Score candidates ('base', 'few-shot', 'teacher', 'step 60', ids; none means the base and all checkpoints;
    'ladder' means everything that needs no training) on a split; with the test also on the real messages, where there
    are any. `max_usd` is a hard limit on what the teacher's own answers cost. Needs approval."""
    from tools.evaluation.estimate import order_for

    order = order_for(here.catalog, dataset, split, candidates, max_usd)
    started = jobs.launch(here.catalog, here.project, order)
    also = " and on your real messages" if order.real else ""
    return Outcome(
        text=(
            f"Started {started.id}: scoring {len(order.candidates)} "
            f"candidate{'s' if len(order.candidates) > 1 else ''} on the {split} split{also}."
        )
    )


@command(
    risk=LOOKS,
    shows=("comparison",),
    terminal="compare",
    phrases={
        "en": [
            "compare [of] [all|them|checkpoints|the checkpoints|all checkpoints|all the checkpoints|the models|models"
            "|all models|candidates|the candidates] [(with|to|and|against) [the] base [model]]"
            " [on [the] {split} [set|split]]",
            "(show|see) [me] [the] (scores|score|scores table|score table|comparison) [on [the] {split} [set|split]]",
            "(which|what) (checkpoint|model|step|one) is [the] (best|better)",
            "how do [the] (checkpoints|models|candidates) compare",
            "is (it|any|any of them|the best|the best checkpoint) [really] better than [the] base",
        ],
        "zh": [
            "(比较|对比)[一下][所有|全部|各个|这些|几个][的][检查点|模型|分数|结果]",
            "哪[一]个[检查点|模型][是](最好|更好|最佳)[的]",
            "(看看|显示)[评测](分数|得分|对比)",
            "[它][真的]比基础模型[更]好吗",
        ],
        "pt": [
            "(compara|compare|comparar) [tudo|todos|os checkpoints|os modelos] [com [o] [modelo] base]"
            " [(no|em) {split}]",
            "qual (checkpoint|modelo|passo) é [o] melhor",
            "(mostra|mostre|mostrar) (as notas|a comparação|os resultados)",
        ],
    },
)
def compare_checkpoints(here: Here, *, split: Split = "test") -> Outcome:
    """Show which checkpoint is best and whether it is better than the base: everything that was scored on the newest
    dataset's split, with intervals, paired tests and a recommendation."""
    from tools.evaluation.compare.comparison import compare, latest
    from tools.evaluation.compare.verdict import NOT_TYPED

    found = [one.id for one in latest(here.catalog, here.project, split)] if split != "test" else []
    if split != "test" and not found:
        raise RetortError(f"Nothing is scored on {split} yet.", f"Evaluate on {split} first.")
    compared = compare(here.catalog, here.project, found)
    ids = tuple(row.evaluation_id for table in (compared, compared.real) if table for row in table.rows)
    known = here.shown.compared or compared.real or compared.split != "test"  # what is not known is said once
    text = compared.sentence if known else f"{compared.sentence} {NOT_TYPED}"
    return Outcome(text=text, show=(Show(kind="comparison", ids=ids),))

"""A model at work: try it in the chat, serve it, check that it answers as it was scored, stop it."""

from typing import Annotated, Literal

from agent.candidates import CandidateRef, CheckpointRef, DeploymentRef, NewestDataset, ServingMode, label
from agent.command import Here, Spoken, command, job
from agent.commands.scores import evaluation_estimate
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Checkpoint, Deployment, Estimate, EvaluationOrder, ServingOrder

OwnText = Annotated[str, Spoken(pattern=r"\S.*", sample="…", free=True)]
_WHICH = "[it|the] [{candidate}] [checkpoint|model]"


@command(
    risk="free",
    shows=("trial",),
    terminal="try text",
    examples={"en": "try: a message", "zh": "试一下：一条消息", "pt": "testa: uma mensagem"},
    phrases={
        "en": [f"try {_WHICH}: {{text}}"],
        "zh": ["(试一下|试试|试一试):{text}", "用{candidate}(试一下|试试|试一试):{text}"],
        "pt": ["(testa|teste|tenta|tente) [o|a] [{candidate}]: {text}"],
    },
)
def try_model(here: Here, *, text: OwnText, candidate: CandidateRef = "") -> Outcome:
    """Let one model answer one input in the chat: 'base', 'best', 'step 60', 'served' or an id."""
    from tools.evaluation.studies.trial import try_model

    if not text.strip():
        raise RetortError("There is no text to try.", "Say 'try: ' followed by an input.")
    answer = try_model(here.catalog, here.project, candidate, text)
    name = label(here, candidate)
    return Outcome(text=f"{name} answered.", show=(Show(kind="trial", ids=(name, text, answer)),))


def _deployment(here: Here, *, checkpoint: str, mode: Literal["adapter", "merged"]) -> Estimate:
    what = f"Serve {label(here, checkpoint)} ({mode}) with vLLM on loopback, for this machine only"
    notes = ("It takes memory and processor time until you stop it.",)
    return Estimate(what=what, minutes_low=0.5, minutes_high=3, notes=notes)


job(
    ServingOrder,
    estimate=None,
    shows=lambda _here, order, _ended: (Show(kind="deployment", ids=(order.deployment_id,)),),
)


@command(
    risk="publish",
    estimate=_deployment,
    shows=("deployment",),
    starts=ServingOrder,
    terminal="deploy [checkpoint]",
    examples={"en": "deploy best", "zh": "部署最好的", "pt": "implanta o melhor"},
    phrases={
        "en": ["deploy [it|the] [{checkpoint}] [checkpoint|model] [{mode}]"],
        "zh": ["部署[{checkpoint}][检查点|模型][{mode}]"],
        "pt": ["(implanta|implante|implantar|publica|publique|serve|sirva) [o|a] [{checkpoint}] [modelo] [{mode}]"],
    },
)
def deploy(here: Here, *, checkpoint: CheckpointRef = "best", mode: ServingMode) -> Outcome:
    """Serve a checkpoint ('best', 'step 60', an id, or 'base') with vLLM on loopback. `mode` '' is an adapter on a
    GPU and merged into the base on a CPU, where vLLM's adapters are several times slower. Needs approval."""
    from tools.deployment.starting import deploy

    record = None if checkpoint == "base" else here.catalog.get(Checkpoint, checkpoint)
    deployment, started = deploy(here.catalog, here.project, record, mode)
    text = f"{deployment.id} is starting with {label(here, checkpoint)} ({started.id}); this takes a minute or two."
    return Outcome(text=text, show=(Show(kind="deployment", ids=(deployment.id,)),))


def _check(here: Here, *, deployment: str, dataset: str) -> Estimate:
    return evaluation_estimate(here, _order(deployment, dataset))


def _order(deployment: str, dataset: str) -> EvaluationOrder:
    return EvaluationOrder(dataset_id=dataset, split="test", candidates=(deployment,))


@command(
    risk="spend",
    estimate=_check,
    starts=EvaluationOrder,
    terminal="check-served [deployment]",
    phrases={
        "en": ["check the served model", "check [the] (served|deployment|server|parity)"],
        "zh": ["(检查|校验|核对)(部署|服务)[的模型]"],
        "pt": ["(verifica|verifique|verificar|confere) o (modelo servido|servidor|deployment)"],
    },
)
def check_served(here: Here, *, deployment: DeploymentRef = "", dataset: NewestDataset) -> Outcome:
    """Ask the served model every row of the sealed test and compare with what was scored. Needs approval."""
    served = here.catalog.get(Deployment, deployment)
    if served.state != "serving":
        raise RetortError(f"{served.id} is still {served.state}.", "Wait until it is serving, then check it.")
    started = jobs.launch(here.catalog, here.project, _order(served.id, dataset))
    return Outcome(text=f"Started {started.id}: the served model answers the sealed test.")


@command(
    risk="publish",
    shows=("deployment",),
    terminal="undeploy [deployment]",
    examples={"en": "stop the deployment", "zh": "停止部署", "pt": "desliga o servidor"},
    phrases={
        "en": ["(stop|shut down) [the] (deployment|server|serving|endpoint|served model)", "undeploy"],
        "zh": ["(停止|取消|撤下)(部署|服务)", "下线"],
        "pt": ["(para|pare|parar|desliga|desligue) [o] (servidor|deployment|modelo servido)"],
    },
)
def stop_deployment(here: Here, *, deployment: DeploymentRef = "") -> Outcome:
    """Stop serving a model. Needs approval."""
    from tools.deployment.starting import stop_deployment

    served = here.catalog.get(Deployment, deployment)
    stop_deployment(here.catalog, here.project, served)
    return Outcome(text=f"{served.id} is being stopped.", show=(Show(kind="deployment", ids=(served.id,)),))

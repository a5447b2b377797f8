"""The plan of a run, and how its choices are changed in words: 'use rank 16, 3 epochs', 'train longer'."""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from agent.candidates import newest_dataset
from agent.command import FREE, Here, Spoken, command
from agent.transcript import Outcome, Show
from tools.records import JsonObject, Run

_CHANGES: tuple[tuple[str, str], ...] = (
    ("lora_rank", r"(?:lora\s+)?(?:rank|秩|posto)\s*(?:to\s+|of\s+|[=:：]\s*|为\s*)?(\d+)"),
    ("lora_alpha", r"(?:lora\s+)?alpha\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d+)"),
    ("method", r"(?:method\s+|方法\s*|método\s+)?(rslora|qlora|dora|lora|full)(?:\s+(?:fine-?tuning|training))?"),
    ("lora_dropout", r"(?:lora\s+)?dropout\s*(?:to\s+|of\s+|=\s*|为\s*)?(\d?\.?\d+)"),
    (
        "tracker",
        r"track(?:er|ing|ed)?(?:\s+(?:it|the run))?\s*(?:with|by|in|to)?\s*"
        r"(none|trackio|swanlab|wandb|mlflow|tensorboard)",
    ),
    ("patience", r"(?:patience|paciência)\s*(?:to\s+|of\s+|=\s*)?(\d+)"),
    ("epochs", r"(?:train(?:ing)?\s+)?(longer|shorter)(?:\s+training)?"),
    ("epochs", r"(more|fewer)\s+epochs"),
    ("warmup_fraction", r"(?:warm-?up|aquecimento)\s*(?:of\s+|to\s+|de\s+|=\s*)?(\d+(?:\.\d+)?)\s*%"),
    ("processes", r"(\d+)\s*(?:gpus?|processes|processos)"),
    ("patience", r"(no)\s+early\s+stop(?:ping)?|(sem)\s+parada\s+antecipada"),
    ("epochs", r"(?:训练)?(更?[久长短])(?:一[点些])?"),
    ("epochs", r"(?:trein[ae]r?\s+)?(mais\s+tempo|menos\s+tempo)"),
    ("learning_rate", r"(更低|更高)的?学习率"),
    ("learning_rate", r"(lower|smaller|higher|larger)\s+(?:learning rate|lr)"),
    ("learning_rate", r"taxa\s+de\s+aprendizado\s+(menor|maior)"),
    ("epochs", r"(?:train(?:\s+for)?\s+)?(\d+(?:\.\d+)?)\s*(?:epochs?|轮|遍|épocas?)"),
    ("epochs", r"(?:epochs?|轮数|épocas?)\s*(?:to\s+|=\s*|为\s*)?(\d+(?:\.\d+)?)"),
    (
        "learning_rate",
        r"(?:lr|learning rate|学习率|taxa de aprendizado)\s*(?:to\s+|of\s+|de\s+|=\s*|为\s*)?"
        r"(\d+(?:\.\d+)?(?:e-?\d+)?)",
    ),
    ("batch_samples", r"(?:batch(?: size)?|批量|批大小|lote)\s*(?:to\s+|of\s+|de\s+|=\s*|为\s*)?(\d+)"),
    ("row_tokens", r"row tokens\s*(?:to\s+|=\s*)?(\d+)"),
    ("max_sample_tokens", r"max(?:imum)? (?:sample )?tokens\s*(?:to\s+|=\s*)?(\d+)"),
    ("checkpoints", r"(\d+)\s*(?:checkpoints?|个检查点)"),
    ("seed", r"(?:seed|随机种子|种子|semente)\s*(?:to\s+|=\s*|为\s*)?(\d+)"),
    ("precision", r"(?:precision\s+|精度\s*|precisão\s+)?(bf16|fp32)"),
    ("student", r"(?:student\s+|学生模型\s*|aluno\s+)?((?:hf|modelscope|path|pypi):\S+)"),
)
_RELATIVE = {
    "more": "longer",
    "fewer": "shorter",
    **dict.fromkeys(("longer", "久", "长", "更久", "更长", "mais tempo"), "longer"),
    **dict.fromkeys(("shorter", "短", "更短", "menos tempo"), "shorter"),
    **dict.fromkeys(("lower", "smaller", "更低", "menor"), "lower"),
    **dict.fromkeys(("higher", "larger", "更高", "maior"), "higher"),
}
_PREFIX = re.compile(
    r"^(?:(?:use|with|set|make|take|plan with|用|使用|改为|改成|设置|usa|usar|com|define)\s*(?:a\s+|the\s+)?)+",
    re.IGNORECASE,
)


def plan_changes(text: str) -> JsonObject | None:
    """The plan fields a message like 'use rank 16, 3 epochs' sets; None unless every part of it is a change."""
    body = _PREFIX.sub("", text.strip())
    found: JsonObject = {}
    for part in re.split(r"\s*(?:,|，|、|;|；|\band\b|\be\b|和)\s*", body):
        matches = ((key, re.fullmatch(pattern, part.strip(), re.IGNORECASE)) for key, pattern in _CHANGES)
        hit = next(((key, next(filter(None, match.groups()), "")) for key, match in matches if match), None)
        if hit is None:
            return None
        key, said = hit
        if key == "patience" and said.lower() in ("no", "sem"):
            found[key] = 0
        elif key == "warmup_fraction":
            found[key] = float(said) / 100
        elif key in ("method", "tracker"):
            found[key] = said.lower()
        else:
            as_said = key in ("precision", "student")
            relative = _RELATIVE.get(" ".join(said.lower().split()))
            found[key] = said if as_said else relative or _number(said)
    return found


def _number(text: str) -> int | float:
    found = json.loads(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else float(text)
    return int(found) if float(found).is_integer() else float(found)


Changes = Annotated[
    Mapping[str, str | int | float] | None,
    Spoken(pattern=r"\S.*", read=plan_changes, sample="use rank 16, 3 epochs", option="set"),
]


@command(
    risk=FREE,
    shows=("plan",),
    terminal="plan",
    examples={"en": "use rank 16, 3 epochs", "zh": "使用秩 16、3 轮", "pt": "usa posto 16, 3 épocas"},
    phrases={
        "en": ["[propose|make|show] [me] [a|the] plan", "{changes}"],
        "zh": ["[制定|给出|看看][训练]计划"],
        "pt": ["[propõe|proponha|faz|faça|mostra|mostre] [um|o] plano [de treino]"],
    },
)
def propose_plan(here: Here, *, changes: Changes = None) -> Outcome:
    """Propose a plan: all choices of a training run with reasons. `changes` sets fields, e.g. {"lora_rank": 16}.

    Changes may be relative: {"epochs": "longer"} or "shorter", {"learning_rate": "higher"} or "lower".
    """
    from tools.training.advice import propose
    from tools.training.estimate import estimate
    from tools.training.schedule import in_epochs
    from tools.training.starting import plan_run

    dataset = newest_dataset(here)
    earlier = [run for run in here.catalog.find(Run, here.project_id) if run.dataset_id == dataset.id]
    before = earlier[-1].plan if earlier and changes else None  # so that changes add up; a bare 'plan' starts anew
    plan = propose(here.catalog, here.project, dataset, changes, before)
    run = plan_run(here.catalog, here.project, dataset, plan)
    run = here.catalog.save(run.but(estimate=estimate(here.catalog, here.project, dataset, plan)))
    text = f"Plan {run.id}: {in_epochs(plan.epochs)}, rank {plan.lora_rank}, learning rate {plan.learning_rate:g}"
    return Outcome(text=f"{text}, student {plan.student}.", show=(Show(kind="plan", ids=(run.id,)),))

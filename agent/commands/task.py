"""What the student must learn: the task, and how what a user says about it is read and told back."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import JsonValue

from agent.command import Here, Spoken, command
from agent.fields import described, read_field, with_required
from agent.transcript import Outcome, Risk, Show
from tools import jobs
from tools.dataset.shape import read_shape
from tools.errors import RetortError
from tools.records import Example, JsonObject, Passage, Project, Sample, Task, TaskKind
from tools.text.language import script_language

UNNAMED = "New project"
PREVIEWED = 3  # passages whose masking is shown
HOW_TO_TELL_TOOLS = (
    'Give each function as {"name": ..., "description": ..., "parameters": {"type": "object", "properties": {...}}}.'
)


def _names(said: str) -> list[JsonValue]:
    names = re.split(r"\s*(?:,\s*(?:and\s+|e\s+)?|，|、|\band\b|\be\b|和)\s*", said)
    bare = (re.sub(r"^(?:the|os?|as?)\s+", "", name.strip(" '\"`"), flags=re.IGNORECASE) for name in names)
    return [name for name in bare if name]


FieldNames = Annotated[Sequence[str], Spoken(pattern=r"[\w \-,，、'\"`]{1,200}?", read=_names, sample="name and phone")]
Label = Annotated[
    str, Spoken(pattern=r"\S.{0,60}", read=lambda said: said.strip(" \"'`“”「」.。!！"), sample="other", free=True)
]
Turns = Annotated[int, Spoken(pattern=r"\d{1,2}", sample="3")]
OwnText = Annotated[str, Spoken(pattern=r"\S.*", sample="…", free=True)]


def _changes_a_started_task(here: Here, *, student: str, **changes: object) -> Risk | None:
    """Samples were made and judged for the task as it was; before the first one it is only being told."""
    started = sum(here.catalog.count(Sample, here.project_id).values())
    return "review" if started and any(changes.values()) else None


@command(
    risk=_changes_a_started_task,
    shows=("report",),
    terminal="task [goal]",
    examples={"en": "phone is required", "zh": "电话必填", "pt": "o telefone é obrigatório"},
    phrases={
        "en": [
            "{required} (is|are) (required|mandatory|always (there|present))",
            "[the] (out-of-scope|none-of-these|fallback) [label](:|=) {out_of_scope}",
            "[the] (out-of-scope|none-of-these|fallback) [label] is [called] {out_of_scope}",
            "[use|with|make] {turns}-[user-](turn|turns) [a sample|each|conversation|conversations|dialogue|dialogues"
            "|dialogs|sample|samples]",
            ("(keep|with) [the] (reasoning|thinking|thoughts)", {"reasoning": "kept"}),
            ("drop [the] (reasoning|thinking|thoughts)", {"reasoning": "dropped"}),
            ("(no|without) [the] (reasoning|thinking|thoughts)", {"reasoning": "none"}),
            "[the] system prompt [is]: {system_prompt}",
            ("(mask|hide) [the] (personal (data|information)|pii)", {"personal_data": "mask"}),
            ("(keep|show) [the] (personal (data|information)|pii)", {"personal_data": "keep"}),
        ],
        "zh": [
            "{required}[是|为](必填|必有|必须有)[的]",
            "(超出范围|都不是|都不符合|以上都不是)[时][的标签](是|为|用)[:]{out_of_scope}",
            "(超出范围|都不是|都不符合|以上都不是)[时][的标签]:{out_of_scope}",
            "[每个|每][样本]{turns}轮对话",
            ("保留(推理|思考)[过程]", {"reasoning": "kept"}),
            ("丢弃(推理|思考)[过程]", {"reasoning": "dropped"}),
            ("不要(推理|思考)[过程]", {"reasoning": "none"}),
            "系统提示[词]:{system_prompt}",
            ("(隐藏|遮盖|脱敏)(个人信息|隐私)", {"personal_data": "mask"}),
            ("保留(个人信息|隐私)", {"personal_data": "keep"}),
        ],
        "pt": [
            "{required} (é|são) (obrigatório|obrigatória|obrigatórios|obrigatórias)",
            "[a etiqueta] fora do escopo(:|=) {out_of_scope}",
            "{turns} turnos [por amostra|por conversa]",
            ("(mantém|mantenha|manter|com) [o] (raciocínio|pensamento)", {"reasoning": "kept"}),
            ("(descarta|descarte|descartar) [o] (raciocínio|pensamento)", {"reasoning": "dropped"}),
            ("sem [o] (raciocínio|pensamento)", {"reasoning": "none"}),
            "(prompt de sistema|prompt do sistema): {system_prompt}",
            ("(esconde|esconda|mascara|mascare|oculta|oculte) [os] dados pessoais", {"personal_data": "mask"}),
            ("(mantém|mantenha|mostra|mostre) [os] dados pessoais", {"personal_data": "keep"}),
        ],
    },
)
def set_task(
    here: Here,
    *,
    goal: str = "",
    kind: Literal["", TaskKind] = "",
    input_description: str = "",
    fields: Sequence[str] = (),
    required: FieldNames = (),
    describe: Sequence[str] = (),
    answer_schema: str = "",
    labels: Sequence[str] = (),
    out_of_scope: Label = "",
    tools: Sequence[str] = (),
    style: str = "",
    name: str = "",
    maker: str = "",
    persona: str = "",
    turns: Turns = 0,
    reasoning: Literal["", "none", "dropped", "kept"] = "",
    personal_data: Literal["", "keep", "mask"] = "",
    examples: Sequence[str] = (),
    language: str = "",
    student: str = "",
    system_prompt: OwnText = "",
) -> Outcome:
    """Define or change the task; what is left out stays as it is. `fields` are 'name' or 'name: description', and
    `required` names those that every input holds; `describe` changes the description of a field in the same form;
    both say how a value is written: 'date: as YYYY-MM-DD', 'weight: in kg', 'phone: in E.164', 'amount: as a number',
    'priority: one of low, high';
    `answer_schema` gives nested answers, as a JSON schema or an example. `examples`, 'input => output', are added to
    those there, `tools` are JSON texts of functions to call, `out_of_scope` the label when none fits, `persona` a
    character's card, `name` and `maker` who the student says it is, `turns` the user turns per sample, `language` a
    code like en or zh, `student` a reference like hf:Qwen/Qwen3-0.6B."""
    project, task = here.project, here.project.task
    own = task.persona
    given = {
        "kind": kind,
        "input_description": input_description.strip(),
        "fields": read_shape(answer_schema) if answer_schema else tuple(read_field(one) for one in fields),
        "labels": tuple(dict.fromkeys(one.strip() for one in labels if one.strip())),
        "out_of_scope": out_of_scope.strip(),
        "tools": tuple(tool for text in tools for tool in read_tools(text)),
        "style": style.strip(),
        "persona": {"name": name or own.name, "maker": maker or own.maker, "card": persona or own.card},
        "turns": turns,
        "reasoning": reasoning,
        "pii": personal_data,
        "examples": tuple(dict.fromkeys((*task.examples, *map(read_example, examples)))),
        "language": language.strip().lower() or ("" if task.language else script_language(goal)),
        "system_prompt": system_prompt.strip(),
    }
    task = Task.model_validate({**task.model_dump(), **{key: value for key, value in given.items() if value}})
    task = task.model_copy(update={"fields": described(with_required(task.fields, required), describe)})
    for noun, names in (("fields", [one.name for one in task.fields]), ("tools", list(map(tool_name, task.tools)))):
        if len(set(names)) < len(names):
            raise RetortError(
                f"The {noun} {', '.join(names)} contain the same name twice.", "Give each of them its own name."
            )
    project = project.but(task=task, goal=goal.strip() or project.goal, student=student or project.student)
    project = here.catalog.save(named(here, project))
    preview = (Show(kind="report", ids=_masking_preview(here, project)),) if personal_data == "mask" else ()
    return Outcome(text=task_sentence(task), show=preview)


def named(here: Here, project: Project) -> Project:
    """A project gets its name and its folder's name from its goal, once; a job at work keeps its folder."""
    if project.name != UNNAMED or not project.goal:
        return project
    name = short_name(project.goal)
    if jobs.active(here.catalog, project.id):  # files may be read before a word is said
        return project.but(name=name)
    old = here.catalog.folder(project)
    taken = {one.slug for one in here.catalog.find(Project)}
    slug = unique_slug(name, taken)
    old.rename(old.with_name(slug))
    return project.but(name=name, slug=slug)


def need_task(here: Here) -> None:
    """RetortError with what the task still lacks, if anything."""
    if missing := here.project.task.missing():
        raise RetortError(
            f"The task is not complete: it still lacks {', '.join(missing).replace('_', ' ')}.",
            "Say what is missing, for example 'the fields are name, phone and email'.",
        )


def _masking_preview(here: Here, project: Project) -> tuple[str, ...]:
    """What masking finds in the documents, and the first places as a teacher will see them."""
    from tools.text.personal import mask

    found = [
        (passage, masked)
        for passage in here.catalog.find(Passage, project.id)
        if (masked := mask(passage.text, passage.language or project.task.language)).values
    ]
    if not found:
        return ("Nothing to mask was found: no e-mail address, phone number, bank account, card or identity number.",)
    number = sum(len(masked.values) for _, masked in found)
    lines = [
        (
            f"{number} values in {len(found)} passages will be masked. Names and postal addresses are not "
            "recognised and stay."
        )
    ]
    for passage, masked in found[:PREVIEWED]:
        first = masked.text.index(next(iter(masked.values)))
        lines.append(f"{passage.heading or 'Passage'}: … {masked.text[max(0, first - 80) : first + 120]} …")
    return tuple(lines)


# --- reading what was given ----------------------------------------------------------------------------------


def read_tools(text: str) -> tuple[JsonObject, ...]:
    """One function or a list of them as JSON, bare or in OpenAI's layout, in OpenAI's layout."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise RetortError(f"The functions are not valid JSON: {error}.", HOW_TO_TELL_TOOLS) from error
    listed = found if isinstance(found, list) else [found]
    functions = [one.get("function", one) if isinstance(one, dict) else {} for one in listed]
    for function in functions:
        named = isinstance(function, dict) and isinstance(function.get("name"), str) and function["name"]
        if not named or not is_schema(function.get("parameters", {})):
            raise RetortError(
                f"{json.dumps(function)[:120]} is not a function with a name and parameters.", HOW_TO_TELL_TOOLS
            )
    return tuple({"type": "function", "function": function} for function in functions)


def is_schema(found: JsonValue) -> bool:
    """Whether this is a JSON schema of an object, or nothing at all."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    if not isinstance(found, dict):
        return False
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError:
        return False
    return found.get("type", "object") == "object"


def read_example(text: str) -> Example:
    """'input => output' as an example."""
    given, arrow, output = text.rpartition("=>")
    if not arrow or not given.strip() or not output.strip():
        raise RetortError(f"The example {text[:80]!r} cannot be read.", "Write it as 'input => output'.")
    return Example(input=given.strip(), output=output.strip())


def task_sentence(task: Task) -> str:
    """The task in one or two sentences, with what it still lacks."""
    kinds: dict[TaskKind | None, str] = {
        "extraction": f"extract {', '.join(field.outline for field in task.fields) or '…'} as JSON",
        "classification": f"choose one of {', '.join(_taught(label, task) for label in task.labels) or '…'}",
        "answering": "answer questions about your documents",
        "rewriting": f"rewrite ({task.style or 'style …'})",
        "roleplay": f"play a character ({task.persona.card[:60] or '…'})",
        "identity": f"say who it is ({task.persona.name or '…'})",
        "calling": f"call {', '.join(map(tool_name, task.tools)) or 'functions …'}",
        "open": "answer in free text",
        None: "kind unknown",
    }
    told = f"Task: {kinds[task.kind]}, from {task.input_description or '…'} (language: {task.language or '…'})"
    lacks = ", ".join(task.missing()).replace("_", " ")
    return f"{told}; still missing: {lacks}." if lacks else f"{told}."


def _taught(label: str, task: Task) -> str:
    """A label, with the number of its examples once there are any."""
    counts = Counter(example.output for example in task.examples)
    return f"{label} ({counts[label]} example{'' if counts[label] == 1 else 's'})" if counts else label


def tool_name(tool: JsonObject) -> str:
    """What a function of OpenAI's `tools` layout is called."""
    function = tool.get("function")
    return str(function.get("name", "")) if isinstance(function, dict) else ""


def short_name(goal: str) -> str:
    """The goal's first words as a name, at most 48 characters."""
    first = re.split(r"[.!?\n。！？]", goal.strip(), maxsplit=1)[0].strip() or goal.strip()
    return first if len(first) <= 48 else f"{first[:48].rsplit(' ', 1)[0]}…"


def unique_slug(name: str, taken: set[str]) -> str:
    """A folder name of ASCII letters and digits that no other project of this owner has."""
    whole = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    words = (whole if len(whole) <= 40 else whole[:41].rpartition("-")[0] or whole[:40]) or "project"
    numbered = (words if number == 1 else f"{words}-{number}" for number in range(1, 1_000_000))
    return next(slug for slug in numbered if slug not in taken)

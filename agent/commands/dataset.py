"""Frozen versions: freeze, export, the card, what changed."""

from typing import Annotated, Literal

from agent.candidates import Version, dataset_of
from agent.command import FREE, LOOKS, Here, Spoken, command
from agent.commands.doubts import told_doubts, told_left_out
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import Dataset, Sample

TestRows = Annotated[int, Spoken(pattern=r"[1-9]\d*(?!\d|[.,]\d)", sample="60")]
Layout = Annotated[
    Literal["messages", "alpaca", "sharegpt", "ms-swift", "datasets", "csv"],
    Spoken(
        words={
            "messages": ["openai", "jsonl"],
            "sharegpt": ["share-gpt", "llama-?factory"],
            "ms-swift": ["(?:ms-?)?swift"],
            "datasets": ["huggingface", "parquet"],
        }
    ),
]


@command(
    risk=FREE,
    shows=("dataset",),
    terminal="freeze",
    examples={"en": "freeze with 60 test rows", "zh": "冻结，60 条测试", "pt": "congela com 60 linhas de teste"},
    phrases={
        "en": ["freeze [it|them|everything] [the|a] [dataset|data|samples|rows] [[with] {test_rows} test (rows|row)]"],
        "zh": ["冻结[数据集|数据][{test_rows}条测试]"],
        "pt": ["(congela|congele|congelar) [o|os] [dataset|dados|conjunto] [[com] {test_rows} linhas de teste]"],
    },
)
def freeze_dataset(here: Here, *, test_rows: TestRows = 0, dev_share: float = 0.1) -> Outcome:
    """Freeze the approved samples that the policy lets through into a hashed version with train, dev and a sealed
    test split."""
    from tools.dataset.freezing import freeze
    from tools.dataset.tally import in_counts
    from tools.dataset.versions import difference, read_index

    sized = {"test_rows": test_rows} if test_rows else {}
    dataset = freeze(here.catalog, here.project, dev_share=dev_share, **sized)
    rows = ", ".join(f"{number} {split}" for split, number in dataset.rows.items())
    text = f"Froze dataset version {dataset.version} ({dataset.id}): {rows} rows; the test set is sealed."
    if dataset.rows.get("real"):
        text += " So are your real messages: neither training nor an export sees them."
    text += f" How they got in: {in_counts(dataset.vouched)}." if dataset.vouched else ""
    text += f" {dataset.note}" if dataset.note else ""
    text += f" {dataset.thin_sentence}" if dataset.thin else ""
    text += f" {dataset.review}" if dataset.review else ""
    if dataset.parent_id:
        parent = here.catalog.get(Dataset, dataset.parent_id)
        text += f" {difference(here.catalog, parent, dataset).sentence}"
    text += told_left_out(here, dataset.left_out)
    learnt = [
        one.id for one in read_index(here.catalog, dataset) if one.split in ("train", "dev")
    ]  # sealed rows stay so
    text += told_doubts(here, here.catalog.named(Sample, learnt))
    return Outcome(text=text, show=(Show(kind="dataset", ids=(dataset.id,)),))


@command(
    risk=FREE,
    shows=("report",),
    terminal="export [layout]",
    examples={"en": "export as alpaca", "zh": "导出为 alpaca", "pt": "exporta como alpaca"},
    phrases={
        "en": ["export [the] [dataset|data|samples|it] [version {version}] [(as|to|for|in) {layout}]"],
        "zh": ["导出[数据集|数据][[第]{version}版][为|成|到][{layout}]"],
        "pt": [
            "(exporta|exporte|exportar) [o|os] [dataset|dados|conjunto] [versão {version}] [(como|para|em) {layout}]"
        ],
    },
)
def export_dataset(
    here: Here,
    *,
    layout: Layout = "messages",
    version: Version = 0,
) -> Outcome:
    """Write train and dev of a frozen version (0: the newest) as files for another tool: messages (OpenAI JSONL),
    alpaca or sharegpt (LLaMA-Factory, with dataset_info.json), ms-swift, datasets (parquet), csv."""
    from tools.dataset.exporting import export

    dataset = dataset_of(here, version)
    made = export(here.catalog, here.project, dataset, layout)
    rows = ", ".join(f"{number} {split}" for split, number in made.rows.items())
    left_out = f" {made.left_out}" if made.left_out else ""
    folder = here.catalog.folder(here.project) / made.folder
    text = f"Exported version {dataset.version} as {layout}: {rows} rows; the test set stays sealed.{left_out}"
    return Outcome(text=text, show=(Show(kind="report", ids=tuple(str(folder / name) for name in made.files)),))


@command(
    risk=FREE,
    shows=("card",),
    terminal="card [version]",
    phrases={
        "en": ["[show] [the] (dataset|data set|data) card [of version {version}]"],
        "zh": ["[显示|看看]数据[集]卡[片]"],
        "pt": ["[mostra|mostre|mostrar] [a] ficha (do dataset|dos dados|do conjunto) [da versão {version}]"],
    },
)
def dataset_card(here: Here, *, version: Version = 0) -> Outcome:
    """Show the card of a frozen version (0: the newest): counts, lengths in student tokens, languages, sources."""
    from tools.dataset.card import card, markdown
    from tools.files import write_atomic
    from tools.student.reference import default_student
    from tools.training.fit import measure_lengths

    dataset = dataset_of(here, version)
    lengths = measure_lengths(here.catalog, dataset, here.project.student or default_student())
    path = here.catalog.folder(here.project) / "exports" / f"v{dataset.version}-card.md"
    write_atomic(path, markdown(card(here.catalog, here.project, dataset, lengths)).encode())
    text = f"Here is the card of version {dataset.version}; it is also saved as {path}. {lengths.sentence}"
    return Outcome(text=text, show=(Show(kind="card", ids=(dataset.id, lengths.student)),))


@command(
    risk=LOOKS,
    shows=("report",),
    terminal="difference [older]",
    phrases={
        "en": [
            "what (changed|has changed|'s changed) [(since|from|to|against) version {older}]",
            "[show] [the] difference [(since|from|to|against) version {older}]",
        ],
        "zh": ["(有什么|有哪些)(变化|不同)"],
        "pt": ["o que mudou [(desde|da) [a] versão {older}]", "[mostra|mostre|mostrar] [a] diferença"],
    },
)
def dataset_difference(here: Here, *, older: int = 0, newer: Version = 0) -> Outcome:
    """Show what changed between two frozen versions; 0 means the newest version and the one before it."""
    from tools.dataset.versions import difference

    last = dataset_of(here, newer)
    if not older and not last.parent_id:
        raise RetortError(
            f"Version {last.version} is the first version, so there is nothing to compare it with.",
            "Freeze another version, then compare the two.",
        )
    first = dataset_of(here, older) if older else here.catalog.get(Dataset, last.parent_id)
    found = difference(here.catalog, first, last)
    lines = [
        f"{name}: {', '.join(ids[:20])}{f' and {len(ids) - 20} more' if len(ids) > 20 else ''}"
        for name, ids in (("added", found.added), ("removed", found.removed), ("edited", found.edited))
        if ids
    ]
    return Outcome(text=found.sentence, show=(Show(kind="report", ids=tuple(lines)),) if lines else ())

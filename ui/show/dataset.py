"""A frozen version: its splits; and its card with figures, lengths and answers as small inline SVG and bars."""

from collections.abc import Mapping

from tools.dataset.card import Card, card, markdown
from tools.dataset.lengths import Lengths
from tools.records import Dataset
from tools.training.fit import measure_lengths
from ui.markup import escape
from ui.show.kind import Kind, Shown, records
from ui.views import card as view_card
from ui.views import chip

WIDTH, HEIGHT, BOTTOM = 340, 120, 18
MOST_BARS = 12


def read(shown: Shown) -> Card:
    """The ids are the version's and the reference of the student whose tokens were counted."""
    dataset = shown.catalog.get(Dataset, shown.ids[0])
    lengths = measure_lengths(shown.catalog, dataset, shown.ids[1])  # counted before: read from the cache
    return card(shown.catalog, shown.project, dataset, lengths)


def draw(found: Card) -> str:
    """The card as HTML."""
    tiles = "".join(f'<div class="tile"><b>{n:,}</b><span>{escape(s)}</span></div>' for s, n in found.rows.items())
    body = f'<div class="tiles">{tiles}</div>'
    for text in (found.change, found.note, found.review):
        body += f'<p class="faint">{escape(text)}</p>' if text else ""
    if found.lengths:
        body += f'<div class="label">Tokens of a sample</div>{histogram(found.lengths)}'
        body += f"<p>{escape(found.lengths.sentence)}</p>"
    for name, counts in (
        ({"label": "Labels", "field": "Fields that are filled"}.get(found.answer_kind, ""), found.answers),
        ("Languages", found.languages),
        ("How they got in", found.states),
        ("Sources", found.sources),
        ("Licences of imported rows", found.licences),
        ("Documents", found.documents),
        ("Rows that fail a check", found.failed),
    ):
        body += f'<div class="label">{name}</div>{bars(counts)}' if counts else ""
    passed = f"{found.passed:,} of {found.looked_at:,} rows pass the checks"
    tone = "good" if not found.failed else "warn"
    return view_card(f"Dataset card, version {found.version}", body, "", "", chip(passed, tone))


def histogram(lengths: Lengths) -> str:
    """Samples by length, with the advised length as a line."""
    bins = lengths.histogram()
    highest = max(count for _, count in bins)
    width = WIDTH / len(bins)
    made = []
    for place, (edge, count) in enumerate(bins):
        height = (HEIGHT - BOTTOM) * count / highest
        box = (
            f'x="{place * width:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" width="{width - 1:.1f}" height="{height:.1f}"'
        )
        made.append(f'<rect class="length" {box}><title>up to {edge:,} tokens: {count:,}</title></rect>')
    last = bins[-1][0]
    at = min(WIDTH - 1.0, WIDTH * lengths.advised_tokens / last)
    made.append(f'<line class="dev-line" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{HEIGHT - BOTTOM}"/>')
    y = HEIGHT - 4
    made.append(f'<text class="tick" x="0" y="{y}">0</text>')
    made.append(f'<text class="tick" x="{WIDTH}" y="{y}" text-anchor="end">{last:,} tokens</text>')
    label = escape(f"Lengths of {len(lengths.tokens)} samples; 95 % have at most {lengths.percentile(95)} tokens")
    drawing = f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(made)}</svg>'
    return f"<figure>{drawing}</figure>"


def bars(counts: Mapping[str, int]) -> str:
    """Names with a bar each; the rest is summed up in a last one."""
    shown = list(counts.items())[:MOST_BARS]
    rest = list(counts.values())[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} others", sum(rest)))
    most = max(counts.values())
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{count:,}</td>"
        f'<td class="wide"><meter min="0" max="{most}" value="{min(count, most)}"></meter></td></tr>'
        for name, count in shown
    )
    return f'<table class="pairs"><tbody>{rows}</tbody></table>'


# --- the version in short --------------------------------------------------------------------------------------------


def _version(dataset: Dataset) -> str:
    told = {
        "train": "the student learns from",
        "dev": "the training is watched on",
        "test": "sealed until the evaluation",
        "real": "your real messages: sealed, never trained on",
    }
    tiles = "".join(
        f'<div class="tile"><b>{count:,}</b><span>{escape(split)}</span><small>{told.get(split, "")}</small></div>'
        for split, count in dataset.rows.items()
    )
    hashes = " · ".join(f"{split} {digest[:12]}" for split, digest in dataset.sha256.items())
    foot = f'<span class="faint mono">{escape(hashes)}</span>'
    return view_card(
        f"Dataset, version {dataset.version}", f'<div class="tiles">{tiles}</div>', foot, "", chip("frozen", "good")
    )


def _version_line(dataset: Dataset) -> str:
    rows = ", ".join(f"{count} {split}" for split, count in dataset.rows.items())
    hashes = ", ".join(f"{split} {digest[:12]}" for split, digest in dataset.sha256.items())
    return f"version {dataset.version}: {rows} (sha256 {hashes})"


DATASET = Kind(
    lambda shown: "".join(_version(one) for one in shown.all(Dataset)),
    lambda shown: "\n".join(_version_line(one) for one in shown.all(Dataset)),
    records(Dataset),
)
CARD = Kind(
    lambda shown: draw(read(shown)),
    lambda shown: markdown(read(shown)),
    lambda shown: read(shown).model_dump(mode="json"),
)

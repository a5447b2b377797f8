"""What was spent: teacher money and machine time."""

from collections.abc import Sequence

from tools.records import Expense
from ui.markup import escape
from ui.show.kind import Kind, Shown, columns, dumped
from ui.units import duration, usd
from ui.views import card, table


def _spent(shown: Shown) -> list[Expense]:
    return shown.catalog.find(Expense, shown.project.id)


def costs_card(expenses: Sequence[Expense]) -> str:
    """What was spent, by purpose; money and machine time apart."""
    if not expenses:
        return card("Costs", '<p class="faint">Nothing has been spent.</p>')
    by_purpose: dict[str, list[Expense]] = {}
    for expense in expenses:
        by_purpose.setdefault(expense.what or expense.kind, []).append(expense)
    rows = []
    for what, found in by_purpose.items():
        tokens = sum(expense.input_tokens + expense.output_tokens for expense in found)
        seconds = sum(expense.seconds for expense in found)
        device = ", ".join(sorted({expense.device for expense in found if expense.device}))
        told = f"{duration(seconds)}{f' on {device}' if device else ''}" if seconds else "–"
        rows.append([escape(what), usd(sum(e.usd for e in found)), escape(told), f"{tokens:,}" if tokens else "–"])
    total = (
        f"{usd(sum(e.usd for e in expenses))} and {duration(sum(e.seconds for e in expenses))} of machine time in all"
    )
    return card(
        "Costs", table(["For", "Money", "Machine time", "Tokens"], rows, "plain"), f'<span class="faint">{total}</span>'
    )


def costs_text(expenses: Sequence[Expense]) -> str:
    if not expenses:
        return "Nothing has been spent."
    rows = [[e.what or e.kind, usd(e.usd), duration(e.seconds) if e.seconds else "-"] for e in expenses]
    total = ["in all", usd(sum(e.usd for e in expenses)), duration(sum(e.seconds for e in expenses))]
    return columns(["for", "money", "machine"], [*rows, total])


COSTS = Kind(
    lambda shown: costs_card(_spent(shown)),
    lambda shown: costs_text(_spent(shown)),
    lambda shown: dumped(_spent(shown)),
)

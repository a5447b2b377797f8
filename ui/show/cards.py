"""What stands below a sentence: each kind of Show as a card, as lines of a terminal, and as data."""

import logging
import textwrap
from typing import Any

from agent.transcript import Entry, Show, ShowKind
from tools.catalog import Catalog
from tools.errors import RetortError
from tools.records import Project
from ui.keeping import Keeping
from ui.markup import prose
from ui.show.approval import problem_card
from ui.show.arena import ARENA, RANKING
from ui.show.costs import COSTS
from ui.show.coverage import COVERAGE
from ui.show.curves import LEARNING
from ui.show.dataset import CARD, DATASET
from ui.show.documents import DOCUMENTS, PASSAGES
from ui.show.kind import WIDTH, Kind, Shown
from ui.show.rules import RULE
from ui.show.run import PLAN, RUN
from ui.show.samples import SAMPLES
from ui.show.scores import COMPARISON, FAILURES, ROWS
from ui.show.serving import DEPLOYMENT, TRIAL
from ui.views import card

KINDS: dict[ShowKind, Kind] = {
    "documents": DOCUMENTS,
    "passages": PASSAGES,
    "coverage": COVERAGE,
    "samples": SAMPLES,
    "rule": RULE,
    "dataset": DATASET,
    "card": CARD,
    "plan": PLAN,
    "run": RUN,
    "learning": LEARNING,
    "comparison": COMPARISON,
    "rows": ROWS,
    "failures": FAILURES,
    "arena": ARENA,
    "ranking": RANKING,
    "report": Kind(
        lambda shown: card("", prose("\n".join(shown.ids)), style="report"),
        lambda shown: "\n".join(shown.ids),
        lambda shown: list(shown.ids),
    ),
    "trial": TRIAL,
    "deployment": DEPLOYMENT,
    "costs": COSTS,
}
log = logging.getLogger(__name__)
SPEAKERS = {"user": "you", "assistant": "retort", "event": "news"}


class Cards:
    """Draws cards for the page. Comparisons are kept: their answers never change, and reading them takes a while."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._comparisons: dict[tuple[str, ...], str] = {}
        self._keeping: dict[str, Keeping] = {}

    def over(self, catalog: Catalog) -> "Cards":
        """The same cards, read through another catalog."""
        cards = Cards(catalog)
        cards._comparisons = self._comparisons
        return cards

    def kept(self, project: Project) -> Keeping:
        """The project's entries as they were drawn, those left out that have changed since."""
        keeping = self._keeping.setdefault(project.id, Keeping(self.catalog))
        keeping.check(project)
        return keeping

    def draw(self, project: Project, show: Show, newest: bool = True, said: str = "") -> str:
        """The card's HTML; a card whose records cannot be read says so in its place.

        `newest` tells the card whose samples a person's numbers count on; what was `said` above is not repeated.
        """
        shown = Shown(self.catalog, project, show.ids, newest, said)
        try:
            if show.kind != "comparison":
                return KINDS[show.kind].html(shown)
            key = (*show.ids, said)
            if key not in self._comparisons:
                self._comparisons[key] = COMPARISON.html(shown)
            return self._comparisons[key]
        except RetortError as error:
            return problem_card(error.problem, error.fix)
        except Exception as error:  # noqa: BLE001  a project must open whatever one of its cards holds
            return problem_card(*_undrawn(show, error))


def show_text(catalog: Catalog, project: Project, show: Show) -> str:
    """The card as text; a card whose records cannot be read says so."""
    try:
        return KINDS[show.kind].text(Shown(catalog, project, show.ids))
    except RetortError as error:
        return f"({error.problem})"
    except Exception as error:  # noqa: BLE001  as above
        return f"({_undrawn(show, error)[0]})"


def show_data(catalog: Catalog, project: Project, show: Show) -> Any:
    """The card's data as JSON; a card whose records cannot be read tells its problem."""
    try:
        return KINDS[show.kind].data(Shown(catalog, project, show.ids))
    except RetortError as error:
        return {"problem": error.problem, "fix": error.fix}
    except Exception as error:  # noqa: BLE001  as above
        problem, fix = _undrawn(show, error)
        return {"problem": problem, "fix": fix}


def _undrawn(show: Show, error: Exception) -> tuple[str, str]:
    """What a card says that cannot be drawn, and what to do."""
    log.warning("a card of %s cannot be drawn", show.kind, exc_info=error)
    told = (str(error).strip().splitlines() or [""])[0][:120]
    what = f"This card ({show.kind}) cannot be drawn: {type(error).__name__}{f', {told}' if told else ''}."
    return what, f"Look at {', '.join(show.ids[:3]) or 'what it shows'}: a text in it is out of the ordinary."


def entry_text(catalog: Catalog, project: Project | None, entry: Entry) -> str:
    """One turn: who, what, and what is shown below, indented under the speaker."""
    speaker = f"{SPEAKERS[entry.role]:>7}  "
    lines = [line for part in entry.text.strip().splitlines() for line in (textwrap.wrap(part, WIDTH - 9) or [""])]
    told = ("\n" + " " * 9).join(lines)
    below = [show_text(catalog, project, show) for show in entry.show] if project else []
    return speaker + told + "".join(f"\n{textwrap.indent(text, ' ' * 9)}" for text in below if text)


def entry_data(catalog: Catalog, project: Project | None, entry: Entry) -> list[dict[str, Any]]:
    """What the entry shows: for each card its kind, its ids and its data."""
    if project is None:
        return []
    return [{"kind": one.kind, "ids": list(one.ids), "data": show_data(catalog, project, one)} for one in entry.show]

"""The list of projects, and the page of somebody who has none yet."""

from tools.catalog import Catalog
from tools.errors import RetortError
from tools.jobs import active
from tools.records import Project
from tools.settings import settings
from ui.markup import escape
from ui.views import Act, Item, button, packed

# A newcomer's first words, one for each kind of task that works without a teacher, and a harder one.
GOALS = (
    "Extract the name, phone, address and email from short English messages.",
    "Extract the product, quantity, price and order number from English purchase orders.",
    "Sort English customer messages into billing, delivery, returns or other.",
)


def project_items(catalog: Catalog, current: str) -> list[Item]:
    busy = {job.project_id for job in active(catalog)}
    items = [Item(key="new", html=_new(current == ""))]
    for project in reversed(catalog.find(Project)):
        items.append(Item(key=project.id, html=_line(project, project.id == current, project.id in busy)))
    items.append(Item(key="engines", html=_engines()))
    return items


def welcome() -> str:
    """The empty state: what this is and what to type."""
    goals = "".join(button(goal, Act(do="say", text=goal), "goal") for goal in GOALS)
    return (
        '<section class="welcome"><h1>What should the small model learn?</h1>'
        "<p>Say in your own words what goes in and what should come out. Retort asks for what is missing, makes "
        "samples that you approve, trains a small model on this machine, scores it on rows it has never seen, "
        "and serves it.</p>"
        f'<div class="goals"><div class="label">For example</div>{goals}</div>'
        '<p class="faint">Have data or documents? Drop them below: JSONL, CSV, PDF, Word, text.</p></section>'
    )


def _new(selected: bool) -> str:
    state = " here" if selected else ""
    return f'<button type="button" class="project new{state}" data-act="{packed(Act(do="open"))}">New project</button>'


def _line(project: Project, selected: bool, busy: bool) -> str:
    act = packed(Act(do="open", project=project.id))
    here = ' aria-current="page"' if selected else ""
    dot = '<i class="dot" title="something is running"></i>' if busy else ""
    named_by_goal = project.goal.startswith(project.name.rstrip("…."))
    goal = f"<small>{escape(project.goal)}</small>" if project.goal and not named_by_goal else ""
    style = "project here" if selected else "project"
    name = f"<b><span>{escape(project.name)}</span>{dot}</b>"
    return f'<button type="button" class="{style}"{here} data-act="{act}">{name}{goal}</button>'


def _engines() -> str:
    """Who talks and who writes samples: a newcomer should know when no language model is involved."""
    chat = settings().chat_model or "the built-in guide (rules, no LLM)"
    teacher = settings().teacher_model or "the simulator (templates, no LLM)"
    return (
        f'<p class="engines"><span>Conversation led by</span> {escape(chat)}<br>'
        f"<span>Samples written by</span> {escape(teacher)}</p>"
    )


# --- named on a terminal -----------------------------------------------------------------------------------------


def find_project(catalog: Catalog, name: str, *, optional: bool = False) -> Project | None:
    """A project by id, folder or name; unless named the newest that no program began. None only where a command may
    begin one."""
    known = catalog.find(Project)
    found = [one for one in known if name in (one.id, one.slug, one.name)]
    found = found if name else [one for one in known if not one.by_program]
    if found:
        return found[-1]
    if name or not optional:
        problem = f"There is no project {name!r}." if name else f"There are no projects in {catalog.home} yet."
        listed = ", ".join(f"{one.id} ({one.name})" for one in known[-5:])
        raise RetortError(
            problem, f"The projects are: {listed}." if listed else "Start a project with `retort new` or `retort chat`."
        )
    return None


def need_project(catalog: Catalog, name: str) -> Project:
    found = find_project(catalog, name)
    assert found is not None  # find_project raises
    return found

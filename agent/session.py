"""A conversation from outside: say something, decide on an approval, click, look at the transcript, let time pass."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.types import Command, StateSnapshot

from agent import cards, events, uploads, words
from agent.approval import FREE, risk_of
from agent.graph import Graph, build, close_calls, open_saver
from agent.ledger import Decision, Ledger
from agent.model import chat_model
from agent.task_verbs import UNNAMED
from agent.toolbox import Toolbox
from agent.transcript import Approval, Entry, Outcome
from tools import jobs
from tools.catalog import Catalog
from tools.errors import NotFound, RetortError
from tools.records import Deployment, Job, Project, Sample, new_id
from tools.settings import settings

# By hand, one after another: the model is not asked after each.
JUDGING = ("approve_samples", "edit_sample", "reject_samples", "undo_review", "review_samples", "confirm_rule")
MAX_STEPS = 100  # graph steps of one turn; a model that calls tools in circles is stopped here


class Session:
    """One person's talk about one project. Cheap to make; everything that lasts is on disk.

    Any number of sessions, tabs and processes may hold the same project: each turn takes the conversation's lock.
    """

    def __init__(
        self, catalog: Catalog, project_id: str | None = None, chat_model: BaseChatModel | None = None
    ) -> None:
        self.catalog = catalog
        self.project_id = project_id
        self._given_model = chat_model
        self._ledger = Ledger(catalog.home)
        self._announced: set[str] = set()  # deployments known to be announced; the thread itself is the record
        self._looked = False  # whether this session has looked for a turn that a crash cut short

    @property
    def project(self) -> Project | None:
        """The project as it is now; None before the first message and after its deletion."""
        if self.project_id is None:
            return None
        try:
            return self.catalog.get(Project, self.project_id)
        except NotFound:
            return None

    # --- what the user does ---

    def say(self, text: str, files: Sequence[Path] = ()) -> list[Entry]:
        """The user's message. While an approval waits, yes and no decide it; other words decline and are then said."""
        text = text.strip()
        if not text and not files:
            return []
        project = self.project or self._new_project()
        with self._turn(project.id) as turn:
            kept = uploads.keep(self.catalog, project, files) if files else []
            turn.finish_interrupted()
            if pending := turn.pending():
                agreed = None if kept else words.yes_or_no(text)
                note = text or "(files)"
                turn.decide(Decision(digest=pending.digest, approved=agreed is True, note=note, follows=agreed is None))
                if agreed is not None:
                    return self._close(turn)
            told = [one.model_dump() for one in kept]
            message = HumanMessage(content=text, id=new_id("said"), additional_kwargs={"files": told} if told else {})
            turn.run({"messages": [message]})
            return self._close(turn)

    def decide(self, digest: str, approved: bool, note: str = "") -> list[Entry]:
        """The user's click on the waiting approval. RetortError when that is not what waits any more."""
        with self._turn(self._existing().id) as turn:
            pending = turn.pending()
            if pending is None or pending.digest != digest:
                raise RetortError(
                    "This approval is not waiting any more, so nothing was done.",
                    "Look at the conversation; ask for the step again if you still want it.",
                )
            turn.decide(Decision(digest=digest, approved=approved, note=note))
            return self._close(turn)

    def click(self, verb: str, **arguments: Any) -> list[Entry]:
        """A free or review verb by the user's own hand. RetortError for any other verb, which must be asked for."""
        with self._turn(self._existing().id) as turn:
            toolbox = Toolbox(self.catalog, turn.project_id, cards.shown(turn.messages()))
            settled = toolbox.settle(verb, arguments)
            risk = risk_of(toolbox, verb, settled, turn.messages())
            if risk not in (None, "review"):
                raise RetortError(f"A click cannot {verb.replace('_', ' ')}.", "Say it in the chat; you will be asked.")
            if turn.pending():
                if verb not in FREE:
                    raise RetortError("An approval is waiting.", "Answer it first, then do this.")
                return [_entry(toolbox.call(verb, settled))]  # the thread waits for the decision: told, not kept
            had_drafts = self._drafts()
            outcome = toolbox.call(verb, settled)
            judged_all = had_drafts and not self._drafts()  # of a card: the model may say what comes next
            if verb in ("vote", "show_rows"):  # a look or a vote of many: the model is not asked after each
                turn.note(cards.event(new_id("event"), outcome.text, outcome.show))
            elif verb in JUDGING and not judged_all:
                turn.note(cards.judged(turn.messages(), new_id("event"), verb, settled, outcome))
            else:
                turn.run({"messages": [cards.event(new_id("event"), outcome.text, outcome.show)]})
            return self._close(turn)

    def tick(self) -> list[Entry]:
        """Tell what has ended or begun since the last look, and let the model propose the next step."""
        project = self.project
        if project is None:
            return []
        jobs.active(self.catalog, project.id)  # marks jobs that died
        ended = [one for one in self.catalog.find(Job, project.id) if not one.active and not one.announced]
        deployed = self.catalog.find(Deployment, project.id, states=("serving",))
        deployed = [one for one in deployed if one.id not in self._announced]
        if self._looked and not ended and not deployed:
            return []
        with self._lock(project.id, wait=False) as free, self._open(project.id) as turn:
            if not free or turn.pending():
                return []  # somebody speaks or is asked; the news keeps
            self._looked = True
            turn.finish_interrupted()
            known = {message.id for message in turn.messages()}
            news = [self._job_news(project, job) for job in ended]
            news += [self._serving_news(project, one) for one in deployed if f"event-{one.id}" not in known]
            if news:
                turn.run({"messages": news})
            for job in ended:  # after the thread has it: a crash in between tells it twice under one id, so once
                self.catalog.change(Job, job.id, announced=True)
            self._announced |= {one.id for one in deployed}
            return self._close(turn)

    # --- what can be seen ---

    def transcript(self) -> list[Entry]:
        """The whole conversation, as it would be after a reload."""
        if self.project_id is None:
            return []
        with self._open(self.project_id) as turn:
            return cards.entries(turn.messages())

    def pending(self) -> Approval | None:
        """The gated action that waits for the user, if one does."""
        if self.project is None or self.project_id is None:
            return None
        with self._open(self.project_id) as turn:
            return turn.pending()

    # --- inside ---

    def _new_project(self) -> Project:
        id_ = new_id("project")
        project = Project(id=id_, owner=self.catalog.owner, slug=id_, name=UNNAMED)
        self.catalog.add(project)
        self.project_id = id_
        return project

    def _existing(self) -> Project:
        if (project := self.project) is None:
            raise RetortError("There is no project in this conversation yet.", "Say what the student should do.")
        return project

    def _drafts(self) -> bool:
        return bool(self.catalog.find(Sample, self.project_id, states=("draft",), newest=1))

    def _job_news(self, project: Project, job: Job) -> HumanMessage:
        outcome = events.job_ended(self.catalog, project, job)
        return cards.event(f"event-{job.id}-{job.process_started_at:.0f}", outcome.text, outcome.show)

    def _serving_news(self, project: Project, deployment: Deployment) -> HumanMessage:
        from tools.deployment.curl import curl_line

        outcome = events.serving(deployment, curl_line(deployment, project))
        return cards.event(f"event-{deployment.id}", outcome.text, outcome.show)

    def _close(self, turn: "Turn") -> list[Entry]:
        """What the turn added; a deleted project takes its conversation along."""
        added = turn.added()
        if self.project is None:
            turn.forget()
            self.project_id = None
        return added

    def _model(self) -> BaseChatModel:
        if self._given_model is None:
            self._given_model = chat_model(settings())
        return self._given_model

    @contextmanager
    def _turn(self, project_id: str) -> "Iterator[Turn]":
        with self._lock(project_id, wait=True), self._open(project_id) as turn:
            yield turn

    def _lock(self, project_id: str, wait: bool) -> AbstractContextManager[bool]:
        return _locked(self.catalog.home / "locks" / f"{project_id}.lock", wait)

    @contextmanager
    def _open(self, project_id: str) -> "Iterator[Turn]":
        saver = open_saver(self.catalog.home)
        with closing(saver.conn):
            graph = build(self.catalog, project_id, self._model, self._ledger, saver)
            yield Turn(graph, project_id, self._ledger)


class Turn:
    """The conversation while one speaker holds it: the graph, run to its next rest."""

    def __init__(self, graph: Graph, project_id: str, ledger: Ledger) -> None:
        self.graph, self.project_id, self.ledger = graph, project_id, ledger
        self.config: RunnableConfig = {"configurable": {"thread_id": project_id}, "recursion_limit": MAX_STEPS}
        self._before = {entry.id for entry in cards.entries(self.messages())}

    def state(self) -> StateSnapshot:
        return self.graph.get_state(self.config)

    def messages(self) -> list[AnyMessage]:
        return list(self.state().values.get("messages", []))

    def pending(self) -> Approval | None:
        waiting = self.state().interrupts
        return Approval.model_validate(waiting[0].value) if waiting else None

    def added(self) -> list[Entry]:
        return [entry for entry in cards.entries(self.messages()) if entry.id not in self._before]

    def run(self, given: dict[str, Any] | Command[Any] | None) -> None:
        """Let the graph go on until it waits or ends; a failure is told in the conversation, which stays whole."""
        try:
            self.graph.invoke(given, self.config, durability="sync")
        except RetortError as error:
            self.note(cards.event(new_id("notice"), str(error), name="notice"))
        except GraphRecursionError:
            unanswered = close_calls(self.messages(), "Not done: too many calls in one turn.")
            text = f"The chat model called tools {MAX_STEPS // 2} times without an end and was stopped. Say what to do."
            told = [*unanswered, cards.event(new_id("notice"), text, name="notice")]
            self.graph.update_state(self.config, {"messages": told}, as_node="think")

    def decide(self, decision: Decision) -> None:
        """Record the user's decision, then let the graph find it."""
        self.ledger.record(decision)
        self.run(Command(resume={"digest": decision.digest}))

    def note(self, message: HumanMessage) -> None:
        """Add a message without asking the model."""
        self.graph.update_state(self.config, {"messages": [message]}, as_node="think")

    def finish_interrupted(self) -> None:
        """If an earlier process died between a call and its answer, go on from there: no call stays unanswered."""
        state = self.state()
        if not state.interrupts and set(state.next) & {"approve", "act"}:
            self.run(None)

    def forget(self) -> None:
        if saver := self.graph.checkpointer:
            saver.delete_thread(self.project_id)  # type: ignore[union-attr]


@contextmanager
def _locked(path: Path, wait: bool) -> Iterator[bool]:
    """Hold the lock file, across threads and processes; False when somebody else does and we shall not wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True  # closing the file gives the lock back


def _entry(outcome: Outcome) -> Entry:
    return Entry(id=new_id("entry"), role="assistant", text=outcome.text, show=outcome.show)

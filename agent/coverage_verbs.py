"""Verbs about what samples are made of: coverage, unlabelled inputs, what a teacher sees, sources taken back."""

from collections.abc import Sequence

from agent import uploads
from agent.references import References
from agent.transcript import Outcome, Show
from tools.errors import RetortError
from tools.records import Coverage, Dataset, Document, Passage, Project
from tools.synthesis.lengths import read_range

PREVIEWED = 3  # passages whose masking is shown


class CoverageVerbs(References):
    """Docstrings are what the chat model reads about a verb."""

    def set_coverage(
        self,
        topics: Sequence[str] | None = None,
        personas: Sequence[str] | None = None,
        difficulties: Sequence[str] | None = None,
        lengths: Sequence[str] | None = None,
        languages: Sequence[str] | None = None,
    ) -> Outcome:
        """Say what samples spread over; what is left out stays, an empty list goes back to the defaults. `lengths` are
        words of an input as ranges, e.g. 5-20; `languages` are codes."""
        project = self.project
        said = {
            "topics": topics,
            "personas": personas,
            "difficulties": difficulties,
            "lengths": lengths,
            "languages": languages and [one.lower() for one in languages],
        }
        if unread := [one for one in lengths or () if read_range(one) is None]:
            raise RetortError(f"The length {unread[0]!r} is no range of words.", "Say e.g. 'lengths: 5-20, 20-60'.")
        told = {
            axis: tuple(dict.fromkeys(one.strip() for one in values))
            for axis, values in said.items()
            if values is not None
        }
        coverage = Coverage.model_validate({**project.task.coverage.model_dump(), **told})
        task = project.task.model_copy(update={"coverage": coverage})
        self.catalog.save(project.but(task=task))
        return self.show_coverage()

    def show_coverage(self) -> Outcome:
        """Show what samples spread over, and how many each value has."""
        return Outcome(text="What samples spread over, and what is there so far.", show=(Show(kind="coverage"),))

    def label_inputs(self, file: str) -> Outcome:
        """Take a file of unlabelled inputs (upload id or name; .txt one a line, .csv, .jsonl), or the passages of a
        known document, as inputs for the teacher to answer when samples are generated."""
        from tools.synthesis.inputs import add_inputs

        known = [one for one in self.documents() if file in (one.id, one.name)]
        if known:
            document = self.catalog.save(known[-1].but(holds="inputs"))
        else:
            upload, path = uploads.find(self.catalog, self.project, file)
            document = add_inputs(self.catalog, self.project, path, upload.name)
        text = (
            f"{document.passages} inputs of {document.name} wait for answers; 'generate {document.passages}' gets them."
        )
        return Outcome(text=text, show=(Show(kind="documents", ids=(document.id,)),))

    def show_request(self) -> Outcome:
        """Show word for word what the teacher will be sent next. Nothing is sent."""
        from tools.synthesis.making import Maker
        from tools.synthesis.teacher import pick_teacher
        from tools.synthesis.wording import prompt

        project = self.project
        teacher = pick_teacher(project.task, "preview")
        if not teacher.reads_documents:
            raise RetortError("The simulator is sent nothing.", "RETORT_TEACHER_MODEL names a teacher that is.")
        maker = Maker(self.catalog, project, teacher, seed="preview", state="draft")
        request = maker.request(0, teacher.samples_per_request)
        lines = [f"**{message.role}**\n{message.content}" for message in prompt(request).messages]
        return Outcome(text=f"What {teacher.source} will be sent.", show=(Show(kind="report", ids=tuple(lines)),))

    def remove_source(self, document: str) -> Outcome:
        """Delete a document (id or file name) and exactly the samples that came from it. Needs approval."""
        from tools.documents.removing import versions
        from tools.synthesis.removing import remove

        found = self.catalog.get(Document, self.document_id(document))
        digests = {one.sha256 for one in versions(self.catalog, self.project, found)}
        gone = remove(self.catalog, self.project, found)
        uploads.forget(self.catalog, self.project, digests)
        text = f"Removed {found.name} with its {found.passages} passages and {gone} samples."
        if self.catalog.find(Dataset, self.project_id, newest=1):
            text += " Frozen datasets keep what they hold; freeze again to be without it."
        return Outcome(text=text)

    def masking_preview(self, project: Project) -> tuple[str, ...]:
        """What masking finds in the documents, and the first places as a teacher will see them."""
        from tools.synthesis.masking import mask

        found = [
            (passage, masked)
            for passage in self.catalog.find(Passage, project.id)
            if (masked := mask(passage.text, passage.language or project.task.language)).values
        ]
        if not found:
            return ("Nothing was found to mask: no e-mail address, telephone, bank, card or identity number.",)
        number = sum(len(masked.values) for _, masked in found)
        lines = [f"{number} values in {len(found)} passages. Names and postal addresses are not found, and stay."]
        for passage, masked in found[:PREVIEWED]:
            first = masked.text.index(next(iter(masked.values)))
            lines.append(f"{passage.heading or 'Passage'}: … {masked.text[max(0, first - 80) : first + 120]} …")
        return tuple(lines)

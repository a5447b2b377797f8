"""From files to passages: read documents, look at what was read, recognise scans, label inputs, take a source back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from agent import uploads
from agent.command import FREE, LOOKS, Here, Spoken, command, job
from agent.references import AnyDocumentRef, DocumentRef, ScannedRefs, UploadRefs, current_documents
from agent.transcript import Outcome, Show
from tools import jobs
from tools.errors import RetortError
from tools.records import Dataset, Document, Estimate, GivenFile, Job, Passage, ReadingOrder

AT_ONCE = 5  # files that are read while the chat waits; more, or larger ones, are a job
AT_ONCE_BYTES = 5_000_000
SHOWN_PASSAGES = 5

Page = Annotated[int, Spoken(sample="3")]


def _ended(here: Here, _order: ReadingOrder, ended: Job) -> tuple[Show, ...]:
    read = tuple(one.id for one in here.catalog.find(Document, here.project_id) if one.job_id == ended.id)
    return (Show(kind="documents", ids=read),) if read else ()


def _again(_here: Here, order: ReadingOrder) -> Estimate:
    return Estimate(what="read the files that are left", minutes_high=1 + len(order.files) / 10)


job(ReadingOrder, estimate=_again, shows=_ended)


@command(
    risk=FREE,
    shows=("documents",),
    starts=ReadingOrder,
    terminal="add files...",
    examples={"en": "read these files", "zh": "读取这些文件", "pt": "lê estes arquivos"},
    phrases={
        "en": ["(read|add) [the|these|this|my] (documents|document|files|file)"],
        "zh": ["(读取|添加)[这些|这个](文档|文件)"],
        "pt": ["(lê|leia|ler|adiciona|adicione|adicionar) [os|o|estes|este] (documentos|documento|arquivos|arquivo)"],
    },
)
def add_files(here: Here, *, files: UploadRefs) -> Outcome:
    """Read uploaded documents (upload ids or file names) and cut them into passages; many files are read in a job."""
    from tools.documents.adding import Given, add_files
    from tools.documents.summary import summary

    if not files:
        raise RetortError("No file was named.", "Drop a file into the chat, or name a file that you have uploaded.")
    found = [uploads.find(here.catalog, here.project, one) for one in files]
    student = _student_folder(here)
    if len(found) > AT_ONCE or sum(path.stat().st_size for _, path in found) > AT_ONCE_BYTES:
        given = tuple(GivenFile(name=upload.name, path=str(path)) for upload, path in found)
        return _reading(here, ReadingOrder(files=given, student_folder=student))
    named = [Given(path=path, name=upload.name) for upload, path in found]
    added = add_files(here.catalog, here.project, named, student=Path(student) if student else None)
    if not added.documents:
        problems, fixes = zip(*added.problems, strict=True)
        raise RetortError(" ".join(problems), " ".join(dict.fromkeys(fixes)))
    return Outcome(text=summary(added), show=_card(added.documents))


@command(
    risk=LOOKS,
    shows=("documents",),
    terminal="documents",
    phrases={
        "en": ["show [me] [the|my|all] (documents|files)", "list [the|my|all] (documents|files)"],
        "zh": ["(显示|查看|看看|列出)[所有|全部](文档|文件)"],
        "pt": ["(mostra|mostre|mostrar|lista|liste|listar) [os|meus|todos os] (documentos|arquivos)"],
    },
)
def show_documents(here: Here) -> Outcome:
    """Show all documents: pages, passages, languages, what was skipped and why."""
    found = current_documents(here)
    if not found:
        raise RetortError("There are no documents yet.", "Drop a file into the chat.")
    return Outcome(text=f"{len(found)} document{'s' if len(found) > 1 else ''}.", show=_card(found))


@command(
    risk=LOOKS,
    shows=("passages",),
    terminal="document [document]",
    examples={"en": "show page 3 of guide.pdf", "zh": "预览 手册.pdf 第 3 页", "pt": "mostra a página 3 de manual.pdf"},
    phrases={
        "en": [
            "show page {page} of {document}",
            "(show|preview) [me] page {page} of [the] [document] {document}",
            "(show|preview) [me] [the] [document] {document} [page {page}]",
        ],
        "zh": ["(预览|查看|看看|显示){document}[[的]第{page}页]"],
        "pt": [
            "(mostra|mostre|mostrar|ver) [a] página {page} (de|do) [documento|arquivo] {document}",
            "(mostra|mostre|mostrar|ver) [o] [documento|arquivo] {document} [página {page}]",
        ],
    },
)
def show_document(here: Here, *, document: DocumentRef = "", page: Page = 0, first: int = 1) -> Outcome:
    """Show passages of a document (name or id; the newest by default): those of a page, or from number `first` on."""
    found = here.catalog.get(Document, document)
    passages = [one for one in here.catalog.find(Passage, here.project_id) if one.document_id == found.id]
    if page:
        passages = [one for one in passages if one.page and one.page <= page <= (one.last_page or one.page)]
        where = f"on page {page}"
    else:
        passages = passages[max(0, first - 1) :]
        where = f"starting at number {first}"
    if not passages:
        raise RetortError(f"{found.name!r} has no passage {where}.", f"It has {found.passages} passages.")
    shown = tuple(one.id for one in passages[:SHOWN_PASSAGES])
    text = f"{found.name}, {where}: showing {len(shown)} of {found.passages} passages."
    return Outcome(text=text, show=(Show(kind="passages", ids=shown),))


def _recognition(here: Here, *, documents: Sequence[str]) -> Estimate:
    from tools.documents.ocr import estimate_s

    found = [one for one in current_documents(here) if one.id in documents]
    pages = sum(len(one.scans) for one in found)
    minutes = estimate_s(pages) / 60
    what = f"Read {pages} scanned page{'s' if pages > 1 else ''} of {', '.join(one.name for one in found)} with OCR"
    return Estimate(what=what, minutes_low=minutes / 3, minutes_high=minutes * 2, device="cpu")


@command(
    risk="review",
    estimate=_recognition,
    starts=ReadingOrder,
    terminal="ocr [documents...]",
    examples={"en": "ocr", "zh": "文字识别", "pt": "ocr"},
    phrases={
        "en": ["[run] ocr [it|them|all|these|the scan|the scans]", "[run] ocr [of|on] {documents}"],
        "zh": ["[文字]识别[扫描件|文字]"],
        "pt": [
            "[rodar|rode|fazer|faça] ocr [de tudo|dos documentos]",
            "[rodar|rode|fazer|faça] ocr (de|em) {documents}",
        ],
    },
)
def ocr(here: Here, *, documents: ScannedRefs = ()) -> Outcome:
    """Read scanned pages and pictures with OCR, in a job: those of the named documents, or of all documents."""
    return _reading(here, ReadingOrder(recognise=tuple(documents), student_folder=_student_folder(here)))


def _removal(here: Here, *, document: str) -> Estimate:
    from tools.synthesis.removing import samples_of

    found = here.catalog.get(Document, document)
    made = samples_of(here.catalog, here.project, found)
    what = f"Remove {found.name}, its {found.passages} passages and the {len(made)} samples made from it"
    return Estimate(what=what, notes=("Datasets that are already frozen keep what they contain.",))


@command(
    risk="delete",
    estimate=_removal,
    terminal="remove document",
    examples={"en": "remove document guide.pdf", "zh": "删除文档 手册.pdf", "pt": "remove o documento manual.pdf"},
    phrases={
        "en": ["(remove|delete) [the] (document|source|file) {document}"],
        "zh": ["(删除|移除)(文档|来源|文件){document}"],
        "pt": ["(remove|remova|remover|apaga|apague|apagar) [o|a] (documento|arquivo|fonte) {document}"],
    },
)
def remove_source(here: Here, *, document: AnyDocumentRef) -> Outcome:
    """Delete a document (id or file name) and exactly the samples that came from it. Needs approval."""
    from tools.synthesis.removing import remove, versions

    found = here.catalog.get(Document, document)
    digests = {one.sha256 for one in versions(here.catalog, here.project, found)}
    gone = remove(here.catalog, here.project, found)
    uploads.forget(here.catalog, here.project, digests)
    text = f"Removed {found.name}, its {found.passages} passages and {gone} samples."
    if here.catalog.find(Dataset, here.project_id, newest=1):
        text += " Frozen datasets keep what they contain; freeze again for a version without it."
    return Outcome(text=text)


def _reading(here: Here, order: ReadingOrder) -> Outcome:
    started = jobs.launch(here.catalog, here.project, order)
    what = f"{len(order.files)} files" if order.files else f"the scans in {len(order.recognise)} documents"
    return Outcome(text=f"Started {started.id}: reading {what}. I will tell you when it is done.")


def _student_folder(here: Here) -> str:
    """Where the student's tokenizer lies, when the student has been fetched already."""
    from tools.student.reference import default_student, on_disk

    found = on_disk(here.project.student or default_student())
    return str(found) if found else ""


def _card(documents: Sequence[Document]) -> tuple[Show, ...]:
    return (Show(kind="documents", ids=tuple(one.id for one in documents)),)

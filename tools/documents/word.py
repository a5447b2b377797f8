"""A Word file made plain before it is read: what its reader sees stands in ordinary paragraphs, the rest is counted.

Parsers take the runs of a paragraph and the paragraphs of a body. Word wraps both: into content controls, tracked
insertions, fields, smart tags; and puts text into boxes, footnotes and formulas. Names are those of ECMA-376, part 1.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_PARTS = re.compile(r"word/(?:document|header|footer)\d*\.xml")
_NOTES = re.compile(r"word/(footnote|endnote)s\d*\.xml")
_WRAPPERS = {"sdt", "sdtContent", "ins", "moveTo", "smartTag", "customXml", "fldSimple", "dir", "bdo"}
_ABOUT_WRAPPERS = ("sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "fldData")
_IN_FORMULAS = {"sup": "^", "sub": "_", "den": "/"}  # what stands before these parts of a formula
_CHECKED = {"F052": "☑", "F0FE": "☒", "F0FC": "✓", "F0A8": "☐", "F06F": "☐", "F0A3": "☐", "F0B7": "•"}  # of Wingdings
_OTHER_PARTS = {
    "comment": re.compile(r"word/comments\d*\.xml"),
    "chart": re.compile(r"word/charts/chart[^/]*\.xml"),
    "diagram": re.compile(r"word/diagrams/data[^/]*\.xml"),
    "embedded file": re.compile(r"word/(?:embeddings/[^/]+|afchunk[^/]*)"),
}


def plain(source: Path) -> tuple[Path, Counter[str]]:
    """A copy beside the source, or the source itself where it is plain; and how many of each kind were left out."""
    left_out: Counter[str] = Counter()
    changed: dict[str, bytes] = {}
    with ZipFile(source) as package:
        names = package.namelist()
        hidden = _hidden_styles(package, names)
        notes = {
            (kind[1], note.get(f"{W}id")): _shown(note)
            for name in names
            if (kind := _NOTES.fullmatch(name))
            for note in _plain_part(_parsed(package.read(name)), hidden, {}, left_out)
        }
        for name in filter(_PARTS.fullmatch, names):
            data = package.read(name)
            root = _plain_part(_parsed(data), hidden, notes, left_out)
            made = _written(root)
            if made != _written(_parsed(data)):
                changed[name] = made
        for what, part in _OTHER_PARTS.items():
            for name in filter(part.fullmatch, names):
                left_out[what] += package.read(name).count(b"<w:comment ") if what == "comment" else 1
        if not changed:
            return source, left_out
        copy = source.with_name("plain.docx")
        with ZipFile(copy, "w", ZIP_DEFLATED) as out:
            for name in dict.fromkeys(names):
                out.writestr(name, changed[name] if name in changed else package.read(name))
    return copy, left_out


def _plain_part(root: Any, hidden: set[str], notes: dict[Any, str], left_out: Counter[str]) -> Any:
    """Changed in place, kind by kind; each leaves nothing behind that the next would read twice."""
    _choose_alternatives(root)
    _drop_contents(root, left_out)
    _drop_deletions(root, left_out)
    for wrapped in [*root.iter(*(f"{W}{name}" for name in _ABOUT_WRAPPERS))]:
        _remove(wrapped)
    for wrapper in [*root.iter(*(f"{W}{name}" for name in _WRAPPERS))]:
        if _local(wrapper.getparent()) not in ("rPr", "trPr", "numPr"):  # there it only marks the paragraph or the row
            _replace(wrapper, list(wrapper))
    _drop_hidden(root, hidden, left_out)
    _write_out_runs(root, left_out)
    _write_out_notes(root, notes)
    _lift_boxes(root)
    return root


def _choose_alternatives(root: Any) -> None:
    """Of one thing told in two ways the newer: its fallback says the same again."""
    for several in [*root.iter(f"{MC}AlternateContent")]:
        chosen = several.find(f"{MC}Choice")
        chosen = several.find(f"{MC}Fallback") if chosen is None else chosen
        _replace(several, [] if chosen is None else list(chosen))


def _drop_contents(root: Any, left_out: Counter[str]) -> None:
    """A table of contents says every title twice."""
    for gallery in [*root.iter(f"{W}docPartGallery")]:
        if gallery.get(f"{W}val") == "Table of Contents":
            _remove(next(gallery.iterancestors(f"{W}sdt")))
            left_out["table of contents"] += 1


def _drop_deletions(root: Any, left_out: Counter[str]) -> None:
    """What is struck out stands there no more; moved text stands at its new place."""
    for row in [one.getparent().getparent() for one in root.iter(f"{W}del") if _local(one.getparent()) == "trPr"]:
        left_out["deleted table row"] += 1
        _remove(row)
    for struck in [*root.iter(f"{W}del", f"{W}moveFrom")]:
        if _local(struck.getparent()) not in ("rPr", "trPr", "numPr"):
            deleted = struck.tag == f"{W}del" and any(text.text for text in struck.iter(f"{W}delText", f"{W}t"))
            left_out["tracked deletion"] += deleted
            _remove(struck)


def _drop_hidden(root: Any, hidden: set[str], left_out: Counter[str]) -> None:
    """Text that Word shows to nobody, counted by its paragraphs."""
    paragraphs = set()
    for run in [*root.iter(f"{W}r")]:
        if _is_hidden(run, hidden) and any(text.text for text in run.iter(f"{W}t")):
            paragraph = next(run.iterancestors(f"{W}p"), None)
            paragraphs.add(paragraph)
            _remove(run)
    left_out["paragraph with hidden text"] += len(paragraphs)


def _is_hidden(run: Any, hidden: set[str]) -> bool:
    """The run's own word counts more than its style's, that more than its paragraph's style."""
    if (said := run.find(f"{W}rPr/{W}vanish")) is not None:
        return _is_on(said)
    style = run.find(f"{W}rPr/{W}rStyle")
    paragraph = next(run.iterancestors(f"{W}p"), None)
    of_paragraph = paragraph.find(f"{W}pPr/{W}pStyle") if paragraph is not None else None
    return any(one is not None and one.get(f"{W}val") in hidden for one in (style, of_paragraph))


def _write_out_runs(root: Any, left_out: Counter[str]) -> None:
    """Formulas, readings above signs, chosen entries and symbols as text in a run."""
    for formula in [*root.iter(f"{M}oMath")]:
        _replace(formula, [_run(_formula(formula))])
    for outer in [*root.iter(f"{M}oMathPara")]:
        _replace(outer, list(outer))
    for ruby in [*root.iter(f"{W}ruby")]:
        below, above = ("".join(ruby.find(f"{W}{name}").itertext(f"{W}t")) for name in ("rubyBase", "rt"))
        _replace(ruby, [_made("t", f"{below}({above})" if above else below)])
    for choice in [*root.iter(f"{W}ddList")]:
        entries = [one.get(f"{W}val") for one in choice.iter(f"{W}listEntry")]
        chosen = choice.find(f"{W}result")
        place = int(chosen.get(f"{W}val")) if chosen is not None else 0
        begun = next(choice.iterancestors(f"{W}fldChar"), None)
        if begun is not None and place < len(entries):
            begun.addnext(_made("t", entries[place]))
    for symbol in [*root.iter(f"{W}sym")]:
        code = (symbol.get(f"{W}char") or "").upper()
        known = _CHECKED.get(code) or ("" if code.startswith("F0") or not code else chr(int(code, 16)))
        left_out["symbol of a special font"] += not known
        _replace(symbol, [_made("t", known)] if known else [])


def _write_out_notes(root: Any, notes: dict[Any, str]) -> None:
    """A footnote under the paragraph that refers to it, both with its number."""
    numbers: Counter[str] = Counter()
    last: dict[Any, Any] = {}
    for mark in [*root.iter(f"{W}footnoteReference", f"{W}endnoteReference")]:
        kind = _local(mark).removesuffix("Reference")
        text, paragraph = notes.get((kind, mark.get(f"{W}id"))), next(mark.iterancestors(f"{W}p"), None)
        if not text or paragraph is None:
            continue
        numbers[kind] += 1
        number = f"[{numbers[kind]}]" if kind == "footnote" else f"[e{numbers[kind]}]"
        _replace(mark, [_made("t", number)])
        told = _paragraph(f"{number} {text}")
        last.get(paragraph, paragraph).addnext(told)
        last[paragraph] = told


def _lift_boxes(root: Any) -> None:
    """The paragraphs of a text box behind the paragraph that it hangs on."""
    last: dict[Any, Any] = {}
    for box in [*root.iter(f"{W}txbxContent")]:
        anchor = next(box.iterancestors(f"{W}p"), None)
        if anchor is None:
            continue
        for block in list(box):
            last.get(anchor, anchor).addnext(block)
            last[anchor] = block


def _hidden_styles(package: ZipFile, names: list[str]) -> set[str]:
    """Ids of the styles whose text is hidden, by themselves or by the style that they are based on."""
    if "word/styles.xml" not in names:
        return set()
    styles = {one.get(f"{W}styleId"): one for one in _parsed(package.read("word/styles.xml")).iter(f"{W}style")}

    def hides(name: str | None, depth: int = 0) -> bool:
        style = styles.get(name)
        if style is None or depth > len(styles):
            return False
        if (said := style.find(f"{W}rPr/{W}vanish")) is not None:
            return _is_on(said)
        above = style.find(f"{W}basedOn")
        return above is not None and hides(above.get(f"{W}val"), depth + 1)

    return {name for name in styles if name and hides(name)}


def _formula(one: Any) -> str:
    """A formula on one line: '(a+b)/2', 'x^2', '√(b^2-4ac)'; properties beside its text say how it looks."""
    name, parts = _local(one), [part for part in one if not _local(part).endswith("Pr")]
    if name == "t":
        return str(one.text or "")
    said = "".join(map(_formula, parts))
    if name == "rad":
        return f"√{_grouped(''.join(_formula(part) for part in parts if _local(part) == 'e'))}"
    if name in ("nary", "d"):
        signs = {_local(sign): sign.get(f"{M}val") or "" for sign in one.iterfind(f"{M}{name}Pr/*")}
        if name == "nary":
            return f"{signs.get('chr', '∫')}{said}"
        return f"{signs.get('begChr', '(')}{said}{signs.get('endChr', ')')}"
    if name == "num":
        return _grouped(said)
    return f"{_IN_FORMULAS[name]}{_grouped(said)}" if name in _IN_FORMULAS and said else said


def _grouped(said: str) -> str:
    return said if said.isalnum() or len(said) < 2 else f"({said})"


def _shown(note: Any) -> str:
    paragraphs = ("".join(one.itertext(f"{W}t")) for one in note.iter(f"{W}p"))
    return " ".join(" ".join(paragraphs).split())


def _is_on(said: Any) -> bool:
    return said.get(f"{W}val", "true") not in ("0", "false", "off")


def _parsed(data: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, huge_tree=True, remove_comments=True))


def _written(root: Any) -> bytes:
    from lxml import etree

    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True)
    return written


def _made(name: str, text: str) -> Any:
    from lxml import etree

    made = etree.Element(f"{W}{name}")
    made.text = text
    made.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return made


def _run(text: str) -> Any:
    from lxml import etree

    run = etree.Element(f"{W}r")
    run.append(_made("t", text))
    return run


def _paragraph(text: str) -> Any:
    from lxml import etree

    paragraph = etree.Element(f"{W}p")
    paragraph.append(_run(text))
    return paragraph


def _replace(old: Any, new: list[Any]) -> None:
    parent = old.getparent()
    if parent is not None:
        place = parent.index(old)
        parent[place : place + 1] = new


def _remove(one: Any) -> None:
    if (parent := one.getparent()) is not None:
        parent.remove(one)


def _local(one: Any) -> str:
    return one.tag.rpartition("}")[2] if one is not None and isinstance(one.tag, str) else ""

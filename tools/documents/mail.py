"""A mail as its reader sees it: its head, its text in the richest form that can be read, and mails that it forwards."""

from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from tools.documents.prose import read_text
from tools.documents.reading import Element, Reading
from tools.documents.web import read_html
from tools.text.encoding import decode

_HEAD = ("From", "To", "Cc")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
MOST_DEPTH = 20  # of mails in mails


def read_mail(source: Path) -> Reading:
    """All texts of the mail. With a problem where there is none."""
    mail = _Mail()
    elements = tuple(mail.read(_parsed(source.read_bytes()), 1))
    if not mail.texts:
        return Reading(problem="its text is encrypted or empty", fix="Save the text itself as .txt and add that file.")
    left_out = (f"Attachments are not read: {', '.join(mail.names)}. Add them as separate files.",)
    return Reading(elements=elements, notes=(*(left_out if mail.names else ()), *mail.notes))


class _Mail:
    """One file; `names` are its attachments."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.notes: list[str] = []
        self.texts = 0

    def read(self, message: EmailMessage, depth: int) -> Iterator[Element]:
        if subject := _header(message, "Subject"):
            yield Element(text=subject, kind="heading", level=min(depth, 9))
        elif depth > 1:
            yield Element(text="Forwarded message", kind="heading", level=min(depth, 9))
        if lines := [f"{name}: {said}" for name in _HEAD if (said := _header(message, name))]:
            yield Element(text="\n".join(lines))
        yield from self._part(message, depth)

    def _first_that_says(self, forms: Sequence[EmailMessage], depth: int) -> list[Element]:
        """Of several forms of one text the first with words: a page of pictures leaves them to the plain form."""
        found: list[Element] = []
        before = self.texts, len(self.names), list(self.notes)
        for form in forms:
            found = list(self._part(form, depth))
            if found:
                return found
            self.texts, self.notes = before[0], before[2]
            del self.names[before[1] :]
        return found

    def _part(self, part: EmailMessage, depth: int) -> Iterator[Element]:
        kind = part.get_content_type()
        if kind == "message/rfc822" and depth < MOST_DEPTH:
            for inner in _parts(part):
                yield from self.read(inner, depth + 1)
        elif kind == "multipart/alternative":
            yield from self._first_that_says(_best_first(part), depth)
        elif part.is_multipart():
            for inner in _parts(part):
                yield from self._part(inner, depth)
        elif kind in ("text/plain", "text/html") and not part.is_attachment():
            found = read_html(_text(part)) if kind == "text/html" else Reading(elements=tuple(read_text(_text(part))))
            self.texts += len(found.elements)
            self.notes += found.notes
            yield from found.elements
        elif kind not in _SIGNATURES:
            self.names.append(part.get_filename() or f"a part without a name ({kind})")


def _best_first(several: EmailMessage) -> list[EmailMessage]:
    """The forms of one text, the best first: senders put it last (RFC 2046, 5.1.4), and plain text is the poorest."""
    parts = _parts(several)[::-1]
    readable = [one for one in parts if one.get_content_type() == "text/html" or one.is_multipart()]
    plain = [one for one in parts if one.get_content_type() == "text/plain"]
    return [*readable, *plain] or parts[:1]


def _parts(several: EmailMessage) -> list[EmailMessage]:
    return [one for one in several.get_payload() if isinstance(one, EmailMessage)]


def _text(part: EmailMessage) -> str:
    """By the charset that the part names, unless it errs: then as any other text is read."""
    data = part.get_payload(decode=True)
    data = data if isinstance(data, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "utf-8").replace("\r\n", "\n")
    except (UnicodeDecodeError, LookupError):
        found = decode(data)
        return found.readable.replace("\r\n", "\n") if found else ""


def _header(message: EmailMessage, name: str) -> str:
    """Decoded, on one line."""
    return " ".join(str(message.get(name) or "").split())


def _parsed(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found

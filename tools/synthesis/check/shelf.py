"""Texts that are found again by numbers they were put away under, without being held in memory.

A hash table in a file without a name: heads of chains first, then each text with its entries. It takes the disk's cache
and no memory of this process; a step of finding is a read of the file, about a microsecond.
"""

import os
import struct
import tempfile
import weakref
from collections.abc import Iterable, Iterator

_HEADS = 2**22  # chains; a file has holes, so that unused ones take no room. A million texts make chains of about eight
_HEAD = struct.Struct("<Q")  # where the chain's newest entry lies; 0 for none
_ENTRY = struct.Struct("<QQI")  # where the next entry and the text lie, and the number's upper half
_LENGTH = struct.Struct("<I")  # of a text, in bytes
_USUAL_BYTES = 508  # of a text: longer ones take a second read


class Shelf:
    """Put texts away with `add`, see them again with `find`, one thread at a time. It ends with the process.

    Raises OSError when the folder of temporary files (TMPDIR) is full.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  lives as long as the shelf
        weakref.finalize(self, self._file.close)
        self._end = _HEADS * _HEAD.size

    def add(self, text: str, places: Iterable[int] = ()) -> int:
        """Where the text lies now. `places` are numbers of 64 bits, of either sign, such as `hash` makes."""
        file, start = self._file.fileno(), self._end
        told = text.encode("utf-8", "surrogatepass")
        record = bytearray(_LENGTH.pack(len(told)) + told)
        for place in places:
            head, half = _split(place)
            (following,) = self._read(_HEAD, head)
            os.pwrite(file, _HEAD.pack(start + len(record)), head)
            record += _ENTRY.pack(following, start, half)
        os.pwrite(file, record, start)
        self._end += len(record)
        return start

    def at(self, start: int) -> str:
        """The text that lies there."""
        read = os.pread(self._file.fileno(), _LENGTH.size + _USUAL_BYTES, start)
        (length,) = _LENGTH.unpack_from(read)
        told = read[_LENGTH.size : _LENGTH.size + length]
        if len(told) < length:
            told += os.pread(self._file.fileno(), length - len(told), start + _LENGTH.size + len(told))
        return told.decode("utf-8", "surrogatepass")

    def find(self, places: Iterable[int]) -> Iterator[str]:
        """Each text that shares a place with these, once. Of 2^32 other numbers one is taken for the same."""
        found = set()
        for place in places:
            head, half = _split(place)
            (entry,) = self._read(_HEAD, head)
            while entry:
                entry, text, known = self._read(_ENTRY, entry)
                if known == half and text not in found:
                    found.add(text)
                    yield self.at(text)

    def _read(self, kind: struct.Struct, at: int) -> tuple[int, ...]:
        """What was never written is zeros, whether it is a hole or lies behind the end."""
        return kind.unpack(os.pread(self._file.fileno(), kind.size, at).ljust(kind.size, b"\0"))


def _split(place: int) -> tuple[int, int]:
    """Where the number's head lies, by its lower half, and its upper half."""
    return (place % _HEADS) * _HEAD.size, (place >> 32) & 0xFFFF_FFFF

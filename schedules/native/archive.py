"""Writes static libraries: the ``ar`` format with GNU's symbol index, which every linker for ELF reads."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from schedules.native import elf

_MAGIC = b"!<arch>\n"


def pack(members: Mapping[str, bytes]) -> bytes:
    """Pack ELF objects into a static library.

    Parameters
    ----------
    members : mapping
        Objects by file name, in order. The same members give the same bytes: no date, no user is recorded.
    """
    long_names = "".join(f"{name}/\n" for name in members).encode()
    defined = [[symbol.name for symbol in elf.symbols(data)] for data in members.values()]
    texts = b"".join(name.encode() + b"\0" for names in defined for name in names)
    count = sum(map(len, defined))
    index_size = 4 * (1 + count) + len(texts)
    position = len(_MAGIC) + _padded(60 + index_size) + _padded(60 + len(long_names))
    offsets: list[int] = []
    for data, names in zip(members.values(), defined, strict=True):
        offsets += [position] * len(names)
        position += _padded(60 + len(data))
    index = struct.pack(f">I{count}I", count, *offsets) + texts
    packed = _MAGIC + _member("/", index) + _member("//", long_names)
    for name, data in members.items():
        packed += _member(f"/{long_names.index(f'{name}/'.encode())}", data)
    return packed


def _padded(size: int) -> int:
    return size + size % 2


def _member(name: str, data: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
    return header + data + b"\n" * (len(data) % 2)

"""Prepares ELF objects for a library: what is not its interface is hidden, so that two libraries get along.

Halide's runtime defines some 250 weak symbols. Exported from a shared library they would be merged with those
of another library in the process, of another version perhaps; hidden, each library keeps its own.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian: x86-64 and arm-64
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_SYMTAB, _RELA, _INIT_ARRAY = 2, 4, 14
_FUNCTION = 2
_GLOBAL, _WEAK, _HIDDEN = 1, 2, 2


@dataclass(frozen=True)
class Symbol:
    """A symbol that an object defines for others."""

    name: str
    position: int  # of its record, in bytes from the start of the object
    hidden: bool


def is_elf(data: bytes) -> bool:
    """Tell whether an object is one that this module can read."""
    return data.startswith(_MAGIC)


def symbols(data: bytes) -> list[Symbol]:
    """List the global and weak symbols that an object defines."""
    return [
        Symbol(name, position, data[position + 5] & 3 == _HIDDEN)
        for position, name, info, section, _ in _all_symbols(data)
        if section and info >> 4 in (_GLOBAL, _WEAK)
    ]


def hide(data: bytes, exported: Collection[str]) -> bytes:
    """Make every symbol that an object defines hidden and weak, but for the exported ones.

    Hidden keeps it inside the library; weak lets two libraries that are linked into one program share it.
    """
    patched = bytearray(data)
    for symbol in symbols(data):
        if symbol.name not in exported:
            info, other = data[symbol.position + 4], data[symbol.position + 5]
            patched[symbol.position + 4] = _WEAK << 4 | info & 15
            patched[symbol.position + 5] = other & ~3 | _HIDDEN
    return bytes(patched)


def modern_constructors(data: bytes) -> bytes:
    """Turn a ``.ctors`` section, which LLVM writes by default, into ``.init_array``: lld runs no other.

    Objects have one constructor at most, so that the opposite order of the two does not matter.
    """
    header = list(_HEADER.unpack_from(data))
    sections = _sections(data)
    names = sections[header[13]][4]
    renamed = {".ctors": b".init_array\0", ".rela.ctors": b".rela.init_array\0"}
    at = [i for i, section in enumerate(sections) if _text(data, names + section[0]) in renamed]
    if not at:
        return data
    # The names go to a copy of their table at the end of the file, where it can grow.
    table = bytearray(data[names : names + sections[header[13]][5]])
    patched = bytearray(data)
    for i in at:
        old = _text(data, names + sections[i][0])
        start = header[6] + i * _SECTION.size
        struct.pack_into("<I", patched, start, len(table))
        if old == ".ctors":
            struct.pack_into("<I", patched, start + 4, _INIT_ARRAY)
        table += renamed[old]
    start = header[6] + header[13] * _SECTION.size
    struct.pack_into("<QQ", patched, start + 24, len(patched), len(table))
    return bytes(patched + table)


def expose_constructors(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Make an object's static constructors global, so that who loads it can call them; give their names, in order.

    Raises
    ------
    ValueError
        If one has no name.
    """
    sections, patched, names = _sections(data), bytearray(data), []
    arrays = [i for i, section in enumerate(sections) if section[1] == _INIT_ARRAY]
    indexed = list(_all_symbols(data))
    functions = {
        (section, value): (position, name) for position, name, info, section, value in indexed if info & 15 == _FUNCTION
    }
    for _, kind, _, _, offset, size, _, info, *_ in sections:
        if kind != _RELA or info not in arrays:
            continue
        for at in range(offset, offset + size, _RELOCATION.size):
            _, target, addend = _RELOCATION.unpack_from(data, at)
            _, _, _, section, value = indexed[target >> 32]
            if (section, value + addend) not in functions:
                raise ValueError("a static constructor without a name")
            position, name = functions[section, value + addend]
            patched[position + 4] = _GLOBAL << 4 | _FUNCTION
            names.append(name)
    return bytes(patched), tuple(names)


def _all_symbols(data: bytes) -> Iterator[tuple[int, str, int, int, int]]:
    """Go through all symbols in order: where their record is, name, kind, section, value."""
    sections = _sections(data)
    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind == _SYMTAB:
            for position in range(offset, offset + size, _SYMBOL.size):
                name, info, _, section, value, _ = _SYMBOL.unpack_from(data, position)
                yield position, _text(data, sections[link][4] + name), info, section, value


def _sections(data: bytes) -> list[tuple[int, ...]]:
    return list(_read_sections(data))


def _read_sections(data: bytes) -> Iterator[tuple[int, ...]]:
    if not is_elf(data):
        raise ValueError("not a 64-bit little-endian ELF object")
    header = _HEADER.unpack_from(data)
    offset, count = header[6], header[12]
    if not count:
        raise ValueError("an object with more than 65279 sections")
    for i in range(count):
        yield _SECTION.unpack_from(data, offset + i * _SECTION.size)


def _text(data: bytes, start: int) -> str:
    return data[start : data.index(b"\0", start)].decode()

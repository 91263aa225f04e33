"""Native libraries: a filter as ``NAME.h``, ``libNAME.a``, ``libNAME.so``, ``NAME.o``, without Python.

A library exports ``NAME`` and ``NAME_last_error`` (one for several targets ``NAME_target``, too) and nothing
else: it brings Halide's runtime along, hidden, so several libraries can be loaded into one program. Its own linker
is whichever C compiler or linker there is; without one the header and the static library are made all the same.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsl.arrays import DTYPES, MAX_CHANNELS, Placement
from dsl.values import Image, Scalar, Table
from schedules import targets
from schedules.errors import TargetError
from schedules.native import archive, elf, entry
from schedules.native import compile as native
from schedules.native.signature import Signature, numbered

if TYPE_CHECKING:
    from dsl.tracing import Filter
    from schedules.native.worker import Lowered
    from schedules.schedule import Schedule

log = logging.getLogger("halide_filters")

_C_COMPILERS = ("cc", "gcc", "clang")
_BARE_LINKERS = ("ld.lld", "ld")
_LIBRARIES = ("-lm", "-lpthread", "-ldl")
#: A bare linker knows neither the system's folders nor, without development files, names such as libm.so.
_BARE_LIBRARIES = ("-l:libm.so.6", "-l:libpthread.so.0", "-l:libdl.so.2", "-l:libc.so.6")
_KEYWORDS = """
    alignas alignof and asm auto bool break case catch char class const constexpr continue decltype
    default delete do double else enum explicit export extern false float for friend goto if inline int
    long mutable namespace new noexcept not nullptr operator or private protected public register restrict
    return short signed sizeof static struct switch template this throw true try typedef typeid typename
    typeof union unsigned using virtual void volatile while xor
"""
#: Names the entry takes for itself: the arguments that every library has, and its own steps (see entry.py).
_ENTRY = """
    width height channels small_width small_height border border_value threads
    all bad choice context end entry limit message nothing result run status stock text
"""
_RESERVED = frozenset((_KEYWORDS + _ENTRY).split())


def build(
    filter: Filter,
    directory: str | Path,
    *,
    dtype: str = "float32",
    channels: int = 1,
    target: str = "host",
    schedule: Any = "manual",
    name: str | None = None,
    results: tuple[str, bool] | None = None,
    **structural: Any,
) -> dict[str, Path]:
    """Build a native library of a filter.

    Parameters
    ----------
    filter : Filter
        What to build.
    directory : path
        Where to put it; made if it is not there.
    dtype : str
        ``"uint8"``, ``"uint16"`` or ``"float32"``, of every image.
    channels : int
        Elements from pixel to pixel. A filter that treats rows of any channels alike takes it at run time
        instead.
    target : str
        The machine to build for, for instance ``"x86-64-linux-avx2-fma"``. Several of one machine, with commas between
        and the most able first, make a library that runs the first that its CPU can run; ``NAME_target()`` then tells
        which.
    schedule : str, Schedule or path
        As in a call.
    name : str, optional
        Name of the C function and of the files; that of the filter by default.
    results : (str, bool), optional
        Dtype of results, which may be ``"float16"``, too; and whether their colours are in planes of their own. By
        default they are as the images.
    **structural
        Values of the filter's int, str and bool parameters.

    Returns
    -------
    dict
        ``"header"``, ``"static"``, ``"object"`` and ``"shared"``: the files. Without a linker for the target
        there is no ``"shared"``, the object is the entry alone, to be linked with ``NAME_pipeline.o``,
        ``NAME_runtime.o`` and ``NAME_hooks.o`` beside it, and a warning says so.

    Raises
    ------
    ValueError
        If the name is not one in C, or an option is none that is accepted.
    """
    name = filter.__name__ if name is None else name
    _check(name)
    names = target.split(",")
    wanted = [request(filter, dtype, channels, each, schedule, structural, results) for each in names]
    resolved: list[str] = [each["target"] for each in wanted]
    _check_targets(target, resolved)
    label = f"library {name} ({filter.trace(structural).label}, {dtype})"
    if len(wanted) > 1:
        signature, code = _several(name, wanted, label)
    else:
        _, made, _ = native.obtain(wanted[0] | {"kind": "library", "name": name}, label, keep=False)
        signature, code = Signature.from_json(made.meta["signature"]), _labelled(name, made.objects)
    text = _header(name, signature, filter.__doc__ or "", resolved)
    exported = (name, f"{name}_last_error", *([f"{name}_target"] if len(wanted) > 1 else []))
    objects = _objects(name, code, resolved[-1], exported)
    return _write(Path(directory), name, text, objects, resolved[-1], exported)


def _check_targets(target: str, resolved: Sequence[str]) -> None:
    """Refuse what no library can be built for."""
    machines = {"-".join(each.split("-")[:3]) for each in resolved}
    if len(machines) > 1:
        raise TargetError(f"target {target!r}: a library is for one machine, not for {' and '.join(sorted(machines))}")
    if machines.pop().split("-")[2] not in ("linux", "osx"):
        raise TargetError(f"target {target!r}: libraries are built for linux and osx")
    if len(resolved) > 1 and any(targets.device(each) for each in resolved):
        raise TargetError(f"target {target!r}: a library for several CPUs has no code for devices")
    if len(set(resolved)) < len(resolved):
        raise TargetError(f"target {target!r}: one target is there twice")


def _several(name: str, wanted: Sequence[Mapping[str, Any]], label: str) -> tuple[Signature, dict[str, bytes]]:
    """Compile a library's variants, and the entry that chooses from them."""
    code: dict[str, bytes] = {}
    variants = []
    for i, each in enumerate(wanted):
        own = f"{name}_variant{i}"
        _, made, _ = native.obtain({**each, "kind": "kernel", "name": own}, f"{label}, {each['target']}", keep=False)
        code |= _labelled(own, made.objects)
        variants.append([own, each["target"]])
    signature: dict[str, Any] = made.meta["signature"]
    chooser = {"kind": "dispatch", "name": name, "signature": signature, "variants": variants}
    _, made, _ = native.obtain({**chooser, "target": wanted[-1]["target"]}, label, keep=False)
    return Signature.from_json(signature), {f"{name}.o": made.objects[0], **code}


def _labelled(name: str, code: Sequence[bytes]) -> dict[str, bytes]:
    """Name the files of a kernel's objects."""
    own = [f"{name}_stage{i}.o" for i in range(len(code) - 2)]
    return dict(zip((f"{name}_pipeline.o", f"{name}.o", *own), code, strict=True))


def request(
    filter: Filter,
    dtype: str,
    channels: int,
    target: str,
    schedule: Any,
    structural: Mapping[str, Any],
    results: tuple[str, bool] | None = None,
) -> dict[str, Any]:
    """Describe a variant whose C arguments have the names of the filter's parameters."""
    if dtype not in DTYPES.values():
        raise ValueError(f"dtype must be one of {', '.join(DTYPES.values())}, not {dtype!r}")
    if isinstance(channels, bool) or not isinstance(channels, int) or not 1 <= channels <= MAX_CHANNELS:
        raise ValueError(f"channels must be an int from 1 to {MAX_CHANNELS}, not {channels!r}")
    traced = filter.trace(structural)
    placement = _placement(traced.mode, channels)
    outputs = len(traced.program.outputs)
    out_dtype, planar = results or (dtype, placement.planar)
    out = None if planar == placement.planar else Placement(1, planar=planar)
    dtypes = [dtype] * len(traced.program.images) + [out_dtype] * outputs
    made = filter.request(traced, placement, dtypes, target, schedule, out=out)
    return {**made, "program": {**made["program"], "names": names(filter, outputs)}, "lowering": "dsl.library:lower"}


def lower(request: Mapping[str, Any], schedule: Schedule, target: str) -> Lowered:
    """Lower a program whose C arguments have names, in the worker.

    Inside the pipeline they get an ending of their own: a parameter may be called as a stage is.
    """
    from dsl.lowering import pipeline

    inner = {kind: [f"{name}_argument" for name in found] for kind, found in request["names"].items()}
    lowered = pipeline.lower({**request, "names": inner}, schedule, target)
    return replace(lowered, signature=_renamed(lowered.signature, request["names"]))


def _renamed(signature: Signature, names: Mapping[str, list[str]]) -> Signature:
    images = zip(signature.images, [*names["images"], *names["outputs"]], strict=True)
    renamed = tuple(replace(image, name=name) for image, name in images)
    return Signature(renamed, tuple(names["tables"]), tuple(names["scalars"]))


def names(filter: Filter, outputs: int = 1) -> dict[str, list[str]]:
    """Name the C arguments after the parameters; where C or the entry needs a name itself, ``_`` is added.

    The output is ``out``, several are ``out0``, ``out1``, ...; no parameter may be called so.
    """
    results = numbered("out", outputs)
    used = set(_RESERVED) | {name + ending for name in results for ending in ("", "_stride", "_plane_stride")}

    def free(parameter: str, endings: Sequence[str]) -> str:
        if not parameter.isascii():
            raise ValueError(f"{filter.__name__}: parameter {parameter} has no name in C; use ASCII letters")
        while any(parameter + ending in used for ending in endings):
            parameter += "_"
        used.update(parameter + ending for ending in endings)
        return parameter

    endings = {Image: ("", "_stride", "_plane_stride"), Table: ("", "_length"), Scalar: ("",)}
    found = {
        kind: [free(p.name, endings[kind]) for p in filter.parameters if issubclass(p.kind, kind)] for kind in endings
    }
    return {"images": found[Image], "tables": found[Table], "scalars": found[Scalar], "outputs": results}


def _check(name: str) -> None:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name in _KEYWORDS.split():
        raise ValueError(f"name must be an identifier in C, such as 'unsharp', not {name!r}")
    if name.startswith(("halide_", "hf_")):
        raise ValueError(f"name {name!r}: names that start with halide_ or hf_ belong to the runtime")


def _placement(mode: str, channels: int) -> Placement:
    if mode == "rows":
        return Placement(0)
    return Placement(max(channels, 3) if mode == "color" else channels)


def _header(name: str, signature: Signature, doc: str, resolved: Sequence[str]) -> str:
    """Write the header, and what the library was built for."""
    text = entry.header(name, signature, doc, several=len(resolved) > 1)
    built = "\n * ".join(["Built by halide-filters for", *resolved, f"Link with {' '.join(_LIBRARIES)}."])
    return f"/* {built}\n */\n{text}"


def _objects(name: str, code: Mapping[str, bytes], target: str, exported: Sequence[str]) -> dict[str, bytes]:
    """Give all objects of a library by file name: the filter's own, Halide's runtime, our hooks into it."""
    runtime = native.obtain_runtime(target, shared=False)
    objects = {**code, **dict(zip((f"{name}_runtime.o", f"{name}_hooks.o"), runtime.objects, strict=True))}
    if not all(map(elf.is_elf, objects.values())):
        return objects
    return {label: elf.modern_constructors(elf.hide(data, exported)) for label, data in objects.items()}


# --------------------------------------------------------------------------------------------- files, linkers


def _write(
    directory: Path, name: str, header: str, objects: Mapping[str, bytes], target: str, exported: Sequence[str]
) -> dict[str, Path]:
    """Write the files aside and move them into place when they are complete."""
    directory.mkdir(parents=True, exist_ok=True)
    system = target.split("-")[2]
    suffix = "dylib" if system == "osx" else "so"
    final = {
        "header": directory / f"{name}.h",
        "static": directory / f"lib{name}.a",
        "object": directory / f"{name}.o",
        "shared": directory / f"lib{name}.{suffix}",
    }
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=directory) as folder:
        parts = []
        for label, data in objects.items():
            parts.append(Path(folder) / "objects" / label)
            parts[-1].parent.mkdir(exist_ok=True)
            parts[-1].write_bytes(data)
        made = {kind: Path(folder) / path.name for kind, path in final.items()}
        made["header"].write_text(header, encoding="utf-8")
        _static(made["static"], objects, parts)
        _link(made["object"], parts, _relocatable)
        reason = _link(made["shared"], parts, _shared_osx(exported) if system == "osx" else _shared)
        if reason:
            log.warning("%s was not made for %s: %s", final["shared"].name, target, reason)
        whole = made["object"].exists()
        for part in parts:  # each alone, only where they could not be made one
            made[part.name] = Path() if whole else part
            final[part.name] = directory / part.name
        if whole:
            del final[final["object"].name]
        return _move(made, final)


def _move(made: Mapping[str, Path], final: Mapping[str, Path]) -> dict[str, Path]:
    """Put finished files in their place; what could not be made this time must not stay from another."""
    for kind, path in final.items():
        if made[kind].is_file():
            made[kind].replace(path)
        elif kind != "object":
            path.unlink(missing_ok=True)
    kinds = ("header", "static", "object", "shared")
    return {kind: final[kind] for kind in kinds if final[kind].is_file()}


def _static(path: Path, objects: Mapping[str, bytes], parts: Sequence[Path]) -> None:
    if all(map(elf.is_elf, objects.values())):
        path.write_bytes(archive.pack(objects))
        return
    tool = shutil.which("llvm-ar") or shutil.which("ar")
    if tool is None:
        raise TargetError("a static library for this system needs the tool ar, which was not found")
    subprocess.run([tool, "rcs", str(path), *map(str, parts)], check=True, capture_output=True)


_Arguments = Callable[[Path, bool], list[str]]


def _shared(path: Path, bare: bool) -> list[str]:
    """Give what a compiler, or a bare linker, is told besides the objects."""
    if not bare:
        return ["-shared", f"-Wl,-soname,{path.name}", "-Wl,-z,defs", "-Wl,--gc-sections", *_LIBRARIES]
    folders = [f"-L{folder}" for folder in ("/lib64", "/usr/lib64", *Path("/usr/lib").glob("*-linux-gnu"))]
    return ["-shared", "-soname", path.name, "-z", "defs", "--gc-sections", *folders, *_BARE_LIBRARIES]


def _shared_osx(symbols: Sequence[str]) -> _Arguments:
    exported = [f"-Wl,-exported_symbol,_{symbol}" for symbol in symbols]
    return lambda path, bare: ["-dynamiclib", f"-Wl,-install_name,@rpath/{path.name}", *exported]


def _relocatable(path: Path, bare: bool) -> list[str]:
    return ["-r"] if bare else ["-r", "-nostdlib"]


def _link(path: Path, parts: Sequence[Path], arguments: _Arguments) -> str:
    """Link with the first linker that can, and give the reason where none can."""
    reason = f"no C compiler or linker was found ({', '.join((*_C_COMPILERS, *_BARE_LINKERS))})"
    for program in (*_C_COMPILERS, *_BARE_LINKERS):
        tool = shutil.which(program)
        if tool is None:
            continue
        extra = arguments(path, program in _BARE_LINKERS)
        command = [tool, "-o", str(path), *map(str, parts), *extra]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode == 0:
            return ""
        path.unlink(missing_ok=True)
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = f"{program} cannot link it: {said[0].strip() if said else f'status {done.returncode}'}"
    return reason

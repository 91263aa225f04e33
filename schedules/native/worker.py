"""Compiles one request in a process of its own.

That is ``python -m schedules.native.worker`` with JSON on standard input; a process because Halide holds the
GIL while it compiles, names stages by a global counter (so objects would not be reproducible), and aborts
when LLVM meets an instruction that a target lacks. The request is data only, never pickled code: it names a
function ``MODULE:FUNCTION`` that gives the lowered pipeline.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schedules import targets
from schedules.apply import Stages, apply
from schedules.errors import ScheduleError, TargetError
from schedules.native import cache, elf, entry
from schedules.native.signature import Signature
from schedules.schedule import Op, Schedule, Tunable

if TYPE_CHECKING:
    import halide as hl


@dataclass
class Lowered:
    """A pipeline with its arguments, not yet scheduled."""

    arguments: list[Any]  # halide.ImageParam and halide.Param, in the order of the signature
    outputs: list[hl.Func]
    stages: Stages
    ops: list[Op]  # the lowering's own schedule
    signature: Any  # Signature, or Arrays
    externs: Mapping[str, str] = field(default_factory=dict)  # functions that stages call, as LLVM IR by name
    notes: Mapping[str, str] = field(default_factory=dict)  # how nodes were lowered, by their names
    tunables: Mapping[str, Tunable] = field(default_factory=dict)  # choices that a tuner may take otherwise


def lower(request: Mapping[str, Any], schedule: Schedule) -> Lowered:
    """Lower what a request describes, by the choices of a schedule."""
    module, function = request["lowering"].split(":")
    lowered: Lowered = getattr(importlib.import_module(module), function)(
        request["program"], schedule, request["target"]
    )
    return lowered


def scheduled(request: Mapping[str, Any]) -> tuple[Lowered, hl.Pipeline]:
    """Lower and schedule what a request describes."""
    import halide as hl

    schedule = Schedule.from_json(request["schedule"])
    lowered = lower(request, schedule)
    if schedule.stages not in (None, lowered.stages.digest()):
        raise ScheduleError("the schedule was made for other stages than this program is lowered to")
    apply(lowered.ops if schedule.ops is None else schedule.ops, lowered.stages)
    return lowered, hl.Pipeline(lowered.outputs)


def compile_request(request: Mapping[str, Any]) -> cache.Entry:
    """Compile a request to objects, or write the forms of it that ``request["show"]`` asks for."""
    if request["kind"] == "runtime":
        return _compile_runtime(request)
    if request["kind"] == "dispatch":
        return _compile_dispatch(request)
    if request["kind"] == "schedule":
        from schedules.automatic.plugins import search

        choices = Schedule.from_json(request["schedule"])
        return search(functools.partial(lower, request, choices), choices, request)
    import halide as hl

    lowered, pipeline = scheduled(request)
    name = request["name"]
    show = request.get("show")
    if show == "schedule":
        return _show_schedule(lowered, Schedule.from_json(request["schedule"]))
    with cache.scratch() as folder:
        kinds = {
            "stmt": hl.OutputFileType.conceptual_stmt,
            "halide": hl.OutputFileType.conceptual_stmt,
            "assembly": hl.OutputFileType.assembly,
            "device": hl.OutputFileType.device_code,
            None: hl.OutputFileType.object,
        }
        path = folder / "out"
        target = hl.Target(targets.for_halide(request["target"]) + "-no_runtime-user_context-no_bounds_query")
        pipeline.compile_to({kinds[show]: str(path)}, lowered.arguments, f"{name}_pipeline", target)
        data = path.read_bytes()
    if show:
        return cache.Entry({"text": data.decode("utf-8", "replace")}, ())
    own = [emit(text, request["target"], all_features=True) for text in lowered.externs.values()]
    if request["kind"] in _ENTRIES:
        device = targets.device(request["target"]) is not None
        own = [emit(_ENTRIES[request["kind"]](name, lowered.signature, device=device), request["target"]), *own]
    meta = {"signature": lowered.signature.to_json(), "name": name, "notes": dict(lowered.notes)}
    meta["tunables"] = {each: tunable.to_json() for each, tunable in lowered.tunables.items()}
    return cache.Entry(meta, (data, *own))


#: What is written around pipelines, by the kind of request; around those of arrays nothing is.
_ENTRIES: dict[str, Any] = {"kernel": entry.call_ir, "batch": entry.batch_ir, "library": entry.library_ir}


def _compile_dispatch(request: Mapping[str, Any]) -> cache.Entry:
    """Compile the entry of a library that chooses from variants when it runs."""
    name, signature = request["name"], Signature.from_json(request["signature"])
    variants = [entry.Variant(own, target, _feature_words(target)) for own, target in request["variants"]]
    ir = entry.library_ir(name, signature, call=entry.dispatch_ir(name, signature, variants))
    return cache.Entry({"name": name}, (emit(ir, request["target"]),))


def _feature_words(target: str) -> list[int]:
    """Give a target's features as ``halide_can_use_target_features`` takes them."""
    import halide as hl

    resolved, last = hl.Target(targets.for_halide(target)), int(hl.TargetFeature.FeatureEnd)
    words = [0] * ((last + 63) // 64)
    for feature in hl.TargetFeature.__members__.values():
        bit = int(feature)
        if bit < last and resolved.has_feature(feature):
            words[bit // 64] |= 1 << (bit % 64)
    return [word - (1 << 64) if word >> 63 else word for word in words]


def _show_schedule(lowered: Lowered, schedule: Schedule) -> cache.Entry:
    """Give a schedule with the ops it stands for: the lowering's own, where it has none."""
    ops = lowered.ops if schedule.ops is None else schedule.ops
    whole = Schedule(schedule.choices, ops, lowered.stages.digest())
    notes = [f"{node}: {note}" for node, note in lowered.notes.items()]
    return cache.Entry({"text": "\n".join([*notes, *map(str, ops)]), "schedule": whole.to_json()}, ())


def _compile_runtime(request: Mapping[str, Any]) -> cache.Entry:
    import halide as hl

    with cache.scratch() as folder:
        path = folder / "runtime.o"
        hl.compile_standalone_runtime(str(path), hl.Target(request["target"]))
        runtime = path.read_bytes()
    names: tuple[str, ...] = ()
    if elf.is_elf(runtime):
        runtime, names = elf.expose_constructors(runtime)
        # One that is not called leaves its interface in a state that aborts the process.
        missing = [each for each in targets.features(request["target"]) if not any(each in name for name in names)]
        if missing:
            raise TargetError(f"the runtime for {request['target']} has no constructor for {', '.join(missing)}")
    shim = emit((Path(__file__).parent / "shim.ll").read_text(encoding="utf-8"), request["target"])
    return cache.Entry({"name": "runtime", "constructors": list(names)}, (runtime, shim))


_TRIPLES = {
    "x86-64-linux": ("x86_64-unknown-linux-gnu", "x86-64"),
    "arm-64-linux": ("aarch64-unknown-linux-gnu", "generic"),
    "x86-64-osx": ("x86_64-apple-macosx11.0.0", "x86-64"),
    "arm-64-osx": ("arm64-apple-macosx11.0.0", "generic"),
    "x86-64-windows": ("x86_64-pc-windows-msvc", "x86-64"),
}


def emit(ir: str, target: str, *, all_features: bool = False) -> bytes:
    """Compile LLVM IR to an object for a target's baseline CPU, or for all that the target has."""
    import llvmlite.binding as llvm

    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    base = "-".join(target.split("-")[:3])
    if base not in _TRIPLES:
        raise TargetError(f"no native code can be made for {base}; known: {', '.join(_TRIPLES)}")
    triple, cpu = _TRIPLES[base]
    module = llvm.parse_assembly(ir)
    module.triple = triple
    module.verify()
    backend = llvm.Target.from_triple(triple)
    features = targets.llvm_features(target) if all_features else ""
    machine = backend.create_target_machine(opt=2, reloc="pic", codemodel="small", cpu=cpu, features=features)
    return bytes(machine.emit_object(module))


def failure(error: Exception) -> cache.Entry:
    """Turn an exception into an entry: its text, and where that is not meant for people what a fix needs.

    Halide's errors, ours and those of a language have types of their own; a plain TypeError is nobody's
    message.
    """
    kind = type(error)
    reason = str(error).strip() or kind.__name__
    frames = traceback.extract_tb(error.__traceback__)
    if kind.__module__ == "builtins" and frames:
        reason = f"{kind.__name__}: {reason} ({frames[-1].filename}:{frames[-1].lineno})"
    return cache.Entry({"error": reason, "type": kind.__name__}, ())


def main() -> None:
    """Read a request, write the packed entry to standard output; what others print goes to standard error."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = json.load(sys.stdin)
    if targets.device(request["target"]):
        # What starts kernels is one long function, whose instructions LLVM would take minutes to put in order.
        os.environ.setdefault("HL_LLVM_ARGS", "-enable-misched=false")
    try:
        data = cache.pack(compile_request(request))
    except Exception as error:  # whatever it is, the caller must hear of it in one piece
        data = cache.pack(failure(error))
    output.write(data)
    output.close()


if __name__ == "__main__":
    main()

"""Writes the plain C entry of a compiled pipeline, as LLVM IR, and its C header.

Halide's own calling convention needs a ``halide_buffer_t`` for every image. The entry builds those on its
stack from pointers, strides and sizes, so that neither Python nor a C program has to know the
structure. Python calls ``NAME_call``, which takes a context it keeps (see shim.ll), or ``NAME_batch``, which makes many
such calls; a library exports ``NAME``, which makes a context for the call, and ``NAME_last_error``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schedules.native.signature import BORDERS, SIDES, TYPES, WORD, Image, Layout, Signature

_PREAMBLE = """\
%halide_type = type { i8, i8, i16 }
%halide_buffer = type { i64, ptr, ptr, i64, %halide_type, i32, ptr, ptr }
%halide_dimension = type { i32, i32, i32, i32 }
%context = type { i32, i32, i32, i32, i64, i64, [32 x ptr], [1024 x i8] }

declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @hf_error(ptr, ptr)
declare void @hf_release(ptr)
declare void @hf_install()
declare i32 @halide_copy_to_host(ptr, ptr)
declare i32 @halide_device_free(ptr, ptr)
"""
#: The flag of a buffer whose memory on the host is newer than that on a device.
_HOST_DIRTY = 1


def call_ir(name: str, signature: Signature, *, device: bool = False) -> str:
    """Write ``NAME_call(context, ...)``, which wraps its arguments and calls ``NAME_pipeline``.

    Of a device results are copied back, and what was taken of its memory is given back.
    """
    parameters = ", ".join(f"{llvm} %{p}" for _, llvm, p in signature.parameters())
    body: list[str] = []
    for image in signature.images:
        body += _image_buffer(image)
    for table in signature.tables:
        body += _buffer(table, f"%{table}", "float32", [(f"%{table}_length", "1")])
    for name_of_input in [*(i.name for i in signature.images if not i.output), *signature.tables] if device else []:
        body += [
            f"%{name_of_input}.flags = getelementptr %halide_buffer, ptr %{name_of_input}.buffer, i32 0, i32 3",
            f"store i64 {_HOST_DIRTY}, ptr %{name_of_input}.flags",
        ]
    inputs = [image.name for image in signature.images if not image.output]
    outputs = [image.name for image in signature.images if image.output]
    arguments = ["ptr %context", *(f"ptr %{n}.buffer" for n in [*inputs, *signature.tables])]
    arguments += [f"float %{scalar}" for scalar in signature.scalars]
    arguments += [
        "i32 %channels",
        "i32 %border",
        "float %border_value",
        *(f"ptr %{n}.buffer" for n in outputs),
    ]
    types = ", ".join(argument.split()[0] for argument in arguments)
    lines = "\n".join(f"  {line}" for line in body)
    return (
        f"{_PREAMBLE}\ndeclare i32 @{name}_pipeline({types})\n\n"
        f"define hidden i32 @{name}_call(ptr %context, {parameters}) {{\nentry:\n{lines}\n"
        f"  %status = call i32 @{name}_pipeline({', '.join(arguments)})\n"
        f"{_from_device([*inputs, *signature.tables], outputs) if device else '  ret i32 %status'}\n}}\n"
    )


def batch_ir(name: str, signature: Signature, *, device: bool = False) -> str:
    """Write ``NAME_batch(context, count, jobs)`` beside ``NAME_call``: calls it with each row of ``jobs``, in parallel.

    A row is the arguments of a call in order, each at the start of a word of 64 bits.
    """
    parameters = signature.parameters()
    reads = []
    for i, (_, llvm, _) in enumerate(parameters):
        reads += [
            f"  %at.{i} = getelementptr i64, ptr %row, i64 {i}",
            f"  %argument.{i} = load {llvm}, ptr %at.{i}, align {WORD}",
        ]
    passed = ", ".join(f"{llvm} %argument.{i}" for i, (_, llvm, _) in enumerate(parameters))
    text = "\n".join(reads)
    return f"""{call_ir(name, signature, device=device)}
declare i32 @halide_do_par_for(ptr, ptr, i32, i32, ptr)

define internal i32 @{name}_job(ptr %context, i32 %index, ptr %jobs) {{
  %wide = sext i32 %index to i64
  %start = mul i64 %wide, {len(parameters)}
  %row = getelementptr i64, ptr %jobs, i64 %start
{text}
  %status = call i32 @{name}_call(ptr %context, {passed})
  ret i32 %status
}}

define hidden i32 @{name}_batch(ptr %context, i32 %count, ptr %jobs) {{
  %status = call i32 @halide_do_par_for(ptr %context, ptr @{name}_job, i32 0, i32 %count, ptr %jobs)
  ret i32 %status
}}
"""


def _from_device(inputs: list[str], outputs: list[str]) -> str:
    """Write what follows a pipeline that ran on a device; the first error counts."""
    lines = ["  %failed = icmp ne i32 %status, 0", "  br i1 %failed, label %done, label %copy", "copy:"]
    copied = []
    for name in outputs:
        lines.append(f"  %{name}.copied = call i32 @halide_copy_to_host(ptr %context, ptr %{name}.buffer)")
        copied.append(f"%{name}.copied")
    lines.append(f"  %copies.0 = or i32 {copied[0]}, 0")
    for i, each in enumerate(copied[1:], 1):
        lines.append(f"  %copies.{i} = or i32 %copies.{i - 1}, {each}")
    lines += ["  br label %done", "done:"]
    lines.append(f"  %result.status = phi i32 [ %status, %entry ], [ %copies.{len(copied) - 1}, %copy ]")
    for name in [*inputs, *outputs]:
        lines.append(f"  %{name}.freed = call i32 @halide_device_free(ptr %context, ptr %{name}.buffer)")
    return "\n".join([*lines, "  ret i32 %result.status"])


def _image_buffer(image: Image) -> list[str]:
    name, layout = image.name, image.layout
    lines = [f"%{name}.row = trunc i64 %{name}_stride to i32"]
    width, height = SIDES[image.grid]
    if layout.pitch == 0:
        lines.append(f"%{name}.elements = mul i32 %{width}, %channels")
        dims = [(f"%{name}.elements", "1"), (f"%{height}", f"%{name}.row")]
    else:
        dims = [(f"%{width}", str(layout.pitch)), (f"%{height}", f"%{name}.row")]
    if layout.planar:
        lines.append(f"%{name}.plane = trunc i64 %{name}_plane_stride to i32")
    if layout.channels:
        dims.append((str(layout.channels), f"%{name}.plane" if layout.planar else "1"))
    return lines + _buffer(name, f"%{name}", image.dtype, dims)


def _buffer(name: str, pointer: str, dtype: str, dims: list[tuple[str, str]]) -> list[str]:
    _, _, code, bits = TYPES[dtype]
    buffer = f"%{name}.buffer"
    lines = [
        f"{buffer} = alloca %halide_buffer, align 8",
        f"%{name}.dims = alloca [{len(dims)} x %halide_dimension], align 8",
        f"call void @llvm.memset.p0.i64(ptr {buffer}, i8 0, i64 56, i1 false)",
        f"%{name}.host = getelementptr %halide_buffer, ptr {buffer}, i32 0, i32 2",
        f"store ptr {pointer}, ptr %{name}.host",
        f"%{name}.type = getelementptr %halide_buffer, ptr {buffer}, i32 0, i32 4",
        f"store %halide_type {{ i8 {code}, i8 {bits}, i16 1 }}, ptr %{name}.type",
        f"%{name}.count = getelementptr %halide_buffer, ptr {buffer}, i32 0, i32 5",
        f"store i32 {len(dims)}, ptr %{name}.count",
        f"%{name}.dim = getelementptr %halide_buffer, ptr {buffer}, i32 0, i32 6",
        f"store ptr %{name}.dims, ptr %{name}.dim",
    ]
    for i, (extent, stride) in enumerate(dims):
        at = f"%{name}.dims.{i}"
        lines.append(f"{at} = getelementptr [{len(dims)} x %halide_dimension], ptr %{name}.dims, i32 0, i32 {i}")
        for field, value in enumerate(("0", extent, stride, "0")):
            lines.append(f"{at}.{field} = getelementptr %halide_dimension, ptr {at}, i32 0, i32 {field}")
            lines.append(f"store i32 {value}, ptr {at}.{field}")
    return lines


def dispatch_ir(name: str, signature: Signature, variants: Sequence[Variant]) -> str:
    """Write a ``NAME_call`` that calls the first variant whose features the CPU has; ``NAME_target`` tells which."""
    parameters = ", ".join(f"{llvm} %{p}" for _, llvm, p in signature.parameters())
    types = ", ".join(llvm for _, llvm, _ in signature.parameters())
    globals_, asks, calls = [], [], []
    for i, each in enumerate(variants):
        words = ", ".join(f"i64 {word}" for word in each.features)
        count = len(each.features)
        globals_ += [
            f"@{name}_features.{i} = internal constant [{count} x i64] [{words}]",
            f'@{name}_target.{i} = internal constant [{len(each.target) + 1} x i8] c"{each.target}\\00"',
            f"declare i32 @{each.name}_call(ptr, {types})",
        ]
        asks += [
            f"ask.{i}:",
            f"  %can.{i} = call i32 @halide_can_use_target_features(i32 {count}, ptr @{name}_features.{i})",
            f"  %yes.{i} = icmp ne i32 %can.{i}, 0",
            f"  br i1 %yes.{i}, label %found, label %ask.{i + 1}",
        ]
        calls += [
            f"use.{i}:",
            f"  %status.{i} = call i32 @{each.name}_call(ptr %context, {parameters})",
            f"  ret i32 %status.{i}",
        ]
    known = ", ".join(f"[ {i}, %ask.{i} ]" for i in range(len(variants)))
    names = ", ".join(f"ptr @{name}_target.{i}" for i in range(len(variants)))
    cases = " ".join(f"i32 {i}, label %use.{i}" for i in range(len(variants)))
    lines, last = "\n", len(variants)
    return f"""{_PREAMBLE}
declare i32 @halide_can_use_target_features(i32, ptr)
{lines.join(globals_)}
@{name}_targets = internal constant [{last} x ptr] [{names}]
@{name}_none = internal constant [{len(_NONE) + 1} x i8] c"{_NONE}\\00"

define internal i32 @{name}_choice() {{
  br label %ask.0
{lines.join(asks)}
ask.{last}:
  br label %found
found:
  %choice = phi i32 {known}, [ -1, %ask.{last} ]
  ret i32 %choice
}}

define ptr @{name}_target() {{
  %choice = call i32 @{name}_choice()
  %none = icmp slt i32 %choice, 0
  br i1 %none, label %nothing, label %something
something:
  %at = getelementptr [{last} x ptr], ptr @{name}_targets, i32 0, i32 %choice
  %found = load ptr, ptr %at
  ret ptr %found
nothing:
  ret ptr null
}}

define hidden i32 @{name}_call(ptr %context, {parameters}) {{
  %choice = call i32 @{name}_choice()
  switch i32 %choice, label %nothing [ {cases} ]
{lines.join(calls)}
nothing:
  call void @hf_error(ptr %context, ptr @{name}_none)
  ret i32 -1
}}
"""


#: What a library says on a CPU that lacks what each of its variants needs.
_NONE = "this CPU lacks features that every variant of the library uses"


@dataclass(frozen=True)
class Variant:
    """One of the variants that a library chooses from when it runs.

    Attributes
    ----------
    name : str
        That of its functions.
    target : str
        What it was compiled for.
    features : sequence of int
        The target's features as Halide's runtime takes them: words of 64 bits.
    """

    name: str
    target: str
    features: Sequence[int]


def library_ir(name: str, signature: Signature, *, device: bool = False, call: str | None = None) -> str:
    """Write what a library adds to ``NAME_call``: ``NAME``, ``NAME_last_error``, the runtime's set-up.

    ``call`` is IR that defines ``NAME_call`` otherwise than :func:`call_ir`.
    """
    parameters = signature.parameters()
    declared = ", ".join(f"{llvm} %{p}" for _, llvm, p in parameters)
    passed = ", ".join(f"{llvm} %{p}" for _, llvm, p in parameters)
    checks, texts = _checks(name, signature, device=device)
    return f"""{call_ir(name, signature, device=device) if call is None else call}
@{name}_text = internal thread_local global [1024 x i8] zeroinitializer
@llvm.global_ctors = appending global [1 x {{ i32, ptr, ptr }}] [
  {{ i32, ptr, ptr }} {{ i32 65535, ptr @hf_install, ptr null }}]
{texts}
define i32 @{name}({declared}, i32 %threads) {{
entry:
  %context = alloca %context, align 8
  call void @llvm.memset.p0.i64(ptr %context, i8 0, i64 1312, i1 false)
  %all = icmp sle i32 %threads, 0
  %limit = select i1 %all, i32 2147483647, i32 %threads
  store i32 %limit, ptr %context
  %stock = getelementptr %context, ptr %context, i32 0, i32 5
  store i64 1099511627776, ptr %stock              ; nothing is given back before the end of the call
  %text = getelementptr %context, ptr %context, i32 0, i32 7
  %text.out = call ptr @llvm.threadlocal.address.p0(ptr @{name}_text)
  store i8 0, ptr %text.out
  br label %check.0
{checks}
run:
  %status = call i32 @{name}_call(ptr %context, {passed})
  br label %end
end:
  %result = phi i32 [ %status, %run ], [ -1, %bad ]
  call void @llvm.memcpy.p0.p0.i64(ptr %text.out, ptr %text, i64 1024, i1 false)
  call void @hf_release(ptr %context)
  ret i32 %result
}}

define ptr @{name}_last_error() {{
  %text = call ptr @llvm.threadlocal.address.p0(ptr @{name}_text)
  ret ptr %text
}}

declare ptr @llvm.threadlocal.address.p0(ptr)
"""


def _checks(name: str, signature: Signature, *, device: bool) -> tuple[str, str]:
    """Write the checks of a library's entry: what a C caller can get wrong without Halide noticing."""
    conditions: list[tuple[str, str]] = []
    for _, llvm, parameter in signature.parameters():
        if llvm == "ptr":
            conditions.append((f"icmp eq ptr %{parameter}, null", f"{name}: {parameter} is NULL"))
        elif parameter in (*SIDES[0], "channels", *signature.small_sides):
            conditions.append((f"icmp slt i32 %{parameter}, 1", f"{name}: {parameter} must be at least 1"))
        elif device and parameter.endswith("stride"):
            message = f"{name}: {parameter} must not be negative on a device"
            conditions.append((f"icmp slt {llvm} %{parameter}, 0", message))
        elif parameter == "border":
            rules = ", ".join(f"{i} {rule}" for i, rule in enumerate(BORDERS))
            conditions.append((f"icmp ugt i32 %border, {len(BORDERS) - 1}", f"{name}: border must be one of {rules}"))
    blocks, texts, incoming = [], [], []
    for i, (condition, message) in enumerate(conditions):
        following = f"check.{i + 1}" if i + 1 < len(conditions) else "run"
        blocks.append(f"check.{i}:\n  %bad.{i} = {condition}\n  br i1 %bad.{i}, label %bad, label %{following}")
        texts.append(f'@{name}_message.{i} = internal constant [{len(message) + 1} x i8] c"{message}\\00"')
        incoming.append(f"[ @{name}_message.{i}, %check.{i} ]")
    blocks.append(
        f"bad:\n  %message = phi ptr {', '.join(incoming)}\n  call void @hf_error(ptr %context, ptr %message)"
    )
    blocks[-1] += "\n  br label %end"
    return "\n".join(blocks), "\n".join(texts)


def _channels(layout: Layout) -> str:
    """Say which channels a call filters."""
    if layout.pitch == 0:
        return "interleaved, any number"
    if layout.planar:
        return f"{layout.channels} are filtered, in planes of their own"
    if layout.channels:
        return f"{layout.channels} are filtered, side by side, pixels {layout.pitch} elements apart"
    return f"1, a call filters one; pixels are {layout.pitch} elements apart"


def header(name: str, signature: Signature, doc: str = "", *, several: bool = False) -> str:
    """Write the C header of a library; of one for several targets with the function that tells which it uses."""
    guard = f"{name.upper()}_H"
    told = "/* The target of the code that this CPU runs; NULL if it can run none. */"
    which = f"\n{told}\nconst char *{name}_target(void);\n"
    which = which if several else ""
    rules = ", ".join(f"{i} {rule}" for i, rule in enumerate(BORDERS))
    arguments = ",\n    ".join(f"{c}{p}" for c, _, p in [*signature.parameters(), ("int32_t ", "i32", "threads")])
    summary = (doc.strip().splitlines() or [name])[0].replace("*/", "")
    channels = _channels(signature.images[0].layout)
    small = [image.name for image in signature.images if image.grid]
    sizes = f" * {SIDES[1][0]}, {SIDES[1][1]}: the size of {', '.join(small)}.\n" if small else ""
    return f"""/* {summary}
 *
 * Returns 0, or an error code; {name}_last_error() then gives the text (per thread, empty after success).
 * Strides are in elements, from one row to the next, and may be negative. channels: {channels}.
{sizes} * border: {rules}. border_value: outside pixels under rule 4.
 * threads: most threads to use, 0 for all.  Outputs must not overlap inputs, nor one another.
 */
#ifndef {guard}
#define {guard}
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

int32_t {name}(
    {arguments});

const char *{name}_last_error(void);
{which}
#ifdef __cplusplus
}}
#endif
#endif
"""

"""Targets: which machine code is made for.

A target is Halide's own notation, ``arch-bits-os-feature-feature...``, with the features in alphabetical
order so that equal targets are equal strings. ``"host"`` is this machine, ``"host-opencl"`` this machine and
a device. The features of the CPU come from LLVM (through llvmlite, which is needed anyway to load code):
finding them out does not need Halide, whose import a warm process never pays.
"""

from __future__ import annotations

import functools
import platform
import sys
from dataclasses import dataclass

from schedules.errors import TargetError

ARCHITECTURES = ("x86", "arm", "riscv", "wasm")
SYSTEMS = ("linux", "osx", "windows", "android", "ios", "wasmrt")

#: Halide's feature name -> the LLVM features it adds to those of the features it implies.
_CPU_FEATURES: dict[str, tuple[str, ...]] = {
    "sse41": ("sse4.1", "ssse3", "sse3"),
    "avx": ("avx",),
    "f16c": ("f16c",),
    "fma": ("fma",),
    "avx2": ("avx2",),
    "avxvnni": ("avxvnni",),
    "avx512": ("avx512f", "avx512cd"),
    "avx512_skylake": ("avx512vl", "avx512dq", "avx512bw"),
    "avx512_cannonlake": ("avx512ifma", "avx512vbmi"),
    "avx512_zen4": ("avx512vnni", "avx512bf16", "avx512vpopcntdq", "avx512vbmi2", "avx512bitalg"),
    "avx512_zen5": ("avx512vp2intersect",),
    "avx512_sapphirerapids": ("amx-tile", "amx-int8", "amx-bf16"),
    "arm_dot_prod": ("dotprod",),
    "arm_fp16": ("fullfp16",),
}
#: What Halide's code generator takes for granted with a feature; its code for avx2 uses fma.
_IMPLIED = {
    "avx": ("sse41",),
    "avx2": ("avx", "f16c", "fma"),
    "avx512": ("avx2",),
    "avx512_skylake": ("avx512",),
    "avx512_cannonlake": ("avx512_skylake",),
    "avx512_zen4": ("avx512_cannonlake",),
    "avx512_zen5": ("avx512_zen4", "avxvnni"),
    "avx512_sapphirerapids": ("avx512_zen4", "avxvnni"),
}
_OLDER_AMD = ("amdfam10", "bdver1", "bdver2", "bdver3", "bdver4", "btver1", "btver2")
#: Processors that LLVM has a scheduling model for; these features never change which instructions are legal.
_TUNE = {cpu: f"tune_{cpu}" for cpu in (*_OLDER_AMD, *(f"znver{n}" for n in range(1, 6)))}
#: Device features, and the ones that refine them.
_DEVICES = ("cuda", "opencl", "vulkan", "metal", "d3d12compute", "webgpu")
_DEVICE_FEATURES = {
    *_DEVICES,
    *(f"cuda_capability_{n}" for n in (30, 32, 35, 50, 61, 70, 75, 80, 86)),
    *("cl_doubles", "cl_half", "vk_int8", "vk_int16", "vk_v10", "vk_v12", "vk_v13"),
}
#: What the runtime of a process holds: which of them there is turns out when it is used.
_INTERFACES = {machine: ("cuda", "opencl") for machine in ("x86-64-linux", "arm-64-linux")}
#: Ours, not Halide's: the same pixels on every machine, so no code of our own for registers, whose tables differ.
REPRODUCIBLE = "reproducible"
_OTHER_FEATURES = {"strict_float", "large_buffers", "profile", REPRODUCIBLE}


def _llvm_needs(feature: str) -> set[str]:
    """Give the LLVM features a CPU must have to run code that uses one of Halide's."""
    return set(_CPU_FEATURES[feature]).union(*map(_llvm_needs, _IMPLIED.get(feature, ())))


def features_from_llvm(available: set[str]) -> set[str]:
    """Map the features LLVM reports for a CPU to Halide's names."""
    return {feature for feature in _CPU_FEATURES if _llvm_needs(feature) <= available}


def llvm_features(target: str) -> str:
    """Spell the CPU features of a resolved target as LLVM's code generator takes them."""
    needed = set().union(*(_llvm_needs(feature) for feature in features(target) if feature in _CPU_FEATURES))
    return ",".join(f"+{feature}" for feature in sorted(needed))


@dataclass(frozen=True)
class Registers:
    """Tables that the registers of a CPU hold, for look-ups by shuffles.

    Attributes
    ----------
    name : str
        The instruction set.
    width : int
        Bytes of a register.
    bytes : tuple of int
        Entries of byte tables.
    whole : bool
        Whether byte tables have an entry for every difference of bytes, or for each of several.
    weight : int
        The largest weight of bytes, with which sums of products stay exact.
    floats : tuple of int
        Entries of float32 tables.
    """

    name: str
    width: int
    bytes: tuple[int, ...]
    whole: bool
    weight: int
    floats: tuple[int, ...]


#: From the most able to the least: the features a target must have, and its tables.
_REGISTERS: tuple[tuple[frozenset[str], Registers], ...] = (
    (
        frozenset(("avx512_cannonlake", "avx512_zen4")),
        Registers("AVX-512 VBMI with VNNI", 64, (128, 256), True, 255, (16, 32)),
    ),
    (frozenset(("avx512_cannonlake",)), Registers("AVX-512 VBMI", 64, (128, 256), True, 127, (16, 32))),
    (frozenset(("avx512_skylake",)), Registers("AVX-512", 64, (16, 32), False, 127, (16, 32))),
    (frozenset(("avx2", "avxvnni")), Registers("AVX2 with VNNI", 32, (16, 32), False, 255, (8, 16))),
    (frozenset(("avx2",)), Registers("AVX2", 32, (16, 32), False, 127, (8, 16))),
    (frozenset(("arm_dot_prod",)), Registers("NEON", 16, (64,), False, 255, (16,))),
)


@functools.cache
def tables_in_registers(target: str) -> Registers | None:
    """Tell what tables the registers of a resolved target's CPU hold; None if it has no shuffles, or a device works.

    Nor where pixels are to be the same on every machine.
    """
    present = features(target)
    if device(target) or is_reproducible(target):
        return None
    return next((found for needs, found in _REGISTERS if needs <= present), None)


@functools.cache
def _host_cpu() -> tuple[str, frozenset[str]]:
    import llvmlite.binding as llvm

    available = {name for name, present in dict(llvm.get_host_cpu_features()).items() if present}
    return llvm.get_host_cpu_name(), frozenset(available)


@functools.cache
def host() -> str:
    """Give the full target string of this machine, without a device."""
    machine = platform.machine().lower()
    architectures = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm-64", "arm64": "arm-64"}
    systems = {"linux": "linux", "darwin": "osx", "win32": "windows"}
    if machine not in architectures or sys.platform not in systems:
        raise TargetError(f"no native code is made for {machine} on {sys.platform}")
    cpu, available = _host_cpu()
    base = architectures[machine]
    features = {f for f in features_from_llvm(set(available)) if f.startswith("arm") == base.startswith("arm")}
    if cpu in _TUNE:
        features.add(_TUNE[cpu])
    return "-".join([base, systems[sys.platform], *sorted(features)])


def resolve(target: str) -> str:
    """Spell out and check a target string.

    Parameters
    ----------
    target : str
        ``"host"``, ``"host-FEATURE..."`` or ``"ARCH-BITS-OS-FEATURE..."``.

    Returns
    -------
    str
        The canonical full string: what each feature implies added, in alphabetical order.

    Raises
    ------
    TargetError
        If a part of the string is not known.
    """
    if not isinstance(target, str):
        raise TypeError(f"target must be a string such as 'host', not {type(target).__name__}")
    return _resolve(target)


@functools.cache
def _resolve(target: str) -> str:
    parts = target.split("-")
    parts = host().split("-") + parts[1:] if parts[0] == "host" else parts
    arch, bits, system = [*parts, "", "", ""][:3]
    if arch not in ARCHITECTURES or bits not in ("32", "64") or system not in SYSTEMS:
        raise TargetError(
            f"target {target!r} is neither 'host', 'host-FEATURE' nor ARCH-BITS-OS-FEATURE "
            f"with ARCH one of {', '.join(ARCHITECTURES)} and OS one of {', '.join(SYSTEMS)}"
        )
    features = set(parts[3:])
    known = set(_CPU_FEATURES) | set(_TUNE.values()) | _DEVICE_FEATURES | _OTHER_FEATURES
    if unknown := sorted(features - known):
        raise TargetError(f"target {target!r}: unknown feature {unknown[0]!r}; known: {', '.join(sorted(known))}")
    family = {f: "arm" if f.startswith("arm") else "x86" for f in _CPU_FEATURES}
    if alien := sorted(f for f in features if family.get(f, arch) != arch):
        raise TargetError(f"target {target!r}: {arch} has no feature {alien[0]!r}")
    pending = list(features)
    while pending:
        implied = set(_IMPLIED.get(pending.pop(), ())) - features
        features |= implied
        pending += implied
    return "-".join([arch, bits, system, *sorted(features)])


def features(target: str) -> set[str]:
    """Give the features of a resolved target."""
    return set(target.split("-")[3:])


@functools.lru_cache(maxsize=256)
def is_reproducible(target: str) -> bool:
    """Tell whether a resolved target is to give the same pixels on every machine."""
    return REPRODUCIBLE in features(target)


def for_halide(target: str) -> str:
    """Give a resolved target without what Halide does not know."""
    return "-".join(part for part in target.split("-") if part != REPRODUCIBLE)


@functools.lru_cache(maxsize=256)
def device(target: str) -> str | None:
    """Give the device interface a resolved target uses, or None for a CPU target."""
    return next((f for f in _DEVICES if f in features(target)), None)


def interfaces(machine: str) -> tuple[str, ...]:
    """Give the device interfaces that a machine, ``"x86-64-linux"``, may have, in alphabetical order."""
    return _INTERFACES.get(machine, ())


#: Features that say how wide vectors are, the widest first.
_WIDTHS = ("avx512_skylake", "avx2", "avx", "sse41")


def family(target: str) -> str:
    """Give the target of which a schedule is good for a resolved one: as wide vectors, or the same device."""
    present, machine = features(target), target.split("-")[:3]
    width = next((each for each in _WIDTHS if each in present), None) if device(target) is None else None
    kept = {feature for feature in present if feature in _DEVICE_FEATURES}
    return resolve("-".join([*machine, *([width] if width else []), *sorted(kept)]))


def vector_lanes(target: str) -> int:
    """Give the number of float32 lanes of the widest registers of a resolved target."""
    present = features(target)
    if "avx512_skylake" in present:
        return 16
    return 8 if "avx" in present else 4


def check_runnable(target: str) -> None:
    """Raise TargetError unless code for this resolved target may run in this process.

    Nothing else stands between an object and an illegal instruction: neither Halide nor a loader checks.
    """
    mine = host()
    if target.split("-")[:3] != mine.split("-")[:3]:
        raise TargetError(f"target {target!r} is another machine than this one ({mine}): build it, do not run it")
    missing = {f for f in features(target) if f in _CPU_FEATURES} - features(mine)
    if missing:
        raise TargetError(f"this CPU lacks {', '.join(sorted(missing))}, which target {target!r} uses")


def usable() -> list[str]:
    """List the targets that can run here: the host, and the host with each device whose driver answers."""
    import ctypes.util

    drivers = {"opencl": "OpenCL", "cuda": "cuda", "vulkan": "vulkan"}
    present = [name for name, library in drivers.items() if ctypes.util.find_library(library)]
    return [host(), *(f"host-{name}" for name in present)]

"""Kernels of AArch64, run by an emulator of its processors: a C program for each, that reads and writes files."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from dsl import library
from schedules.native import compile as native
from schedules.native.signature import TYPES, Signature

EMULATOR, COMPILER = shutil.which("qemu-aarch64"), shutil.which("aarch64-linux-gnu-gcc")
_MAIN = """
#include <stdio.h>
#include <stdlib.h>
#include "k.h"

static void *bytes(const char *name, size_t count, const char *mode, void *data) {{
    void *memory = data ? data : malloc(count);
    FILE *file = fopen(name, mode);
    if (!file || (data ? fwrite(memory, 1, count, file) : fread(memory, 1, count, file)) != count) exit(2);
    fclose(file);
    return memory;
}}

int main(void) {{
{declared}
    int32_t status = k({passed}, 1);
    if (status) fputs(k_last_error(), stderr);
{written}
    return status != 0;
}}
"""


class Kernel:
    """Stands in for :class:`schedules.native.kernel.Kernel`."""

    notes = ()
    compiled = True

    def __init__(self, request: dict[str, Any], label: str) -> None:
        self.key, self.label = native.key_of(request), label
        program = request["program"]["program"]
        names = {
            "images": [f"in{i}" for i in range(len(program["images"]))],
            "tables": [f"table{i}" for i in range(program["tables"])],
            "scalars": [f"number{i}" for i in range(program["scalars"])],
            "outputs": [f"out{i}" for i in range(len(program["outputs"]))],
        }
        request = {**request, "kind": "library", "name": "k", "lowering": "dsl.library:lower"}
        request["program"] = {**request["program"], "names": names}
        _, made, _ = native.obtain(request, label, keep=False)
        self.signature = Signature.from_json(made.meta["signature"])
        self.objects = library._objects(
            "k", library._labelled("k", made.objects), request["target"], ("k", "k_last_error")
        )
        self.header = library.entry.header("k", self.signature)

    def __call__(self, threads: int, *arguments: Any) -> None:
        given = dict(zip((name for _, _, name in self.signature.parameters()), arguments, strict=True))
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for label, data in self.objects.items():
                (folder / label).write_bytes(data)
            (folder / "k.h").write_text(self.header)
            self._run(folder, given)

    def _run(self, folder: Path, given: dict[str, Any]) -> None:
        sizes = self._sizes(given)
        declared, written = [], []
        for name, count in sizes.items():
            (folder / name).write_bytes(ctypes.string_at(given[name], count))
            declared.append(f'    void *{name} = bytes("{name}", {count}, "rb", 0);')
            if name.startswith("out"):
                written.append(f'    bytes("{name}", {count}, "wb", {name});')
        passed = ", ".join(name if name in sizes else _literal(value) for name, value in given.items())
        text = _MAIN.format(declared="\n".join(declared), passed=passed, written="\n".join(written))
        (folder / "main.c").write_text(text)
        objects = [str(folder / label) for label in self.objects]
        command = [COMPILER, "-static", "-o", str(folder / "k"), str(folder / "main.c"), *objects]
        subprocess.run([*command, "-lm", "-lpthread", "-ldl"], check=True, capture_output=True)
        done = subprocess.run([EMULATOR, "./k"], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for name, count in sizes.items():
            if name.startswith("out"):
                ctypes.memmove(given[name], (folder / name).read_bytes(), count)

    def _sizes(self, given: dict[str, Any]) -> dict[str, int]:
        """Give the bytes of every array, from its first element to its last."""
        sizes = {}
        for image in self.signature.images:
            sides = ("small_width", "small_height") if image.grid else ("width", "height")
            width, height = (given[side] for side in sides)
            row = width * (image.layout.pitch or given["channels"])
            sizes[image.name] = TYPES[image.dtype][3] // 8 * (given[f"{image.name}_stride"] * (height - 1) + row)
        return {**sizes, **{table: 4 * given[f"{table}_length"] for table in self.signature.tables}}


def _literal(value: Any) -> str:
    if isinstance(value, float):
        return f"{value.hex()}f" if math.isfinite(value) else "(1.0f / 0.0f)"
    return str(value)

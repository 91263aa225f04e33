"""Stages keep to their memory: behind each large block lies a page that nobody may touch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

#: Takes the place of the C library's: only the runtime of kernels asks for aligned memory this way.
GUARDED = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/mman.h>

static char *ours[65536];
static int count;

void *aligned_alloc(size_t alignment, size_t size) {
    size_t page = 4096, whole = (size + page - 1) / page * page;
    char *memory = mmap(0, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + whole, page, PROT_NONE);
    return ours[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST)] = memory + (whole - size);
}

void free(void *memory) {
    static void (*plain)(void *);
    if (!plain) plain = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    for (int i = 0; i < count; i++)
        if (ours[i] == memory) return;
    plain(memory);
}
"""

CALLS = """
    import filters
    from schedules.pictures import picture

    color, gray = picture(260, 2000, 3, "uint8"), picture(260, 2000, 1, "uint8")
    filters.guided(color, color, radius=40, eps=100.0)  # tasks of some of the columns
    filters.guided(gray, color, radius=33, eps=100.0)
    filters.bilateral(color, sigma_space=3, sigma_range=30)
    filters.gaussian(color, 12.0)
    filters.local_lut_upsample(color, color[::4, ::4], color[::4, ::4])
    print("done")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("gcc") is None, reason="needs gcc on Linux")
def test_no_stage_writes_behind_its_memory(tmp_path):
    source, library = tmp_path / "guarded.c", tmp_path / "guarded.so"
    source.write_text(GUARDED)
    subprocess.run(["gcc", "-O1", "-shared", "-fPIC", source, "-o", library, "-ldl"], check=True)
    code = textwrap.dedent(CALLS)
    subprocess.run([sys.executable, "-c", code], check=True)  # compiles, if there is need, without the library
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "done\n")

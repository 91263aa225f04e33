"""Code is loaded into processes whose memory is in use, so that what is mapped next lies anywhere."""

import subprocess
import sys

import pytest

#: Before anything is linked, memory is filled up but for holes, each of another size and gigabytes away from the next.
CODE = """
import ctypes
import llvmlite.binding as llvm
import numpy as np
import filters

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
take = lambda size: libc.mmap(None, size, 0, 0x22 | 0x4000, -1, 0)
link = llvm.JITLibraryBuilder.link

def link_far_apart(self, *arguments):
    for power in range(24, 11, -1):
        for _ in range(50):
            take(1 << power)
    for i, area in enumerate([take(4 << 30) for _ in range(130)]):
        libc.munmap(area + (2 << 30), 4096 * (i + 1))
    return link(self, *arguments)

llvm.JITLibraryBuilder.link = link_far_apart
image = np.zeros((30, 100), np.uint8)
print(filters.gaussian(image, 2.0).shape, filters.bilateral(image, sigma_space=2, sigma_range=30).shape)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="maps memory as Linux does")
def test_sections_that_would_lie_far_apart():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(30, 100) (30, 100)\n"), done.stderr

import pytest

from schedules import TargetError, targets

AVX2 = "sse3 ssse3 sse4.1 avx avx2 fma f16c"
HAVE_AVX2 = {"sse41", "avx", "avx2", "fma", "f16c"}
HOST = "x86-64-linux-avx-avx2-f16c-fma-sse41"


@pytest.fixture
def modest_host(monkeypatch):
    monkeypatch.setattr(targets, "host", lambda: HOST)
    targets._resolve.cache_clear()
    yield
    targets._resolve.cache_clear()


def test_host_is_what_halide_detects():
    halide = pytest.importorskip("halide")
    detected = targets.resolve(str(halide.get_host_target()))  # what its features imply is spelt out
    assert set(targets.host().split("-")) == set(detected.split("-"))


def test_halide_reads_every_target_back():
    halide = pytest.importorskip("halide")
    others = sorted(targets._DEVICE_FEATURES | targets._OTHER_FEATURES | set(targets._TUNE.values()))
    for feature in [*targets._CPU_FEATURES, *others]:
        base = "arm-64-linux" if feature.startswith("arm") else "x86-64-linux"
        resolved = targets.for_halide(targets.resolve(f"{base}-{feature}"))
        assert halide.Target.validate_target_string(resolved), resolved
        assert set(resolved.split("-")) <= set(str(halide.Target(resolved)).split("-")), resolved


def test_families_have_the_width_of_vectors_or_the_device():
    assert targets.family(targets.resolve("x86-64-linux-avx512_zen4-tune_znver4")) == targets.resolve(
        "x86-64-linux-avx512_skylake"
    )
    assert targets.family(targets.resolve("x86-64-linux-avx2-opencl-reproducible")) == "x86-64-linux-opencl"
    assert targets.family("arm-64-linux") == "arm-64-linux"


def test_what_is_reproducible_has_no_tables_in_registers():
    assert targets.is_reproducible("x86-64-linux-reproducible") and not targets.is_reproducible("x86-64-linux")
    assert targets.tables_in_registers(targets.resolve("x86-64-linux-avx2-reproducible")) is None
    assert targets.for_halide("x86-64-linux-reproducible-strict_float") == "x86-64-linux-strict_float"


def test_lanes_are_halides():
    halide = pytest.importorskip("halide")
    for target in ("x86-64-linux", "x86-64-linux-avx2", "x86-64-linux-avx512_skylake", "arm-64-linux"):
        resolved = targets.resolve(target)
        expected = halide.Target(resolved).natural_vector_size(halide.Float(32))
        assert targets.vector_lanes(resolved) == expected, target


@pytest.mark.parametrize(
    ("llvm", "halide"),
    [
        ("", set()),
        ("sse3 ssse3", set()),
        ("sse3 ssse3 sse4.1", {"sse41"}),
        (AVX2, HAVE_AVX2),
        ("sse3 ssse3 sse4.1 avx avx2", {"sse41", "avx"}),
        ("avx512f avx512cd", set()),
        (f"{AVX2} avx512f", HAVE_AVX2),
        (f"{AVX2} avx512f avx512cd", HAVE_AVX2 | {"avx512"}),
        (f"{AVX2} avx512f avx512cd avx512vl avx512dq avx512bw", HAVE_AVX2 | {"avx512", "avx512_skylake"}),
        ("fullfp16 dotprod", {"arm_fp16", "arm_dot_prod"}),
    ],
)
def test_features_from_llvm(llvm, halide):
    assert targets.features_from_llvm(set(llvm.split())) == halide


def test_zen4_needs_all_of_cannonlake():
    zen4 = targets._llvm_needs("avx512_zen4")
    assert targets._llvm_needs("avx512_cannonlake") < zen4
    assert "avx512_zen4" not in targets.features_from_llvm(zen4 - {"avx512vbmi"})
    assert "avx512_zen4" in targets.features_from_llvm(zen4)


def test_resolve_is_canonical(modest_host):
    assert targets.resolve("host") == HOST
    assert targets.resolve("host-opencl") == "x86-64-linux-avx-avx2-f16c-fma-opencl-sse41"
    assert targets.resolve("x86-64-linux-fma-avx2") == targets.resolve("x86-64-linux-avx2-fma-avx")
    assert targets.resolve("x86-64-linux-avx2") == HOST
    assert targets.resolve("x86-64-linux-avx512") == "x86-64-linux-avx-avx2-avx512-f16c-fma-sse41"
    assert targets.resolve(targets.resolve("host")) == HOST


@pytest.mark.parametrize(
    "wrong", ["", "hosts", "x86", "x86-64", "x86-16-linux", "x86-64-beos", "host-", "HOST", "host-avx9"]
)
def test_resolve_refuses(wrong):
    with pytest.raises(TargetError, match="target '"):
        targets.resolve(wrong)


def test_resolve_says_what_is_wrong():
    with pytest.raises(TargetError, match="unknown feature 'avx9'; known: arm_dot_prod"):
        targets.resolve("host-avx9")
    with pytest.raises(TargetError, match="arm has no feature 'avx2'"):
        targets.resolve("arm-64-linux-avx2")
    with pytest.raises(TargetError, match="riscv has no feature 'fma'"):
        targets.resolve("riscv-64-linux-fma")
    for value in (None, ["host"]):
        with pytest.raises(TypeError, match="target must be a string such as 'host'"):
            targets.resolve(value)


@pytest.mark.parametrize("name", ["cuda", "opencl", "vulkan", "metal", "d3d12compute", "webgpu"])
def test_device(name):
    assert targets.device(targets.resolve(f"x86-64-linux-{name}")) == name
    assert targets.device("x86-64-linux") is None


def test_check_runnable(modest_host):
    targets.check_runnable(HOST)
    targets.check_runnable("x86-64-linux-sse41")
    targets.check_runnable("x86-64-linux-avx-sse41-strict_float-tune_znver4")
    with pytest.raises(TargetError, match="this CPU lacks avx512, avx512_skylake"):
        targets.check_runnable(targets.resolve("x86-64-linux-avx512_skylake"))
    for other in ("arm-64-linux", "x86-64-osx", "x86-32-linux"):
        with pytest.raises(TargetError, match="another machine"):
            targets.check_runnable(other)


def test_host_on_a_machine_nothing_is_made_for(monkeypatch):
    monkeypatch.setattr(targets.platform, "machine", lambda: "s390x")
    with pytest.raises(TargetError, match="no native code is made for s390x"):
        targets.host.__wrapped__()


def test_usable_lists_devices_with_a_driver(monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: name == "OpenCL")
    assert targets.usable() == [targets.host(), "host-opencl"]

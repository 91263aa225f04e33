"""The multilateral filter, exact and decomposed, against its float64 definitions."""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import data
import filters
from filters import guided, images, joint_bilateral, multilateral, reference
from filters._multilateral import planning
from schedules import targets

BORDERS = ("reflect101", "reflect", "replicate", "wrap", "constant")
BASES = ("joint_bilateral", "gaussian", "guided")
PEAKS = {"uint8": 255.0, "uint16": 65535.0, "float32": 255.0}
SPACE = {"sigma_space": 2.0, "radius": 3}
LEVELS = np.array([10.0, 60.0, 110.0, 160.0, 210.0])
#: Of float32 sums of up to some hundred products of values up to 255.
FLOATS = 5e-4


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A colour crop, uint8."""
    return np.ascontiguousarray(images.read(data.sample("coffee")).array[100:139, 200:251, :3])


@pytest.fixture(scope="module")
def planes(photo: np.ndarray) -> list[np.ndarray]:
    """Gray float32: an image and three guides."""
    found = (photo[..., 0], photo[::-1, :, 1], photo[:, ::-1, 2], photo[..., 1])
    return [floats(plane) for plane in found]


def floats(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image).astype(np.float32)


def notes(program: str) -> list[str]:
    """How the kernels of a program were lowered."""
    return [note for kernel in filters.compiled() if kernel.filter.startswith(program) for note in kernel.notes]


def psnr(image: np.ndarray, guides: list[np.ndarray], *, method: str = "decomposed", **options: Any) -> float:
    """Of a result, rounded or not, to the definition, rounded where the result is."""
    result = multilateral(image, guides, method=method, **options)
    assert result.shape == image.shape and result.dtype == image.dtype
    wanted = reference.multilateral(image, guides, **options)
    peak = PEAKS[str(image.dtype)]
    return reference.psnr(result, wanted if result.dtype == np.float32 else np.rint(np.clip(wanted, 0, peak)), peak)


def levels_for(base: str, guides: int, levels: np.ndarray = LEVELS) -> list[np.ndarray]:
    return [levels] * (guides - (base != "gaussian"))


# ------------------------------------------------------------------------------------------------------------- exact


@pytest.mark.parametrize("border", BORDERS)
def test_exact_at_every_border(planes: list[np.ndarray], border: str) -> None:
    image, *guides = planes
    rule = {"border": border, "border_value": 77.0, "method": "exact", **SPACE}
    for size in (np.s_[:, :], np.s_[:1, :1], np.s_[:2, :7], np.s_[:, 3:4]):
        cut = [np.ascontiguousarray(plane[size]) for plane in guides]
        for count in (1, 2, 3):
            options = {"sigma_range": (30.0, 25.0, 50.0)[:count], **rule}
            assert psnr(np.ascontiguousarray(image[size]), cut[:count], **options) > 120


@pytest.mark.parametrize(
    ("image_form", "forms"),
    [("uint8", ("uint8", "uint8")), ("uint16", ("uint8", "float32")), ("float32 x3", ("float32 x3", "float32")),
     ("uint8 x3", ("uint8 x3", "uint16")), ("uint8", ("float32 x2", "uint8"))],
)  # fmt: skip
def test_exact_of_every_kind(photo: np.ndarray, image_form: str, forms: tuple[str, str]) -> None:
    def made(form: str, turn: int) -> np.ndarray:
        dtype, *channels = form.split(" x")
        plane = (np.roll(photo, turn, axis=1).astype(np.float64) * (PEAKS[dtype] / 255)).astype(dtype)
        return plane[..., : int(channels[0])] if channels else plane[..., turn % 3]

    image, guides = made(image_form, 0), [made(form, 1 + i) for i, form in enumerate(forms)]
    sigmas = [sigma * PEAKS[str(guide.dtype)] / 255 for sigma, guide in zip((30.0, 45.0), guides, strict=True)]
    decibels = psnr(image, guides, method="exact", sigma_range=sigmas, **SPACE)
    is_bytes = all(each.dtype == np.uint8 for each in (image, *guides))
    # Where an entry is for several steps, weights err by up to 9 % instead of 2.
    unit = targets.tables_in_registers(targets.host())
    of_bytes = 62 if unit is None or unit.whole else 60
    assert decibels > (of_bytes if is_bytes else 90)
    if unit is not None:
        said = f"bytes, {len(guides)} guides" if is_bytes else "floats, 2 guides"
        words = {"x3": "color", "x2": "color"}
        kinds = [words.get(form.partition(" ")[2], "gray") for form in (image_form, *forms)]
        assert any(said in note for note in notes(f"{kinds[0]}_by_{'_'.join(kinds[1:])}"))


# -------------------------------------------------------------------------------------------------------- decomposed


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("base", BASES)
def test_decomposed_at_every_border(planes: list[np.ndarray], base: str, border: str) -> None:
    image, *guides = planes
    options = {"base": base, "border": border, "border_value": 77.0, **SPACE}
    for count in (2, 3):
        levels = levels_for(base, count)
        sigmas = (30.0, 40.0, 50.0)[:count]
        assert psnr(image, guides[:count], sigma_range=sigmas, guide_levels=levels, **options) > 135
    for size in (np.s_[:1, :1], np.s_[:2, :7], np.s_[:, 3:4]):
        cut = [np.ascontiguousarray(plane[size]) for plane in planes[:3]]
        levels = levels_for(base, 2)
        assert psnr(cut[0], cut[1:], sigma_range=(30.0, 40.0), guide_levels=levels, **options) > 130
    assert any("windows fused" in note for note in notes(f"{base}_gray")) == (base == "guided")
    assert any("level by level" in note for note in notes(f"{base}_gray")) == (base != "guided")


@pytest.mark.parametrize("base", BASES)
def test_decomposed_of_bytes_and_sixteen_bits(photo: np.ndarray, base: str) -> None:
    image, first, second = photo[..., 0], photo[..., 1], photo[..., 2].astype(np.uint16) * 257
    levels = [LEVELS, LEVELS * 257][0 if base == "gaussian" else 1 :]
    options = {"sigma_range": (30.0, 40.0 * 257), "guide_levels": levels, "base": base, **SPACE}
    assert psnr(image, [first, second], **options) > 85  # a few pixels near a half fall to the other side


@pytest.mark.parametrize("base", ["joint_bilateral", "guided"])
def test_decomposed_by_colours(photo: np.ndarray, base: str) -> None:
    """A colour beside a colour and two more channels: each of those is a coordinate."""
    image, first = floats(photo), floats(photo[::-1])
    few = np.array([20.0, 120.0, 220.0])
    options = {"sigma_range": (40.0, 60.0), "base": base, "guide_levels": [few], **SPACE}
    assert psnr(image, [first, floats(photo[:, ::-1, :2])[..., :1]], **options) > 130
    if base == "guided":
        assert psnr(image[..., :1], [first[..., :1], floats(photo)], **options) > 130


def test_large_discs_are_averaged_over_halved_images(planes: list[np.ndarray]) -> None:
    """As often as leaves 58 dB, where a call does not say more."""
    image, *guides = planes
    for border in ("reflect101", "constant"):
        options = {"sigma_space": 9.0, "sigma_range": (40.0, 50.0), "base": "gaussian", "border": border}
        assert psnr(image, guides[:2], guide_levels=[LEVELS] * 2, **options) > 58


def test_levels_by_number_and_by_value(planes: list[np.ndarray]) -> None:
    image, first, second, third = planes
    options = {"sigma_range": (30.0, 60.0, 80.0), "method": "decomposed", **SPACE}
    # Few levels are equal ones: three of them.
    wanted = multilateral(image, [first, second, third], guide_levels=3, **options)
    values = [np.linspace(each.min(), each.max(), 3) for each in (second, third)]
    assert np.array_equal(multilateral(image, [first, second, third], guide_levels=[3, 3], **options), wanted)
    assert np.array_equal(multilateral(image, [first, second, third], guide_levels=values, **options), wanted)
    assert np.array_equal(multilateral(image, [first, second, third], guide_levels=[3, values[1]], **options), wanted)


def test_levels_follow_a_histogram_of_two_peaks() -> None:
    """Where two ranges of values hold all pixels, levels between them would be wasted."""
    rng = np.random.default_rng(4)
    near = rng.random((60, 70)) < 0.5
    depth = floats(np.where(near, rng.normal(20, 6, near.shape), rng.normal(230, 6, near.shape)))
    image, first = (floats(rng.uniform(0, 255, near.shape)) for _ in range(2))
    options = {"sigma_range": (200.0, 15.0), **SPACE}
    exact = multilateral(image, [first, depth], method="exact", **options)
    equal = [np.linspace(depth.min(), depth.max(), 12)]
    found = [
        reference.psnr(
            multilateral(image, [first, depth], method="decomposed", guide_levels=each, **options), exact, 255
        )
        for each in (equal, 12)
    ]
    assert found[1] > found[0] + 4


# -------------------------------------------------------------------------------------------------------- identities


def test_an_infinite_sigma_leaves_the_base(photo: np.ndarray, planes: list[np.ndarray]) -> None:
    for image, first in ((planes[0], planes[1]), (floats(photo), floats(photo[::-1]))):
        for other in (planes[2], np.full(image.shape[:2], 9, np.float32)):
            sigma = math.inf if other is planes[2] else 5.0
            found = multilateral(image, [first, other], sigma_range=(30.0, sigma), base="guided", **SPACE)
            assert np.abs(found - guided(image, first, radius=3, eps=900.0)).max() < FLOATS
            wanted = joint_bilateral(image, first, sigma_range=30.0, norm="l2", method="exact", **SPACE)
            for method in ("exact", "decomposed"):
                found = multilateral(image, [first, other], sigma_range=(30.0, sigma), method=method, **SPACE)
                assert np.abs(found - wanted).max() < FLOATS


@pytest.mark.parametrize("base", BASES)
def test_one_guide(planes: list[np.ndarray], base: str) -> None:
    """Of one guide, bases that know it have nothing to decompose."""
    image, first = planes[:2]
    options = {"sigma_range": 30.0, "base": base, "method": "decomposed", **SPACE}
    if base == "gaussian":
        assert psnr(image, [first], guide_levels=[LEVELS], **options) > 135
        return
    found = multilateral(image, [first], **options)
    if base == "guided":
        wanted = guided(image, first, radius=3, eps=900.0)
    else:
        wanted = joint_bilateral(image, first, sigma_range=30.0, norm="l2", method="exact", **SPACE)
    assert np.abs(found - wanted).max() < FLOATS


def test_a_constant_stays(photo: np.ndarray, planes: list[np.ndarray]) -> None:
    for value in (0, 7, 200, 255):
        image = np.full(photo.shape[:2], value, np.uint8)
        for base in BASES:
            options = {"sigma_range": (30.0, 3.0), "base": base, **SPACE}
            assert (multilateral(image, [photo[..., 1], photo[..., 2]], method="decomposed", **options) == value).all()
        exact = multilateral(image, [photo[..., 1], photo[..., 2]], sigma_range=(30.0, 3.0), method="exact", **SPACE)
        assert (exact == value).all()


def test_the_order_of_guides(photo: np.ndarray, planes: list[np.ndarray]) -> None:
    """The exact form has no first guide; of the decomposed one the others may change places."""
    image, *guides = planes
    sigmas = [40.0, 60.0, 90.0]
    found = {}
    for method in ("exact", "decomposed"):
        for order in itertools.permutations(range(3)):
            given = [guides[k] for k in order], [sigmas[k] for k in order]
            found[method, order] = multilateral(image, given[0], sigma_range=given[1], method=method, **SPACE)
    for order in itertools.permutations(range(3)):
        assert np.abs(found["exact", order] - found["exact", (0, 1, 2)]).max() < FLOATS
    assert np.abs(found["decomposed", (0, 2, 1)] - found["decomposed", (0, 1, 2)]).max() < FLOATS
    given = [photo[..., k] for k in range(3)]
    bytes_found = [
        multilateral(photo[::-1, :, 1], [given[k] for k in order], sigma_range=[sigmas[k] for k in order],
                     method="exact", **SPACE).astype(int)
        for order in ((0, 1, 2), (2, 0, 1))
    ]  # fmt: skip
    assert np.abs(bytes_found[0] - bytes_found[1]).max() <= 1


def test_guides_are_channels(planes: list[np.ndarray]) -> None:
    """Weights by guides are those by one guide of all their channels, each over its sigma."""
    image, a, b, c = planes
    for guides, sigmas in (((a, b), (40.0, 70.0)), ((a, b, c), (40.0, 70.0, 50.0))):
        together = np.stack([g / np.float32(s) for g, s in zip(guides, sigmas, strict=True)], axis=-1)
        wanted = multilateral(image, list(guides), sigma_range=sigmas, method="exact", **SPACE)
        found = multilateral(image, [together], sigma_range=1.0, method="exact", **SPACE)
        assert np.abs(found - wanted).max() < FLOATS


# ---------------------------------------------------------------------------------------------------------- accuracy

PHOTOS = (
    "astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field", "moon",
    "page", "rocket",
)  # fmt: skip


@pytest.mark.parametrize("name", PHOTOS)
def test_accuracy_on_photographs(name: str) -> None:
    """Steps of levels of one sigma leave less than an error of 50 dB, steps of half of it less than one of 60."""
    photos = pytest.importorskip("skimage.data")
    whole = getattr(photos, name)()
    top, left = (size // 2 - 64 for size in whole.shape[:2])
    crop = whole[top : top + 128, left : left + 128]
    gray = floats(crop if crop.ndim == 2 else crop @ np.array([0.299, 0.587, 0.114]))
    other = floats(np.roll(gray, (1, 2), (0, 1)) if crop.ndim == 2 else crop[..., 2])
    noisy = gray + floats(np.random.default_rng(1).normal(0, 5, gray.shape))
    for sigma, image in ((15.0, gray), (30.0, noisy)):
        options = {"sigma_space": 3.0, "sigma_range": (sigma, sigma)}
        exact = multilateral(image, [gray, other], method="exact", **options)

        def found(exact: np.ndarray = exact, image: np.ndarray = image, options: Any = options, **given: Any) -> float:
            result = multilateral(image, [gray, other], method="decomposed", **options, **given)
            return reference.psnr(result, exact, 255)

        for step, decibels in ((sigma, 60), (sigma / 2, 72)):  # 50 and 60 are promised
            count = max(math.ceil(np.ptp(other) / step) + 1, 2)
            assert found(guide_levels=count) > decibels
            assert found(guide_levels=[np.linspace(other.min(), other.max(), count)]) > decibels
        for accuracy in (45.0, 55.0, 65.0):
            assert found(accuracy=accuracy) > accuracy - 3
            assert reference.psnr(multilateral(image, [gray, other], accuracy=accuracy, **options), exact, 255) > (
                accuracy - 3
            )


# ------------------------------------------------------------------------------------------------------------ memory

_MEASURE = """
import re, sys
import numpy as np
from filters import multilateral

def peak():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\\s*(\\d+)", file.read()).group(1))

rng = np.random.default_rng(0)
image, first, second = (rng.uniform(0, 255, (1024, 1024)).astype(np.float32) for _ in range(3))
out = np.zeros_like(image)
base, levels, threads = sys.argv[1], *map(int, sys.argv[2:])
options = dict(sigma_space=3.0, sigma_range=(30.0, 30.0), base=base, method="decomposed", threads=threads)
given = [np.linspace(0, 255, levels)] * (2 if base == "gaussian" else 1)
small = [np.ascontiguousarray(each[:32, :32]) for each in (image, first, second)]
multilateral(small[0], small[1:], guide_levels=given, **options)
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before = peak()
multilateral(image, [first, second], guide_levels=given, out=out, **options)
print((peak() - before) / 4096)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("base", BASES)
def test_memory_does_not_grow_with_levels(planes: list[np.ndarray], base: str) -> None:
    """In float32 images of the size of the one that is filtered."""
    levels = levels_for(base, 2)
    multilateral(
        planes[0], planes[1:3], sigma_range=30.0, base=base, method="decomposed", guide_levels=levels, **SPACE
    )  # compiled here, where it takes memory
    few, many = (4, 32) if base != "gaussian" else (2, 6)
    # What else a process allocates only adds. The peak of two threads depends on which is late: it has a bound alone.
    least = [min(_peak(base, count, threads=1) for _ in range(3)) for count in (few, many)]
    assert least[1] < least[0] + 0.25
    assert _peak(base, many, threads=2) < 6


def _peak(base: str, levels: int, threads: int) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, base, str(levels), str(threads)], capture_output=True, text=True, check=False
    )
    if "clear_refs" in done.stderr:
        pytest.skip("the peak cannot be reset here")
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


# -------------------------------------------------------------------------------------------------- as every filter


def test_threads_batches_and_out(photo: np.ndarray, planes: list[np.ndarray]) -> None:
    for base, method in (*((base, "decomposed") for base in BASES), ("joint_bilateral", "exact")):
        options = {"sigma_range": (30.0, 40.0), "base": base, "method": method, **SPACE}
        image, *guides = (np.tile(plane, (4, 2)) for plane in planes[:3])
        result = multilateral(image, guides, threads=1, **options)
        assert np.array_equal(result, multilateral(image, guides, threads=2, **options))
        out = np.empty_like(image)
        assert multilateral(image, guides, out=out, **options) is out
        assert np.array_equal(out, result)
        batch = [np.stack([each, 0.7 * each[::-1] + 9])[..., None] for each in (image, *guides)]
        for i in range(2):
            alone = multilateral(batch[0][i], [each[i] for each in batch[1:]], **options)
            assert np.array_equal(multilateral(batch[0], batch[1:], **options)[i], alone)
        empty = [each[:0] for each in batch]
        assert multilateral(empty[0], empty[1:], **options).shape == (0, *image.shape, 1)


def test_auto_takes_what_is_faster(photo: np.ndarray, planes: list[np.ndarray]) -> None:
    """A few taps by definition; at a few levels of a large disc by the decomposition."""
    image, *guides = planes
    few = {"sigma_range": (30.0, 40.0), "sigma_space": 1.0, "base": "gaussian"}
    wide = {**few, "sigma_space": 9.0, "guide_levels": 2}
    for options, method in ((few, "exact"), (wide, "decomposed")):
        found = multilateral(image, guides[:2], **options)
        assert np.array_equal(found, multilateral(image, guides[:2], method=method, **options))


def test_what_is_not_finite(planes: list[np.ndarray]) -> None:
    """The exact form keeps it local; there are no levels of it; in the image the decomposition keeps it local, too."""
    image, first, second = (plane.copy() for plane in planes[:3])
    spoilt = image.copy()
    spoilt[20, 25] = np.nan
    for method, base in (("exact", "joint_bilateral"), ("decomposed", "joint_bilateral")):
        found = multilateral(spoilt, [first, second], sigma_range=30.0, method=method, base=base, **SPACE)
        bad = np.argwhere(~np.isfinite(found))
        assert len(bad) and np.abs(bad - (20, 25)).max() <= 3
    second[3, 4] = np.inf
    out = np.full_like(image, 3)
    with pytest.raises(ValueError, match="decomposed holds NaN or infinity"):
        multilateral(image, [first, second], sigma_range=30.0, method="decomposed", out=out, **SPACE)
    assert (out == 3).all()


def test_an_image_of_a_batch_that_is_refused_leaves_out_alone(planes: list[np.ndarray]) -> None:
    image, first, second = (np.stack([plane, plane])[..., None] for plane in planes[:3])
    second[1, 3, 4] = np.nan
    out = np.full_like(image, 3)
    with pytest.raises(ValueError, match="decomposed holds NaN or infinity"):
        multilateral(image, [first, second], sigma_range=30.0, method="decomposed", out=out, **SPACE)
    assert (out == 3).all()


def test_pickles_and_source() -> None:
    assert pickle.loads(pickle.dumps(multilateral)) is multilateral
    assert "mean" in multilateral.source()
    from filters._multilateral import decomposed, exact

    for program in (exact.program(3, (1, 3)), decomposed.program("guided", 1, 3, 2)):
        assert pickle.loads(pickle.dumps(program)) is program


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"guides": []}, ValueError, "guides must be a sequence of one array or more"),
        ({"guides": np.zeros((39, 51), np.uint8)}, ValueError, r"guides must be a sequence .* not an array of shape"),
        ({"guides": [np.zeros((3, 4), np.uint8)]}, ValueError, r"guides\[0\] has shape \(3, 4\)"),
        ({"guides": [np.zeros((39, 51), np.uint8), np.zeros((39, 51))]}, TypeError, r"guides\[1\] has dtype float64"),
        ({"sigma_space": 0}, ValueError, "sigma_space must be"),
        ({"sigma_space": 1000, "radius": None}, ValueError, "radius of 1500"),
        ({"radius": 201}, ValueError, "radius must be from 0 to 200"),
        ({"sigma_range": 0}, ValueError, "sigma_range must be"),
        ({"sigma_range": (1.0, math.nan)}, ValueError, r"sigma_range\[1\] must be"),
        ({"sigma_range": (1.0, 2.0, 3.0)}, ValueError, "sigma_range must be one number, or one for each of 2"),
        ({"sigma_range": "ab"}, (TypeError, ValueError), "sigma_range must be"),
        ({"base": "box"}, ValueError, "base must be one of 'joint_bilateral', 'gaussian', 'guided'"),
        ({"base": "guided", "method": "exact"}, ValueError, "'guided' has no weights"),
        ({"base": "guided", "sigma_range": math.inf}, ValueError, r"sigma_range\[0\] must be finite"),
        ({"method": "fast"}, ValueError, "method must be one of"),
        ({"guide_levels": 1}, ValueError, "guide_levels must be from 2 to"),
        ({"guide_levels": 2.5}, ValueError, "guide_levels must be an int, or one entry for each of 1"),
        ({"guide_levels": [8, 8]}, ValueError, "guide_levels must be an int, or one entry for each of 1"),
        ({"guide_levels": "8"}, ValueError, "guide_levels must be an int"),
        ({"guide_levels": [[3.0, 2.0]]}, ValueError, r"guide_levels\[0\] must be finite values in rising order"),
        ({"guide_levels": [[3.0, math.nan]]}, ValueError, r"guide_levels\[0\] must be finite values"),
        ({"guide_levels": [[]]}, ValueError, r"guide_levels\[0\] must be"),
        ({"guide_levels": [0.5]}, TypeError, r"guide_levels\[0\] must be an int"),
        ({"guide_levels": 4, "accuracy": 50}, ValueError, "both given"),
        ({"accuracy": 0}, ValueError, "accuracy must be"),
        ({"border": "edge"}, ValueError, "border must be"),
        ({"out": np.zeros((3, 4))}, ValueError, "out has shape"),
    ],
)
def test_bad_arguments_are_named(photo: np.ndarray, options: dict[str, Any], error: Any, message: str) -> None:
    good = {"guides": [photo[..., 1], photo[..., 2]], "sigma_range": 20.0, "method": "decomposed", **SPACE}
    with pytest.raises(error, match=message):
        multilateral(photo[..., 0], **{**good, **options})


def test_too_many_combinations_are_refused(photo: np.ndarray) -> None:
    side = round(planning.MOST_COMBINATIONS ** (1 / 3)) + 1
    with pytest.raises(ValueError, match=rf"{side**3} combinations; at most {planning.MOST_COMBINATIONS}"):
        multilateral(
            photo[..., 0], [photo[..., 1], photo], sigma_range=2.0, guide_levels=side, method="decomposed", **SPACE
        )


def test_out_may_not_be_an_input(photo: np.ndarray) -> None:
    given = [photo[..., k].copy() for k in range(3)]
    for out in given:
        before = out.copy()
        with pytest.raises(ValueError, match="overlaps an input"):
            multilateral(given[0], given[1:], sigma_range=20.0, out=out, **SPACE)
        assert np.array_equal(out, before)


def test_one_guide_alone_is_decomposed_into_cosines_where_that_costs_less(planes: list[np.ndarray]) -> None:
    image, guide, *_ = planes
    options = {"sigma_space": 9.0, "sigma_range": 40.0, "base": "gaussian"}
    found = multilateral(image, [guide], method="decomposed", **options)
    assert any("convolution" in note for note in notes("smooth_gray_by_gray"))
    wanted = reference.multilateral(image, [guide], **options)
    assert 10 * np.log10(255**2 / np.mean((found - wanted) ** 2)) > 55
    by_levels = multilateral(image, [guide], method="decomposed", guide_levels=8, **options)
    assert not np.array_equal(found, by_levels)

"""The multilateral filter, exact and decomposed: by loops, by identities, and the one against the other."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

import data
from filters import images
from filters.reference import border_index, disc, guided, joint_bilateral, multilateral, psnr

BORDERS = ["reflect101", "reflect", "replicate", "wrap", "constant"]
BASES = ["joint_bilateral", "gaussian", "guided"]
SPACE = {"sigma_space": 1.2, "radius": 2}


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0, 255, shape)


@pytest.fixture(scope="module")
def photo() -> Any:
    return images.read(data.sample("coffee")).array[100:148, 180:236, :3].astype(np.float64)


# ---------------------------------------------------------------------------------------------------------- by loops


def read(plane: Any, y: int, x: int, border: str, outside: float) -> float:
    row, column = (int(border_index(at, size, border)) for at, size in zip((y, x), plane.shape, strict=True))
    return outside if min(row, column) < 0 else float(plane[row, column])


def exact_by_loops(image: Any, guides: list[Any], sigmas: list[float], border: str, value: float) -> Any:
    """Gray image and guides, a radius of 2 and a sigma of 1.2 in space."""
    out = np.zeros_like(image)
    for y, x in np.ndindex(image.shape):
        total = weights = 0.0
        for j, i in itertools.product(range(-2, 3), repeat=2):
            if j * j + i * i > 4:
                continue
            exponent = (j * j + i * i) / (2 * 1.2**2)
            for guide, sigma in zip(guides, sigmas, strict=True):
                exponent += (read(guide, y + j, x + i, border, value) - guide[y, x]) ** 2 / (2 * sigma**2)
            total += math.exp(-exponent) * read(image, y + j, x + i, border, value)
            weights += math.exp(-exponent)
        out[y, x] = total / weights
    return out


def decomposed_by_loops(
    image: Any, first: Any | None, guide: Any, sigmas: list[float], levels: list[float], border: str, value: float
) -> Any:
    """One decomposed guide, and one or none that the base knows."""
    out = np.zeros_like(image)
    for y, x in np.ndindex(image.shape):
        components = []
        for level in levels:
            total = masses = weights = 0.0
            for j, i in itertools.product(range(-2, 3), repeat=2):
                if j * j + i * i > 4:
                    continue
                weight = math.exp(-(j * j + i * i) / (2 * 1.2**2))
                if first is not None:
                    difference = read(first, y + j, x + i, border, value) - first[y, x]
                    weight *= math.exp(-(difference**2) / (2 * sigmas[0] ** 2))
                near = read(guide, y + j, x + i, border, value) - level
                mass = weight * math.exp(-(near**2) / (2 * sigmas[1] ** 2))
                total += mass * read(image, y + j, x + i, border, value)
                masses += mass
                weights += weight
            rest = total / weights - image[y, x] * masses / weights
            components.append(image[y, x] + rest / max(masses / weights, 1e-4))
        at = min(max(guide[y, x], levels[0]), levels[-1])
        below = max(k for k in range(len(levels) - 1) if levels[k] <= at)
        share = (at - levels[below]) / (levels[below + 1] - levels[below])
        out[y, x] = (1 - share) * components[below] + share * components[below + 1]
    return out


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_exact_by_loops(border: str, number: int) -> None:
    image, *guides = (noise(5, 5, seed=seed) for seed in range(number + 1))
    sigmas = [60.0, 90.0, 120.0][:number]
    out = multilateral(image, guides, sigma_range=sigmas, border=border, border_value=70, **SPACE)
    np.testing.assert_allclose(out, exact_by_loops(image, guides, sigmas, border, 70), rtol=1e-12)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("base", ["joint_bilateral", "gaussian"])
def test_decomposed_by_loops(border: str, base: str) -> None:
    """The levels are narrower than the guide, whose values beyond count as the outermost; some weights are tiny."""
    image, first, guide = (noise(5, 5, seed=seed) for seed in range(3))
    levels = [20.0, 100.0, 210.0]
    guides, sigmas = ([first, guide], [60.0, 25.0]) if base == "joint_bilateral" else ([guide], [25.0])
    options = {"base": base, "guide_levels": [levels], "border": border, "border_value": 70}
    out = multilateral(image, guides, sigma_range=sigmas, **options, **SPACE)
    known = first if base == "joint_bilateral" else None
    wanted = decomposed_by_loops(image, known, guide, [60.0, 25.0], levels, border, 70)
    np.testing.assert_allclose(out, wanted, rtol=1e-11)


@pytest.mark.parametrize("border", BORDERS)
def test_a_guided_base_by_its_filter(border: str) -> None:
    """The components of a guided base, by the public guided filter of images that are written out."""
    image, first, guide = noise(30, 28), noise(30, 28, 3, seed=1), noise(30, 28, seed=2)
    levels = np.array([0.0, 255.0])
    options = {"radius": 2, "border": border}
    components = []
    for level in levels:
        weight = np.exp(-((guide - level) ** 2) / (2 * 90.0**2))
        high, low = (guided(part, first, eps=40.0**2, **options) for part in (weight * image, weight))
        components.append(image + (high - image * low) / np.maximum(low, 1e-4))
    wanted = components[0] * (1 - guide / 255) + components[1] * guide / 255
    out = multilateral(
        image, [first, guide], sigma_space=1, sigma_range=(40, 90), base="guided", guide_levels=[levels], **options
    )
    inner = slice(None) if border != "constant" else slice(4, -4)
    np.testing.assert_allclose(out[inner, inner], wanted[inner, inner], rtol=1e-9)


# -------------------------------------------------------------------------------------------------------- identities


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("base", BASES)
def test_a_constant_stays(base: str, border: str, levels: int | None) -> None:
    if base == "guided" and levels is None:
        return
    for shape in ((1, 1), (1, 9), (8, 9)):
        guides = [noise(*shape), noise(*shape, 2, seed=1)]
        options = {"base": base, "guide_levels": levels, "border": border, "border_value": 42}
        out = multilateral(np.full((*shape, 2), 42.0), guides, sigma_range=(30, 3), **options, **SPACE)
        assert out.shape == (*shape, 2)
        np.testing.assert_allclose(out, 42, rtol=1e-12)


def base_alone(image: Any, guide: Any, base: str, border: str) -> Any:
    rule = {"border": border, "border_value": 20.0}
    if base == "guided":
        return guided(image, guide, radius=2, eps=30.0**2, **rule)
    return joint_bilateral(image, guide, sigma_range=30.0, norm="l2", **rule, **SPACE)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("base", BASES)
def test_one_guide(base: str, border: str) -> None:
    """Of one guide alone the base filter is left: the exact form, whatever the levels."""
    image, guide = noise(9, 10, 2), noise(9, 10, 3, seed=1)
    wanted = base_alone(image, guide, base, border)
    for levels in (None, 2, []):
        if (base == "guided" and levels is None) or (base == "gaussian" and levels is not None):
            continue
        options = {"base": base, "guide_levels": levels, "border": border, "border_value": 20}
        out = multilateral(image, [guide], sigma_range=30, **options, **SPACE)
        np.testing.assert_allclose(out, wanted, rtol=1e-10)


@pytest.mark.parametrize("base", ["joint_bilateral", "guided"])
@pytest.mark.parametrize("border", BORDERS)
def test_a_guide_that_does_not_count(base: str, border: str) -> None:
    image, guide, other = noise(9, 10), noise(9, 10, 3, seed=1), noise(9, 10, 2, seed=2)
    wanted = base_alone(image, guide, base, border)
    options = {"base": base, "border": border, "border_value": 20.0}
    for levels in (None, 3):
        if base == "guided" and levels is None:
            continue
        infinite = multilateral(
            image, [guide, other], sigma_range=(30, math.inf), guide_levels=levels, **options, **SPACE
        )
        np.testing.assert_allclose(infinite, wanted, rtol=1e-10)
        constant = multilateral(
            image, [guide, np.full((9, 10), 20)], sigma_range=(30, 7), guide_levels=levels, **options, **SPACE
        )
        np.testing.assert_allclose(constant, wanted, rtol=1e-10)


def test_a_gaussian_base_with_no_guide_that_counts() -> None:
    image = noise(9, 10)
    kernel = disc(2, 1.2)
    padded = np.pad(image, 2, mode="reflect")
    wanted = sum(k * padded[j : j + 9, i : i + 10] for (j, i), k in np.ndenumerate(kernel)) / kernel.sum()
    for guide, sigma in ((noise(9, 10, seed=1), math.inf), (np.full((9, 10), 3), 5)):
        out = multilateral(image, [guide], sigma_range=sigma, base="gaussian", guide_levels=4, **SPACE)
        np.testing.assert_allclose(out, wanted, rtol=1e-12)


def test_the_order_of_guides() -> None:
    image, *guides = (noise(8, 9, 2, seed=seed) for seed in range(4))
    sigmas = [40.0, 60.0, 90.0]
    wanted = multilateral(image, guides, sigma_range=sigmas, **SPACE)
    for order in itertools.permutations(range(3)):
        out = multilateral(image, [guides[k] for k in order], sigma_range=[sigmas[k] for k in order], **SPACE)
        np.testing.assert_allclose(out, wanted, rtol=1e-12)


@pytest.mark.parametrize("levels", [None, 5])
def test_guides_are_channels(levels: int | None) -> None:
    """Gaussian weights of several guides are that of one, of all their channels, each over its sigma."""
    image, a, b = noise(8, 9), noise(8, 9, seed=1), noise(8, 9, seed=2)
    options = {"base": "gaussian", "guide_levels": levels}
    out = multilateral(image, [a, b], sigma_range=(40, 70), **options, **SPACE)
    together = multilateral(image, [np.stack([a / 40, b / 70], axis=-1)], sigma_range=1, **options, **SPACE)
    np.testing.assert_allclose(out, together, rtol=1e-10)


def test_units_of_each_guide() -> None:
    """A guide's sigma is in its own units; sixteen bits and bytes mix."""
    image, a, b = (np.rint(noise(8, 9, seed=seed)) for seed in range(3))
    wanted = multilateral(image, [a, b], sigma_range=(40, 70), guide_levels=4, **SPACE)
    scaled = [a.astype(np.uint8), (257 * b).astype(np.uint16)]
    out = multilateral(image.astype(np.float32), scaled, sigma_range=(40, 257 * 70), guide_levels=4, **SPACE)
    np.testing.assert_allclose(out, wanted, rtol=1e-10)


# -------------------------------------------------------------------------------------------------------- accuracy


@pytest.mark.parametrize("base", ["joint_bilateral", "gaussian"])
def test_more_levels_come_closer(photo: Any, base: str) -> None:
    """Linear interpolation: four times fewer errors, 12 dB, for twice as many levels."""
    image, first, guide = photo[..., 1], photo[..., 0], photo[..., 2]
    options = {"sigma_space": 2, "sigma_range": (30, 30), "base": base}
    exact = multilateral(image, [first, guide], **options)
    span = guide.max() - guide.min()
    steps = (2.0, 1.0, 0.5, 0.25) if base == "joint_bilateral" else (2.0, 1.0)
    found = []
    for step in steps:
        levels = math.ceil(span / (30 * step)) + 1
        found.append(psnr(multilateral(image, [first, guide], guide_levels=levels, **options), exact, 255))
    assert min(np.diff(found)) > 9, found
    assert found[1] > 60, found


def test_levels_given() -> None:
    image, first, guide = (noise(8, 9, seed=seed) for seed in range(3))
    options = {"sigma_range": (50, 60), **SPACE}
    wanted = multilateral(image, [first, guide], guide_levels=5, **options)
    given = np.linspace(guide.min(), guide.max(), 5)
    np.testing.assert_allclose(multilateral(image, [first, guide], guide_levels=[5], **options), wanted, rtol=1e-12)
    np.testing.assert_allclose(multilateral(image, [first, guide], guide_levels=[given], **options), wanted, rtol=1e-12)


def test_bad_arguments() -> None:
    image = noise(6, 7)
    good: dict[str, Any] = {"guides": [image, image], "sigma_space": 1, "sigma_range": 30}
    for bad, match in (
        ({"base": "box"}, "base must be"),
        ({"base": "guided"}, "no exact form"),
        ({"guides": []}, "at least one guide"),
        ({"guides": [image, image[1:]]}, "size"),
        ({"sigma_range": (1, 2, 3)}, "sigma_range"),
        ({"sigma_range": (1, 0)}, "sigma_range"),
        ({"sigma_range": (1, math.nan)}, "sigma_range"),
        ({"guide_levels": 0}, "guide_levels"),
        ({"guide_levels": 1}, "guide_levels"),
        ({"guide_levels": [2, 2]}, "guide_levels"),
        ({"guide_levels": [[3.0, 2.0]]}, "guide_levels"),
        ({"guide_levels": [[3.0, math.nan]]}, "guide_levels"),
        ({"border": "edge"}, "border"),
    ):
        with pytest.raises(ValueError, match=match):
            multilateral(image, **{**good, **bad})

"""The tables of docs/coming_from: both columns are run, and agree as well as the last one says."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import cv2
import imageio.v3 as iio
import numpy as np
import pytest
import scipy.ndimage as ndimage
import skimage.filters
import skimage.restoration
import skimage.transform

import data
import filters
from data import transforms as t
from filters.reference.metrics import psnr

PAGES = Path(__file__).parents[2] / "docs" / "coming_from"
ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (.*) \|$", re.MULTILINE)


def namespace() -> dict:
    photo = np.ascontiguousarray(iio.imread(data.sample("coffee"))[100:228, 100:260])
    gray8 = np.rint(photo @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    gray = gray8.astype(np.float32)
    kernel = np.random.default_rng(0).uniform(size=(5, 7)).astype(np.float32)
    return {
        "cv2": cv2,
        "ndimage": ndimage,
        "skimage": skimage,
        "np": np,
        "filters": filters,
        "t": t,
        "photo": photo,
        "image": photo.astype(np.float32),
        "gray": gray,
        "gray8": gray8,
        "unit": gray / np.float32(255),
        "kernel": kernel / kernel.sum(),
        "across": np.float32([1, 2, 4]) / 7,
        "down": np.float32([1, 4, 6, 4, 3]) / 18,
    }


NAMES = namespace()


def rows(page: str) -> list:
    found = ROW.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    return [pytest.param(*row, id=f"{page}-{i}") for i, row in enumerate(found)]


def check(theirs, ours, agreement: str, code: str) -> None:
    theirs, ours = np.asarray(theirs, np.float64), np.asarray(ours, np.float64)
    assert theirs.shape == ours.shape
    if agreement == "equal":
        np.testing.assert_array_equal(ours, theirs)
    elif not (ours == theirs).all():
        least = float(re.fullmatch(r"(\d+) dB", agreement)[1])
        assert psnr(ours, theirs, 1.0 if re.search(r"\bunit\b", code) else 255.0) >= least


@pytest.mark.parametrize(("theirs", "ours", "agreement"), rows("opencv") + rows("scikit_image"))
def test_both_columns_agree(theirs, ours, agreement):
    check(eval(theirs, dict(NAMES)), eval(ours, dict(NAMES)), agreement, ours)


def power_curve():
    page = (PAGES / "matlab.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1].split("out =")[0]
    names: dict = {}
    exec(code, names)
    return names["power"]


@pytest.mark.parametrize(("theirs", "ours", "differs"), rows("matlab"))
def test_calls_for_those_of_matlab_are_accepted(theirs, ours, differs):
    result = eval(ours, {**NAMES, "power": power_curve()})
    assert np.isfinite(result).all()


def test_the_power_curve_is_that_of_the_exact_filter():
    gray, curve = NAMES["gray"], power_curve()(0.5, beta=0.8)
    exact = filters.local_laplacian(gray, 40, beta=0.8, curve=curve, method="exact")
    assert psnr(filters.local_laplacian(gray, 40, beta=0.8, curve=curve, accuracy=45), exact, 255) > 42


def test_why_scikit_image_differs_from_the_definition():
    """Its spatial weights: a table of 14 x 14, read with a stride of 13."""
    unit, window = NAMES["unit"], 13
    places = np.arange(-window // 2, window // 2 + 1)
    table = np.exp(-0.5 * (np.hypot(*np.meshgrid(places, places, indexing="ij")) / 4) ** 2)
    misread = table.ravel()[: window * window].reshape(window, window)[::-1, ::-1]
    weights = np.exp(-0.5 * (np.linspace(0, 1, 4097) / 0.1) ** 2)
    ours = filters.variable_convolve(
        unit, unit, table=weights, table_range=1, spatial_kernel=misread, border="replicate", method="exact"
    )
    theirs = skimage.restoration.denoise_bilateral(unit, window, 0.1, 4, mode="edge")
    assert psnr(ours, theirs, 1.0) > 90


def torchvision_transforms():
    try:
        return importlib.import_module("torchvision.transforms.v2"), importlib.import_module("torch")
    except (ImportError, RuntimeError) as error:  # torchvision of another torch fails by the latter
        pytest.skip(f"torchvision cannot be imported: {error}")


@pytest.mark.parametrize(("theirs", "ours", "agreement"), rows("torchvision"))
def test_transforms_are_those_of_torchvision(theirs, ours, agreement):
    v2, torch = torchvision_transforms()
    photo = NAMES["photo"]

    def tv(step):
        result = v2.Compose([step])(torch.from_numpy(photo).permute(2, 0, 1)).numpy()
        return 255 * result if result.dtype == np.float32 else result

    def batch(step):
        result = next(iter(data.FilterLoader(data.ArraySource(photo[None]), [step], 1)))
        result = np.asarray(result[0] if isinstance(result, tuple) else result)[0]
        return 255 * result if result.dtype == np.float32 else result

    names = {"tv": tv, "ours": batch, "v2": v2, "t": t, "torch": torch}
    check(eval(theirs, names), eval(ours, names), agreement, ours)

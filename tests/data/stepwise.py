"""What a pipeline is to give: its transforms one after the other, in float64, as torchvision defines them.

The numbers that samples draw are those of the pipeline; what they mean is written down here once more.
"""

import numpy as np
from PIL import Image

import filters
from data import plan
from data.transforms.base import PEAKS

#: torchvision's weights of gray.
GRAY = np.array([0.2989, 0.587, 0.114])


def images(*sizes, channels=3, dtype="uint8", seed=0):
    """Make images of all values of a dtype; smooth, so that a misplaced pixel shows and one that is beside does not."""
    found = []
    for i, (height, width) in enumerate(sizes):
        rng = np.random.default_rng([seed, i])
        y, x = np.mgrid[:height, :width][..., None]
        waves = np.sin(x / rng.uniform(3, 9, channels) + y / rng.uniform(3, 9, channels) + rng.uniform(0, 6, channels))
        share = np.clip(0.5 + 0.4 * waves + rng.normal(0, 0.1, (height, width, channels)), 0, 1)
        image = (share * PEAKS[dtype]).astype(dtype)
        found.append(image[..., 0] if channels == 1 else image)
    return found


def expected(pipeline, image, index=0, seed=0, epoch=0):
    """Give the result for an image, (height, width, channels), in the units of the last dtype and not rounded."""
    drawn = pipeline.draw(np.array([index]), seed, epoch)[:, 0]
    where = plan.blocks(pipeline.steps)[1]
    dtype = image.dtype.name
    image = np.atleast_3d(image).astype(np.float64)
    for step in pipeline.steps:
        name = type(step.transform).__name__
        if step.gate is None or drawn[where[step.gate]][0] < step.probability:
            image = STEPS[name](step.transform, image, drawn[where[step.operation]], PEAKS[dtype])
        dtype = step.transform.dtype(dtype)
    return image


def results(pipeline, given, **options):
    """Give what a pipeline makes of a batch, and what it is to: both (samples, height, width, channels)."""
    found = pipeline(given, **options)
    options.pop("threads", None)
    indices = options.pop("indices", range(len(given)))
    wanted = [expected(pipeline, image, index, **options) for image, index in zip(given, indices, strict=True)]
    return (np.moveaxis(found, 1, -1) if pipeline.layout == "NCHW" else found), np.stack(wanted)


def between(limits, drawn):
    return limits[0] + (limits[1] - limits[0]) * drawn


def drawn_place(drawn, room):
    return int(drawn * (room + 1))


# What moves pixels


def resampled(image, size, kernel):
    if kernel == "nearest":  # torchvision's NEAREST_EXACT; Pillow's adds up steps, and misses pixels in doing so
        rows, columns = ((2 * np.arange(m) + 1) * n // (2 * m) for n, m in zip(image.shape, size, strict=False))
        return image[rows][:, columns]
    if kernel == "triangle":
        planes = [np.float32(image[..., c]) for c in range(image.shape[-1])]
        smooth = [Image.fromarray(plane).resize(size[::-1], Image.Resampling.BILINEAR) for plane in planes]
        return np.stack([np.asarray(plane, np.float64) for plane in smooth], -1)
    for axis in (0, 1):
        count = image.shape[axis]
        place = np.clip((np.arange(size[axis]) + 0.5) * count / size[axis] - 0.5, 0, count - 1)
        first = place.astype(int)
        share = (place - first).reshape((-1, 1, 1) if axis == 0 else (-1, 1))
        pixels = [image.take(np.minimum(first + i, count - 1), axis) for i in (0, 1)]
        image = (1 - share) * pixels[0] + share * pixels[1]
    return image


def resize(step, image, drawn, peak):
    height, width = image.shape[:2]
    if len(step.shape) == 2:
        return resampled(image, step.shape, step.interpolation)
    short, long = sorted((height, width))
    new_short, new_long = step.shape[0], int(step.shape[0] * long / short)
    if step.max_size is not None and new_long > step.max_size:
        new_short, new_long = max(int(step.max_size * new_short / new_long), 1), step.max_size
    return resampled(image, (new_short, new_long) if height <= width else (new_long, new_short), step.interpolation)


def center_crop(step, image, drawn, peak):
    top, left = (round((n - m) / 2) for n, m in zip(image.shape, step.shape, strict=False))
    return image[top : top + step.shape[0], left : left + step.shape[1]]


def random_crop(step, image, drawn, peak):
    top, left = (drawn_place(u, n - m) for u, n, m in zip(drawn, image.shape, step.shape, strict=False))
    return image[top : top + step.shape[0], left : left + step.shape[1]]


def random_resized_crop(step, image, drawn, peak):
    top, left, height, width = part(step, *image.shape[:2], drawn)
    return resampled(image[top : top + height, left : left + width], step.shape, step.interpolation)


def part(step, height, width, drawn):
    """Give top, left, height and width as torchvision's get_params does, from drawn numbers."""
    for i in range(10):
        area = height * width * between(step.scale, drawn[i])
        ratio = np.exp(between(np.log(step.ratio), drawn[10 + i]))
        tall, wide = round(np.sqrt(area / ratio)), round(np.sqrt(area * ratio))
        if 0 < wide <= width and 0 < tall <= height:
            return drawn_place(drawn[20], height - tall), drawn_place(drawn[21], width - wide), tall, wide
    tall, wide = height, width
    if width / height < min(step.ratio):
        tall = round(width / min(step.ratio))
    elif width / height > max(step.ratio):
        wide = round(height * max(step.ratio))
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def columns_swapped(step, image, drawn, peak):
    return image[:, ::-1] if drawn[0] < step.p else image


def rows_swapped(step, image, drawn, peak):
    return image[::-1] if drawn[0] < step.p else image


def affine(step, image, drawn, peak):
    """Read where the inverse of M = T C R S SHy SHx C^-1 says, in torchvision's words, at the centres of pixels."""
    height, width = image.shape[:2]
    turn = np.deg2rad(between(step.degrees, drawn[0]))
    right, down = (
        round(t * n * (2 * u - 1)) for t, n, u in zip(step.translate, (width, height), drawn[1:], strict=False)
    )
    size = between(step.scale, drawn[3])
    shear_x, shear_y = (np.tan(np.deg2rad(between(s, u))) for s, u in zip(step.shear, drawn[4:], strict=True))
    rotation = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    shears = np.array([[1, 0, 0], [-shear_y, 1, 0], [0, 0, 1]]) @ [[1, -shear_x, 0], [0, 1, 0], [0, 0, 1]]
    middle = moved(width / 2, height / 2)
    matrix = moved(right, down) @ middle @ rotation @ np.diag([size, size, 1]) @ shears @ np.linalg.inv(middle)
    y, x = np.mgrid[:height, :width] + 0.5
    column, row, _ = np.einsum("ij,jyx->iyx", np.linalg.inv(matrix), np.stack([x, y, np.ones_like(x)]))
    if step.interpolation == "nearest":
        return pixels(image, np.floor(row), np.floor(column), step.fill)
    row, column = row - 0.5, column - 0.5
    top, left = np.floor(row), np.floor(column)
    found = np.zeros_like(image)
    for i in (0, 1):
        for j in (0, 1):
            share = (1 - np.abs(row - top - i)) * (1 - np.abs(column - left - j))
            found += share[..., None] * pixels(image, top + i, left + j, step.fill)
    return found


def moved(right, down):
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])


def pixels(image, rows, columns, fill):
    height, width = image.shape[:2]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    at = np.clip(rows, 0, height - 1).astype(int), np.clip(columns, 0, width - 1).astype(int)
    return np.where(inside[..., None], image[at], fill)


# What computes them


def gray(image):
    return image if image.shape[-1] == 1 else (image * GRAY).sum(-1, keepdims=True)


def mixed(image, other, factor, peak):
    return np.clip(factor * image + (1 - factor) * other, 0, peak)


def hue_turned(image, turn, peak):
    """Turn as torchvision does: to hue, saturation and value, and back."""
    if image.shape[-1] == 1:
        return image
    r, g, b = np.moveaxis(image / peak, -1, 0)
    value, least = np.maximum(np.maximum(r, g), b), np.minimum(np.minimum(r, g), b)
    chroma = value - least
    saturation = chroma / np.where(chroma == 0, 1, value)
    safe = np.where(chroma == 0, 1, chroma)
    red, green, blue = ((value - channel) / safe for channel in (r, g, b))
    hue = np.where(value == r, blue - green, np.where(value == g, 2 + red - blue, 4 + green - red))
    sixths = (hue / 6 + turn) % 1 * 6
    i = np.floor(sixths).astype(int)
    f = sixths - i
    p, q, t = value * (1 - saturation), value * (1 - saturation * f), value * (1 - saturation * (1 - f))
    choices = [(value, t, p), (q, value, p), (p, value, t), (p, q, value), (t, p, value), (value, p, q)]
    return np.stack([np.choose(i % 6, [c[k] for c in choices]) for k in range(3)], -1) * peak


def jitter_order(step, drawn):
    """Give the changes that a step makes, in the order that is drawn."""
    neutral = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
    made = [name for name, limits in neutral.items() if getattr(step, name) != limits]
    return [made[i] for i in np.argsort(drawn[: len(made)])]


def color_jitter(step, image, drawn, peak):
    for name in jitter_order(step, drawn):
        amount = between(getattr(step, name), drawn[4 + ["brightness", "contrast", "saturation", "hue"].index(name)])
        if name == "hue":
            image = hue_turned(image, amount, peak)
        elif name != "saturation" or image.shape[-1] > 1:
            other = {"brightness": 0, "contrast": gray(image).mean(), "saturation": gray(image)}[name]
            image = mixed(image, other, amount, peak)
    return image


def grayscale(step, image, drawn, peak):
    return np.broadcast_to(gray(image), image.shape) if drawn[0] < step.p else image


def blurred(step, image, drawn, peak):
    sigma = between(step.sigma, drawn[0])
    width, height = step.shape or (2 * int(10 * sigma + 2) + 1,) * 2
    for axis, side in enumerate((height, width)):
        taps = np.arange(side) - side // 2
        weights = np.exp(-(taps**2) / (2 * sigma**2))
        padding = [(side // 2,) * 2 if i == axis else (0, 0) for i in range(3)]
        padded = np.pad(image, padding, mode="reflect")
        shifted = [padded.take(range(k, k + image.shape[axis]), axis) for k in range(side)]
        image = np.einsum("k,kyxc->yxc", weights / weights.sum(), shifted)
    return image


def unsharp(step, image, drawn, peak):
    sigma, amount = between(step.sigma, drawn[0]), between(step.amount, drawn[1])
    return np.clip(filters.unsharp(np.float32(image), sigma, amount), 0, peak)


def bilateral(step, image, drawn, peak):
    numbers = {"sigma_space": step.sigma_space, "sigma_range": between(step.sigma_range, drawn[0])}
    return filters.bilateral(np.float32(image), radius=step.radius, method="exact", **numbers)


def local_laplacian(step, image, drawn, peak):
    sigma, detail, beta = (
        between(getattr(step, n), u) for n, u in zip(("sigma", "detail", "beta"), drawn, strict=True)
    )
    options = {"beta": beta, "levels": step.levels, "terms": step.terms, "value_range": (0, peak)}
    return np.clip(filters.local_laplacian(np.float32(image), sigma, detail, **options), 0, peak)


def filtered(step, image, drawn, peak):
    """Call a filter: its ranges are of the names, in order, that numbers are drawn for."""
    ranges, rest = step._ranges, {**step._tables, **step._structural}
    numbers = {name: between(limits, u) for (name, limits), u in zip(ranges.items(), drawn, strict=True)}
    return step.filter(np.float32(image), **numbers, **rest)


def to_dtype(step, image, drawn, peak):
    return image * (PEAKS[step.name] / peak) if step.scale else image


def normalize(step, image, drawn, peak):
    return (image - np.array(step.mean)) / np.array(step.std)


STEPS = {
    "Bilateral": bilateral,
    "CenterCrop": center_crop,
    "ColorJitter": color_jitter,
    "Filter": filtered,
    "GaussianBlur": blurred,
    "LocalLaplacian": local_laplacian,
    "Normalize": normalize,
    "RandomAffine": affine,
    "RandomCrop": random_crop,
    "RandomGrayscale": grayscale,
    "RandomHorizontalFlip": columns_swapped,
    "RandomResizedCrop": random_resized_crop,
    "RandomVerticalFlip": rows_swapped,
    "Resize": resize,
    "ToDtype": to_dtype,
    "Unsharp": unsharp,
}

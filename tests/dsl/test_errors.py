"""Every mistake in a script is told in the script's terms: file, line, what came, what was expected."""

import math
import textwrap

import numpy as np
import pytest

import dsl

IMAGE = np.linspace(0, 255, 20 * 30, dtype=np.float32).reshape(20, 30)


def filters_of(text: str, file: str = "script.py") -> dict:
    names: dict = {"dsl": dsl, "np": np, "math": math}
    exec(compile(textwrap.dedent(text), file, "exec"), names)
    return names


#: Body of a filter f(src, sigma, curve, levels), line 3 of its script, and what must be said about it.
BODIES = {
    "a string": ("return src + 'x'", "an Image, a Scalar or a number is needed, 'x' (str) came"),
    "a list": ("return src * [1, 2]", "a number is needed, [1, 2] (list) came"),
    "an array": ("return src + np.ones((4, 4))", "a number is needed, ... (ndarray) came"),
    "a table as an operand": ("return src + curve", "add: an Image or a Scalar is needed, a Table came"),
    "a kernel as an operand": (
        "return src + dsl.gaussian(2)",
        "an Image or a Scalar is needed, a Kernel came",
    ),
    "Scalar for Image": (
        "return dsl.convolve(sigma, dsl.gaussian(2))",
        "convolve: an Image is needed, a Scalar (parameter sigma) came",
    ),
    "number for Image": ("return dsl.down(3)", "down: an Image is needed, 3 (int) came"),
    "stored as": ("return dsl.down(src, 'int8')", "down: stored must be 'float32' or 'float16', not 'int8'"),
    "Image for Scalar": (
        "return dsl.convolve(src, dsl.gaussian(src))",
        "gaussian: sigma must be one number for the whole image, an Image (parameter src) came",
    ),
    "computed Image for Scalar": (
        "return dsl.convolve(src, dsl.box(src + 1))",
        "box: radius must be one number for the whole image, an Image came",
    ),
    "negative sigma": ("return dsl.convolve(src, dsl.gaussian(-1))", "a number from 0 up, -1 (int) came"),
    "sigma not a number": ("return dsl.convolve(src, dsl.gaussian('2'))", "from 0 up, '2' (str) came"),
    "sigma nan": ("return dsl.convolve(src, dsl.gaussian(math.nan))", "from 0 up, nan (float) came"),
    "number for Kernel": (
        "return dsl.convolve(src, 3)",
        "a Kernel is needed, 3 (int) came; for numbers use dsl.kernel",
    ),
    "even kernel": (
        "return dsl.convolve(src, dsl.kernel([1, 2, 2, 1]))",
        "samples: a kernel needs an odd number of samples, 4 came",
    ),
    "kernel of two axes": (
        "return dsl.convolve(src, dsl.kernel(np.ones((3, 3))))",
        "an array of shape (3, 3) came",
    ),
    "kernel of words": (
        "return dsl.convolve(src, dsl.kernel(['a']))",
        "table: numbers are needed, ['a'] (list) came",
    ),
    "kernel without radius": ("return dsl.convolve(src, dsl.kernel(abs))", "a function needs radius="),
    "terms": (
        "return dsl.convolve(src, dsl.gaussian(2), terms=0)",
        "terms must be an int from 1 to 6, 0 (int) came",
    ),
    "Python if": ("return src if sigma > 1 else src + 1", "a Python `if`"),
    "Python and": (
        "return dsl.select(src > 1 and src < 5, src, 0)",
        "Use dsl.select(condition, a, b), and & | ~",
    ),
    "float()": ("return src * float(sigma)", "a traced Scalar where a Python number is needed"),
    "int()": ("return src * int(sigma)", "make the parameter an int"),
    "range()": ("return [src for _ in range(sigma)][0]", "a traced Scalar where a Python number is needed"),
    "math": ("return src * math.exp(sigma)", "use dsl.exp, dsl.sqrt and the like"),
    "fractional shift": (
        "return src[1.5, 0]",
        "a neighbour is image[dy, dx] with two ints, not image[(1.5, 0)]",
    ),
    "one index": ("return src[1]", "a neighbour is image[dy, dx] with two ints, not image[1]"),
    "iteration": ("return sum(src)", "a neighbour is image[dy, dx] with two ints"),
    "radius of a window": ("return dsl.window(src, sigma)", "a Scalar (parameter sigma) came: use convolve"),
    "reduction": ("return dsl.window(src, 1, 'mean')", "reduction must be 'sum', 'min' or 'max', not 'mean'"),
    "negative window": ("return dsl.window(src, -1)", "radius must not be negative, (-1, -1) came"),
    "levels": (
        "return dsl.collapse(dsl.laplacian_pyramid(src, sigma))",
        "levels must be an int from 0 to 24, a Scalar (parameter sigma) came; a parameter of",
    ),
    "fractional levels": ("return dsl.gaussian_pyramid(src, 1.5)[0]", "from 0 to 24, 1.5 (float) came"),
    "pyramid levels": (
        "return src + dsl.down(src)",
        "add: images of different sizes: an Image and an Image at pyramid level 1; dsl.up",
    ),
    "up": ("return dsl.up(src, src)", "up: must go up one level, from an Image to an Image is not one"),
    "empty pyramid": (
        "return dsl.collapse([])",
        "collapse: a list of images from laplacian_pyramid is needed",
    ),
    "channels": ("return src + dsl.stack(src, src) * dsl.stack(src, src, src)", "images of 2 and 3 channels"),
    "no channel": ("return src.channel(1)", "channel 1 of an Image: there is none"),
    "channel name": ("return src.channel('r')", "a channel is image.channel(i) with an int, 'r' (str) came"),
    "cast": (
        "return dsl.cast('int8', src)",
        "dtype must be 'uint8', 'uint16', 'int32' or 'float32', not 'int8'",
    ),
    "table entry": ("return src * curve[-1]", "an entry is table[i] with an int from 0 up, not table[-1]"),
    "lookup": ("return dsl.lookup([1, 2], src)", "lookup: a Table is needed, [1, 2] (list) came"),
    "table": ("return dsl.lookup(dsl.table([math.inf]), src)", "table: every number must be finite"),
    "dot": ("return dsl.dot([sigma], dsl.stack(src, src))", "dot: 1 weights for 2 channels"),
    "split": ("return dsl.split(src, 1)[0]", "split: from 1 to 0 channels, 1 came"),
    "harmonics": ("return dsl.harmonics(src, 40)[0]", "terms must be an int from 1 to 12, 40 (int) came"),
}


@pytest.mark.parametrize(("body", "said"), BODIES.values(), ids=BODIES)
def test_mistakes_in_a_body_are_told_with_their_line(body, said):
    script = f"""\
        @dsl.filter
        def f(src: dsl.Image, sigma: dsl.Scalar, curve: dsl.Table, levels: int = 3) -> dsl.Image:
            {body}
        """
    with pytest.raises(dsl.DSLError) as caught:
        filters_of(script)["f"](IMAGE, 2.0, [0, 1])
    assert (caught.value.filename, caught.value.lineno) == ("script.py", 3)
    assert str(caught.value).startswith("script.py:3: ")
    assert said in caught.value.message


#: The same for what is wrong with the filter as a whole: told at its first line.
WHOLE = {
    "no return": ("def f(src: dsl.Image): src + 1", "f returns nothing: it must return an Image"),
    "returns a number": ("def f(src: dsl.Image): return 1", "f must return an Image, 1 (int) came"),
    "returns a Scalar": (
        "def f(src: dsl.Image, sigma: dsl.Scalar = 1): return sigma",
        "f must return an Image, a Scalar (parameter sigma) came",
    ),
    "returns a coarse level": (
        "def f(src: dsl.Image): return dsl.down(src)",
        "an image of its input's size, an Image at",
    ),
    "wrong channels": (
        "def f(src: dsl.Color): return src.channel(0)",
        "f must return 3 channels like its first image, an Image with 1 channels came",
    ),
    "too many channels": (
        "def f(src: dsl.Image): return dsl.stack(src, src)",
        "an Image with 2 channels came",
    ),
    "unknown annotation": (
        "def f(src: 'dsl.Imag'): return src",
        "f: unknown annotation: module 'dsl' has no attribute",
    ),
    "unknown name": (
        "def f(src: 'Picture'): return src",
        "f: unknown annotation: name 'Picture' is not defined",
    ),
    "float": (
        "def f(src: dsl.Image, sigma: float): return src",
        "must be annotated dsl.Image, dsl.Color, dsl.Small, dsl.SmallColor, dsl.Scalar, dsl.Table, int, str or bool; "
        "not float",
    ),
    "no annotation": ("def f(src: dsl.Image, sigma): return src", "parameter sigma must be annotated"),
    "no image": ("def f(sigma: dsl.Scalar): return sigma", "f: at least one dsl.Image is needed"),
    "star": ("def f(*images: dsl.Image): return images[0]", "*args and **kwargs cannot be traced"),
    "taken": (
        "def f(src: dsl.Image, border: dsl.Scalar): return src",
        "every filter has an option border already",
    ),
}


@pytest.mark.parametrize(("definition", "said"), WHOLE.values(), ids=WHOLE)
def test_mistakes_in_a_definition_are_told_with_its_line(definition, said):
    with pytest.raises(dsl.DSLError) as caught:
        filters_of(f"\n\n@dsl.filter\n{definition}\n")["f"](np.stack([IMAGE] * 3, -1))
    assert str(caught.value).startswith("script.py:3: ")
    assert said in caught.value.message


def test_a_script_in_a_folder_that_is_called_like_ours_is_named():
    beside = dsl.errors._PACKAGE.rstrip("/") + "_scripts/mine.py"
    text = "@dsl.filter\ndef f(src: dsl.Image): return src + 'x'\n"
    with pytest.raises(dsl.DSLError) as caught:
        filters_of(text, beside)["f"].trace()
    assert (caught.value.filename, caught.value.lineno) == (beside, 2)


def test_an_exception_of_the_script_itself_is_left_alone():
    text = "@dsl.filter\ndef f(src: dsl.Image): return src + missing\n"
    with pytest.raises(NameError, match="missing"):
        filters_of(text)["f"].trace()


def test_an_image_to_the_power_of_an_image_is_no_python_if():
    @dsl.filter
    def f(src: dsl.Image) -> dsl.Image:
        return src**src + src**2

    assert "pow %0 %0" in f.source()


# --------------------------------------------------------------------------------------------------- run time


@dsl.filter
def scale(src: dsl.Image, factor: dsl.Scalar = 2.0, curve: dsl.Table = (0.0, 1.0), levels: int = 0) -> dsl.Image:
    for _ in range(levels):
        src = src + 1
    return factor * src + 0 * curve[0]


@dsl.filter
def blur(src: dsl.Image, sigma: dsl.Scalar) -> dsl.Image:
    return dsl.convolve(src, dsl.gaussian(sigma))


@dsl.filter
def colour(src: dsl.Color, guide: dsl.Image) -> dsl.Image:
    return src * guide


CALLS = {
    "border": (
        ValueError,
        lambda: scale(IMAGE, border="mirror"),
        "border must be one of reflect101, reflect, replicate, wrap, constant, not 'mirror'",
    ),
    "border kind": (ValueError, lambda: scale(IMAGE, border=3), "border must be one of reflect101"),
    "border value": (
        TypeError,
        lambda: scale(IMAGE, border_value="0"),
        "border_value must be a number, not str",
    ),
    "float64": (
        TypeError,
        lambda: scale(IMAGE.astype(float)),
        "src has dtype float64; uint8, uint16 and float32",
    ),
    "hint": (TypeError, lambda: scale(IMAGE.astype(int)), "convert it with .astype(np.float32)"),
    "bool": (TypeError, lambda: scale(IMAGE > 3), ".astype(np.uint8) * 255"),
    "objects": (TypeError, lambda: scale("photo.jpg"), "an array of numbers is needed"),
    "channels first": (ValueError, lambda: scale(np.zeros((3, 40, 50), "f4")), "np.moveaxis(image, 0, -1)"),
    "batch, channels first": (
        ValueError,
        lambda: scale(np.zeros((2, 3, 40, 50), "f4")),
        "np.moveaxis(image, 1, -1)",
    ),
    "gray stack": (ValueError, lambda: scale(np.zeros((9, 40, 50), "f4")), "is passed as image[..., None]"),
    "empty": (ValueError, lambda: scale(np.zeros((0, 5), "f4")), "no side may be zero"),
    "one axis": (
        ValueError,
        lambda: scale(np.zeros(5, "f4")),
        "(H, W), (H, W, C) and (N, H, W, C) are accepted",
    ),
    "option": (
        TypeError,
        lambda: scale(IMAGE, factr=2),
        "scale has no parameter 'factr'; it has src, factor, curve, levels, border, border_value, out",
    ),
    "too many": (TypeError, lambda: scale(IMAGE, 1, [1], 0, 5), "takes 4 arguments, 5 came"),
    "twice": (TypeError, lambda: scale(IMAGE, 1, factor=2), "factor is given twice"),
    "missing": (TypeError, lambda: blur(IMAGE), "blur: sigma is missing"),
    "scalar": (TypeError, lambda: scale(IMAGE, "2"), "factor must be a number, not str"),
    "none": (TypeError, lambda: scale(IMAGE, None), "factor must be a number, not NoneType"),
    "structural": (TypeError, lambda: scale(IMAGE, levels=1.0), "levels must be int, not float"),
    "structural name": (
        TypeError,
        lambda: scale.source(level=1),
        "no structural parameter 'level'; it has levels",
    ),
    "table": (
        ValueError,
        lambda: scale(IMAGE, curve=[[1]]),
        "curve must be one row of numbers, an array of shape (1, 1)",
    ),
    "empty table": (ValueError, lambda: scale(IMAGE, curve=[]), "curve must be one row of numbers"),
    "sizes": (
        ValueError,
        lambda: colour(np.zeros((4, 4, 3), "f4"), np.zeros((5, 4, 3), "f4")),
        "guide has shape (5, 4, 3), src (4, 4, 3); equal sizes are needed",
    ),
    "gray for colour": (ValueError, lambda: colour(IMAGE, IMAGE), "at least 3 channels are needed"),
    "map": (
        ValueError,
        lambda: scale(IMAGE, IMAGE[1:]),
        "factor is a map of shape (19, 30); the image has (20, 30)",
    ),
    "threads": (ValueError, lambda: scale(IMAGE, threads=0), "threads must be from 1 to"),
    "target": (ValueError, lambda: scale(IMAGE, target="host-warp"), "unknown feature 'warp'"),
    "schedule": (ValueError, lambda: scale(IMAGE, schedule="fast"), "schedule must be"),
}


@pytest.mark.parametrize(("kind", "call", "said"), CALLS.values(), ids=CALLS)
def test_mistakes_in_a_call_name_the_argument_and_what_is_accepted(kind, call, said):
    with pytest.raises(kind) as caught:
        call()
    assert said in str(caught.value)


def test_a_map_for_the_sigma_of_a_kernel_is_refused_by_name():
    with pytest.raises(dsl.DSLError) as caught:
        blur(IMAGE, np.ones_like(IMAGE))
    assert caught.value.filename == __file__
    assert "sigma must be one number for the whole image, an Image (parameter sigma) came" in caught.value.message


def _read_only():
    out = np.full_like(IMAGE, 7)
    out.flags.writeable = False
    return out


OUTS = {
    "shape": (ValueError, lambda: np.full((20, 31), 7, np.float32), "(20, 30) and float32 are needed"),
    "dtype": (
        ValueError,
        lambda: np.full((20, 30), 7, np.uint8),
        "dtype uint8; (20, 30) and float32 are needed",
    ),
    "read-only": (ValueError, _read_only, "out is read-only"),
    "list": (TypeError, lambda: [7], "out must be a numpy array, not list"),
}


@pytest.mark.parametrize(("kind", "make", "said"), OUTS.values(), ids=OUTS)
def test_a_wrong_out_is_refused_and_left_as_it_is(kind, make, said):
    out = make()
    with pytest.raises(kind) as caught:
        scale(IMAGE, out=out)
    assert said in str(caught.value)
    assert np.all(np.asarray(out) == 7)


@pytest.mark.parametrize("offset", [0, 1])
def test_an_out_that_overlaps_is_refused_and_left_as_it_is(offset):
    memory = np.arange(21 * 30, dtype=np.float32).reshape(21, 30)
    before = memory.copy()
    with pytest.raises(ValueError, match="out overlaps an input"):
        scale(memory[:20], out=memory[offset : 20 + offset])
    assert np.array_equal(memory, before)


@pytest.mark.parametrize("wrong", [{"border": "none"}, {"factor": "x"}, {"threads": 0}, {"levels": "1"}, {"curve": []}])
def test_a_refused_argument_leaves_out_as_it_is(wrong):
    out = np.full_like(IMAGE, 7)
    with pytest.raises((TypeError, ValueError)):
        scale(IMAGE, out=out, **wrong)
    assert np.all(out == 7)

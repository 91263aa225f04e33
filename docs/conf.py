"""How Sphinx makes the site: ``make docs``. Nothing is fetched, neither when it is built nor when it is read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]
os.environ.setdefault("MPLBACKEND", "agg")

project = "halide-filters"
author = "halide-filters contributors"
copyright = author
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "command_pages",
    "mathml",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build", "README.md", "timings", "gallery", "**/sg_execution_times.rst", "sg_execution_times.rst"]
templates_path = ["_templates"]
nitpicky = True

# Pages

myst_enable_extensions = ["colon_fence", "dollarmath"]
# Pages link to one another's headings as code hosts name them.
myst_heading_anchors = 3
# Blocks without a language are what programs print.
highlight_language = "text"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# Reference

autosummary_generate = True
# What names of types mean is said in the docstrings' sections; annotations would say it twice.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Torch brings gigabytes, of which the reference needs nothing.
autodoc_mock_imports = ["torch"]
numpydoc_show_class_members = False
python_display_short_literal_types = True

# Gallery

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"(__init__|drawing)\.py",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("filters",),
    "backreferences_dir": "reference/generated/backreferences",
    "reference_url": {"filters": None},
    "abort_on_example_error": True,
    "capture_repr": (),
    "download_all_examples": False,
    # Without the module that draws a notebook is of no use.
    "notebook_extensions": {},
    "show_signature": False,
    "remove_config_comments": True,
    "write_computation_times": False,
    "image_srcset": ["2x"],
    "thumbnail_size": (480, 300),
    "min_reported_time": 3600,
    "plot_gallery": "True",
}

# HTML

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False


def without_constructor(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, result: str | None
) -> tuple[str, str] | None:
    """Leave out how to make what users are given and do not make."""
    import dsl
    import filters
    from dsl.values import Value

    given = isinstance(obj, type) and issubclass(obj, (Value, dsl.Filter, filters.Filter))
    return ("", "") if given else None


def to_front_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links to the README, which code hosts show first, lead to the page that the site shows first."""
    source[0] = source[0].replace("](../README.md)", "](index.md)").replace("](../../README.md)", "](../index.md)")


def setup(app: Sphinx) -> None:
    """Connect the two."""
    app.connect("autodoc-process-signature", without_constructor)
    app.connect("source-read", to_front_page)

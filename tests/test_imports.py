"""Who may import whom: arrows point one way, and what is slow or optional is imported in few places."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "schedules": set(),
    "dsl": {"schedules"},
    "filters": {"dsl", "schedules"},
    "data": {"filters", "dsl", "schedules"},
    "compress": {"dsl", "schedules"},
    "bench": {"schedules", "dsl", "filters", "data", "compress"},
}
#: What may import more than the rest of its package, and those of the package that may import it, when they need it.
MORE = {"compress/experiments/": {"data"}}
FRONT = {"compress.experiments": "compress/commands.py"}
PACKAGES = [name for name in ALLOWED if (ROOT / name).is_dir()]
HALIDE = (
    "schedules/apply.py",
    "schedules/automatic/plugins.py",
    "schedules/native/worker.py",
    "dsl/lowering/",
    "compress/lowering/",
)
CV2 = ("bench/", "tests/")


def imported(file: Path) -> set[str]:
    """Give the top-level packages a file imports anywhere, also inside functions and for type checkers."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {str(a.value).split(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant)}
    return found


def sources(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def where(files: list[Path], module: str) -> list[str]:
    return [file.relative_to(ROOT).as_posix() for file in files if module in imported(file)]


@pytest.mark.parametrize("package", PACKAGES)
def test_arrows_point_one_way(package):
    others = set(ALLOWED) - ALLOWED[package] - {package} | {"tests"}
    wrong = {f.relative_to(ROOT).as_posix(): imported(f) & others for f in sources(package)}
    more = {file: more for file in wrong for folder, more in MORE.items() if file.startswith(folder)}
    assert not {file: names for file, names in wrong.items() if names - more.get(file, set())}


@pytest.mark.parametrize(("module", "place"), FRONT.items())
def test_what_imports_more_is_imported_in_one_place(module, place):
    inner = module.replace(".", "/") + "/"
    others = [file for file in sources(module.split(".")[0]) if not str(file.relative_to(ROOT)).startswith(inner)]
    assert [f.relative_to(ROOT).as_posix() for f in others if module in f.read_text(encoding="utf-8")] == [place]
    statement = f"import {place.removesuffix('.py').replace('/', '.')}"
    code = f"{statement}, sys; sys.exit(any(name in sys.modules for name in ('data', 'torch')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(("module", "places"), [("halide", HALIDE), ("cv2", CV2)])
def test_what_few_modules_import(module, places):
    files = sources(*PACKAGES, "tests", "docs")
    assert [f for f in where(files, module) if not f.startswith((*places, "tests/"))] == []


@pytest.mark.parametrize(
    "module", ["halide", "llvmlite", "cv2", "imageio", "nicegui", "typer", "rich", "torch", "scipy"]
)
def test_importing_the_filters_imports_nothing_slow(module):
    code = f"import filters, sys; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("statement", "shadow"), [("import filters", "dsl.py"), ("import data", "filters/__init__.py")]
)
def test_a_file_in_the_way_is_named(tmp_path, statement, shadow):
    file = tmp_path / shadow
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    package = statement.split()[1]
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r}); {statement}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(f"ImportError: the package {package} of halide-filters needs its own package")
    assert f"{file} is in the way" in said


def test_files_in_the_way_of_what_is_not_used_do_no_harm(tmp_path):
    (tmp_path / "data.py").write_text("")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; sys.path.append({str(ROOT)!r}); import filters"
    subprocess.run([sys.executable, "-c", code], check=True)

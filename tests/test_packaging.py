import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CLONE = Path(__file__).parents[1]
HOUSE = ("agent", "collectors", "config", "dashboards")

IMPORT_ALL = f"""
import importlib, pkgutil
for top in {HOUSE}:
    package = importlib.import_module(top)
    print(package.__file__)
    for module in pkgutil.walk_packages(package.__path__, f"{{top}}."):
        print(importlib.import_module(module.name).__file__)
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed and return what it said."""
    result = subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def source_files(tree: Path) -> set[str]:
    """Return every file of the four packages, relative to `tree`."""
    found = (it for top in HOUSE for it in (tree / top).rglob("*") if it.is_file())
    return {str(it.relative_to(tree)) for it in found}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is built from, so that the clone stays clean."""
    tree = tmp_path_factory.mktemp("source")
    for top in HOUSE:
        shutil.copytree(CLONE / top, tree / top, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*CLONE.glob("pyproject.toml"), *CLONE.glob("README.md")):
        shutil.copy(file, tree)
    return tree


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", *offline, "-w", folder, source, cwd=source)
    return next(folder.glob("netfold-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel, which borrows the libraries of this one."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    python = home / "bin/python"
    # pip's own way of installing into an environment that has no pip.
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    libraries = next(home.glob("lib/python*/site-packages"))
    # A .pth file adds a folder, and not what that folder's own .pth files add: not the clone.
    (libraries / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin"


def test_the_wheel_holds_every_file_of_the_house_and_nothing_else(
    source: Path, wheel: Path
) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = {it for it in content.namelist() if ".dist-info/" not in it}
    assert names == source_files(source)


def test_every_module_can_be_imported_from_the_wheel_in_another_folder(
    source: Path, installed: Path, tmp_path: Path
) -> None:
    imported = run(installed / "python", "-c", IMPORT_ALL, cwd=tmp_path).splitlines()
    libraries = next(installed.parent.glob("lib/python*/site-packages"))
    modules = {it for it in source_files(source) if it.endswith(".py")}
    assert {str(Path(it).relative_to(libraries)) for it in imported} == modules


def test_the_wheel_knows_every_vendor(source: Path, installed: Path, tmp_path: Path) -> None:
    code = "from collectors.snmp.profiles import shipped; print(len(shipped()))"
    known = int(run(installed / "python", "-c", code, cwd=tmp_path))
    assert known == len(list((source / "collectors/snmp/profiles").glob("*.yaml"))) > 0


def test_netfold_starts_from_the_wheel_in_another_folder(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "netfold", "--help", cwd=tmp_path).startswith("Usage: netfold ")

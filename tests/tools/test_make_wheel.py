"""The wheel: one import name, one command, and everything that mapping needs, in an environment of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import glacier
from tests import products
from tools.make_wheel import PACKAGE, WheelError, make_wheel, rewritten

ROOT = Path(__file__).resolve().parents[2]
MODULES = {"tiles": ROOT, "tiles.raster": ROOT, "mapping": ROOT, "mapping.tune": ROOT, "evaluation.demo": ROOT}
# Maps, and tells which of the modules that were imported lie in the repository.
MAPPING = """
import sys
from pathlib import Path
from glacier_hybrid.glacier import main
code = main(sys.argv[2:])
files = [getattr(one, "__file__", None) or "" for one in list(sys.modules.values())]
print("from the repository:", [one for one in files if Path(sys.argv[1]) in Path(one).parents and ".venv" not in one])
sys.exit(code)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the wheel alone."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    wheel = make_wheel(ROOT, ROOT / "model.pth", folder)
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*words, "--disable-pip-version-check", "--target", folder / "site", wheel], check=True)
    return folder / "site"


def run(installed: Path, cwd: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True)


def test_it_has_one_import_name_and_the_model(installed: Path):
    own = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert own == {PACKAGE, "bin"}
    assert (installed / PACKAGE / "model.pth").read_bytes() == (ROOT / "model.pth").read_bytes()
    for name in ("report.html", "leaflet/leaflet.js", "qgis/outlines.qml"):
        assert (installed / PACKAGE / "mapping" / name).is_file()
    assert not list(installed.rglob("tests"))


def test_it_maps_from_another_folder_without_the_repository(installed: Path, tmp_path: Path):
    products.five_bands(tmp_path / "scene.tif", products.blocky_tile((64, 70))[0])
    words = ["map", "scene.tif", "--bands", products.FIVE_BANDS, "--out", "maps", "--jobs", 1, "--window", 64]
    done = run(installed, tmp_path, "-c", MAPPING, ROOT, *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "from the repository: []"
    assert (tmp_path / "maps" / "report.html").is_file()


def test_its_command_tells_the_commands_by_their_names(installed: Path, tmp_path: Path):
    done = run(installed, tmp_path, installed / "bin" / "glacier", "--help")
    assert done.returncode == 0, done.stderr
    assert "  map " in done.stdout
    told = (installed / PACKAGE / "mapping" / "__main__.py").read_text(encoding="utf-8")
    assert "glacier map" in told
    assert "python -m mapping" not in told
    (stated,) = installed.glob("*.dist-info/METADATA")
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version
    assert f"Version: {version.group(1)}\n" in stated.read_text(encoding="utf-8")
    assert "Requires-Dist: rasterio" in stated.read_text(encoding="utf-8")


def test_imports_and_names_of_modules_are_moved():
    text = (
        "from tiles.raster import (\n    one_line,\n)\nimport os\n\n"
        "def f():\n    from mapping.tune import run  # é\n"
        "    return import_module('mapping.tune'), 'tiles', 'see python -m mapping.tune, python -m evaluation.demo x'\n"
    )
    assert rewritten(text, MODULES, "a.py") == (
        "from glacier_hybrid.tiles.raster import (\n    one_line,\n)\nimport os\n\n"
        "def f():\n    from glacier_hybrid.mapping.tune import run  # é\n"
        "    return import_module('glacier_hybrid.mapping.tune'), 'tiles', 'see glacier tune, glacier demo x'\n"
    )
    advice = "f\"lacks {name}; pip install -e '.[{extras}]'.\"\n"
    assert rewritten(advice, MODULES, "a.py") == "f\"lacks {name}; pip install 'glacier-hybrid[{extras}]'.\"\n"
    with pytest.raises(WheelError, match="a.py:1"):
        rewritten("import tiles.raster\n", MODULES, "a.py")


@pytest.mark.parametrize(("name", "module"), [(name, module) for name, (module, _) in glacier.COMMANDS.items()])
def test_each_command_is_the_module_of_its_name(name: str, module: str, monkeypatch, capsys):
    if not glacier.is_there(module):
        assert f"  {name} " not in glacier.usage()
        assert glacier.main([name]) == 2
        return
    called = []
    kept = glacier.importlib.import_module(module) if module == "lakes.__main__" else None

    class Twin:
        @staticmethod
        def main() -> int:
            called.append(list(sys.argv))
            return 3

    monkeypatch.setattr(glacier.importlib, "import_module", lambda wanted: {module: Twin}[wanted])
    monkeypatch.setattr(sys, "argv", ["glacier"])
    assert glacier.main([name, "--out", "there"]) == 3
    assert called == [[f"glacier {name}", "--out", "there"]]
    assert kept is None or callable(kept.main)


def test_what_is_no_command_is_one_sentence(capsys):
    assert glacier.main(["mapp"]) == 2
    assert capsys.readouterr().err.startswith("error: glacier mapp: is no command; give one of map, ")
    assert glacier.main([]) == 2
    assert glacier.main(["--version"]) == 0


def test_the_repository_itself_says_what_to_install(tmp_path: Path):
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    for name in ("pyproject.toml", "errors.py", "README.md"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "setup.py").write_text(text)
    done = subprocess.run([sys.executable, "setup.py", "-q", "build_py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "make wheel" in done.stderr
    assert not (tmp_path / "build").exists()

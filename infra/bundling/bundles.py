"""What is shipped: one folder per function and the two layers, built once per content and target.

A bundle's folder is named by the hash of all that goes into it, so nothing is built twice and nothing stale is
shipped; it is built beside its place and moved there when whole, so a kill in the middle leaves no half bundle.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.bundling import packages
from infra.bundling.bytecode import byte_compile
from infra.stages import Target

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
_KEPT_BUNDLES = 3
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True)
class Bundles:
    domain: Path
    dependencies: Path
    functions: Path

    @classmethod
    def build(cls, target: Target) -> Bundles:
        return cls(domain=_domain(target), dependencies=_dependencies(target), functions=_functions(target))

    @classmethod
    def hollow(cls, folder: Path) -> Bundles:
        """Empty folders in place of the real thing, for whoever only wants to see the template."""
        for name in ("domain", "dependencies"):
            (folder / name / "python").mkdir(parents=True, exist_ok=True)
            (folder / name / "python" / "hollow.txt").write_text(name)
        for name in function_names():
            (folder / "functions" / name).mkdir(parents=True, exist_ok=True)
            (folder / "functions" / name / "hollow.txt").write_text(name)
        return cls(folder / "domain", folder / "dependencies", folder / "functions")

    def function(self, name: str) -> Path:
        return self.functions / name


def function_names() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def digest_of(paths: Iterable[Path], *words: str) -> str:
    """A hash over names and contents; byte code and editors' files do not count."""
    digest = hashlib.sha256(repr(words).encode())
    for top in paths:
        files = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        for file in files:
            if "__pycache__" in file.parts or file.suffix == ".pyc":
                continue
            digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_size}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _domain(target: Target) -> Path:
    source = ROOT / "layers" / "keyrail" / "python"

    def build(folder: Path) -> None:
        shutil.copytree(source, folder / "python", ignore=_IGNORED)
        byte_compile(folder / "python", target)

    return _once("domain", digest_of([source, Path(__file__).parent], target.name), build)


def _functions(target: Target) -> Path:
    """Each function under its full package name, so that it imports its own modules as the tests do."""
    source = ROOT / "functions"

    def build(folder: Path) -> None:
        for name in function_names():
            package = folder / name / "functions"
            shutil.copytree(source / name, package / name, ignore=_IGNORED)
            shutil.copy(source / "__init__.py", package)
            byte_compile(folder / name, target)

    return _once("functions", digest_of([source, Path(__file__).parent], target.name), build)


def _dependencies(target: Target) -> Path:
    lock = ROOT / "requirements" / "layer.txt"

    def build(folder: Path) -> None:
        packages.install(lock, folder / "python", target)
        before = packages.size_mb(folder)
        packages.prune(folder / "python")
        compiled = byte_compile(folder / "python", target)
        after = packages.size_mb(folder)
        code = "with byte code" if compiled else f"without byte code, for want of a python{target.python_version} here"
        print(f"  dependencies layer for {target.name}: {before:.1f} MB installed, {after:.1f} MB shipped {code}")

    return _once("dependencies", digest_of([lock, Path(__file__).parent], target.name), build)


def _once(kind: str, digest: str, build: Callable[[Path], None]) -> Path:
    place = BUILD / "bundles" / f"{kind}-{digest}"
    if place.is_dir():
        os.utime(place)
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{kind}-") as scratch:
        folder = Path(scratch) / kind
        folder.mkdir()
        build(folder)
        try:
            folder.rename(place)
        except OSError:
            # Somebody else built the same thing meanwhile; theirs is as good.
            if not place.is_dir():
                raise
    _forget_old(kind)
    return place


def _forget_old(kind: str) -> None:
    bundles = sorted(BUILD.joinpath("bundles").glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    # Two targets stay side by side, and one older of each for whoever goes back and forth.
    for old in bundles[2 * _KEPT_BUNDLES :]:
        shutil.rmtree(old, ignore_errors=True)

"""Third-party packages of the dependencies layer: installed from the lock, then cut to what runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from infra.stages import Target

_BOTOCORE_SERVICES = frozenset({"dynamodb", "events", "kms", "s3", "secretsmanager", "sqs", "stepfunctions", "sts"})
"""Services that the functions call; botocore's descriptions of all others are three quarters of the layer."""
_GLIBC = {"manylinux2014_aarch64": ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux2014_aarch64")}
"""Lambda's Amazon Linux 2023 has glibc 2.34, so the newer wheel tags run there as well."""
_NEVER_OPENED = ("tests", "test", "__pycache__")
_NEVER_RUN = ("*.pyi", "*.pyx", "*.pxd", "*.c", "*.h")
_DIST_INFO_KEPT = frozenset({"METADATA", "entry_points.txt", "RECORD"})
_BYTES_PER_MB = 1_000_000


def install(lock: Path, folder: Path, target: Target) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile",
        "--require-hashes", "--only-binary", ":all:", "--target", str(folder), "--requirement", str(lock),
    ]  # fmt: skip
    if target.platform:
        for platform in _GLIBC.get(target.platform, (target.platform,)):
            command += ["--platform", platform]
        command += ["--python-version", target.python_version, "--implementation", "cp"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"the packages of the layer could not be installed:\n{answer.stderr}")


def prune(folder: Path) -> None:
    """Remove what no function ever opens: tests, stubs, scripts, the descriptions of other services."""
    shutil.rmtree(folder / "bin", ignore_errors=True)
    for name in _NEVER_OPENED:
        for found in sorted(folder.rglob(name), reverse=True):
            shutil.rmtree(found, ignore_errors=True)
    for pattern in _NEVER_RUN:
        for file in folder.rglob(pattern):
            file.unlink()
    for info in folder.glob("*.dist-info"):
        for entry in info.iterdir():
            if entry.name not in _DIST_INFO_KEPT:
                _remove(entry)
    _prune_botocore(folder / "botocore")


def _remove(entry: Path) -> None:
    if entry.is_dir():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _prune_botocore(package: Path) -> None:
    data = package / "data"
    if not data.is_dir():
        raise FileNotFoundError(f"{data}: botocore's layout changed; look again at what may be cut")
    for entry in data.iterdir():
        # Plain files here (endpoints, retry rules, SDK defaults) are botocore's own.
        if entry.is_dir() and entry.name not in _BOTOCORE_SERVICES:
            shutil.rmtree(entry)
    for examples in data.rglob("examples-1.json*"):
        examples.unlink()
    # The vendored requests' certificate bundle stays: it is the one that TLS is checked with.


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _BYTES_PER_MB

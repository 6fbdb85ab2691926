"""`make lock`: renew the locks. They hold names, versions and hashes, never where a package came from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.bootstrap import ROOT
from infra.local.up import step

# The layer comes first: the developer's environment takes its versions as given.
_LOCKS = ("layer", "dev", "ministack")


def main() -> None:
    for name in _LOCKS:
        with step(f"requirements/{name}.txt"):
            _lock_python(name)
    with step("package-lock.json"):
        _lock_node()


def _lock_python(name: str) -> None:
    # The `uv pip compile` of the same environment; `--upgrade` because a lock is renewed on purpose.
    command = [
        str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", "--universal", "--upgrade",
        "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header", "--no-emit-index-url",
        "--output-file", f"requirements/{name}.txt", f"requirements/{name}.in",
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)


def _lock_node() -> None:
    bin_folder = Path(sys.executable).parent
    subprocess.run(
        [str(bin_folder / "npm"), "install", "--package-lock-only", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=ROOT,
        check=True,
        env={**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"},
    )
    file = ROOT / "package-lock.json"
    lock = json.loads(file.read_text())
    for package in lock["packages"].values():
        package.pop("resolved", None)
    file.write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    main()

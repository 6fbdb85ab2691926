"""Makes the environments that everything else runs in. Only the standard library: nothing is installed yet.

    python3 -m infra.bootstrap

An environment is whole when its stamp is there, and the stamp says from which lock and interpreter it was made;
anything else (a kill half-way, another lock, another Python) is thrown away and made anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
MINISTACK_VENV = ROOT / ".venv-ministack"
NODE_MODULES = ROOT / "node_modules"
_STAMP = ".keyrail-stamp"
_OLDEST = (3, 11)


def main() -> int:
    if sys.version_info < _OLDEST:
        print(f"keyrail needs Python 3.11 or newer; this is {sys.version.split()[0]}", file=sys.stderr)
        return 1
    with ThreadPoolExecutor() as pool:
        # The local cloud's environment needs nothing of the developer's, so both are made at once.
        steps = [pool.submit(_developer), pool.submit(_local_cloud)]
        failed = [error for error in (step.exception() for step in steps) if error]
    for error in failed:
        print(f"set-up failed: {error}", file=sys.stderr)
        if isinstance(error, subprocess.CalledProcessError) and error.stdout:
            print(error.stdout, file=sys.stderr)
    return 1 if failed else 0


def _developer() -> None:
    _virtual_environment(VENV, ROOT / "requirements" / "dev.txt", "developer's tools")
    _command_line_of_cdk()


def _local_cloud() -> None:
    _virtual_environment(MINISTACK_VENV, ROOT / "requirements" / "ministack.txt", "local cloud")


def _virtual_environment(folder: Path, lock: Path, what: str) -> None:
    wanted = _digest(lock, sys.version, str(folder))
    if _stamp_of(folder) == wanted:
        return
    began = _say(f"setting up the {what} ({folder.name}) ...")
    shutil.rmtree(folder, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(folder)])
    # No byte code now: most of what is installed is never imported, the rest is compiled on first use.
    _run(
        [
            str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-compile", "--require-hashes", "--requirement", str(lock),
        ]
    )  # fmt: skip
    _put_stamp(folder, wanted)
    _say(f"the {what} is ready after {time.monotonic() - began:.0f} s")


def _command_line_of_cdk() -> None:
    lock = ROOT / "package-lock.json"
    wanted = _digest(lock, str(NODE_MODULES))
    if _stamp_of(NODE_MODULES) == wanted:
        return
    began = _say("setting up the CDK command line (node_modules) ...")
    shutil.rmtree(NODE_MODULES, ignore_errors=True)
    environment = dict(os.environ)
    environment["PATH"] = f"{VENV / 'bin'}{os.pathsep}{environment.get('PATH', '')}"
    _run([str(VENV / "bin" / "npm"), "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
    _put_stamp(NODE_MODULES, wanted)
    _say(f"the CDK command line is ready after {time.monotonic() - began:.0f} s")


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(
        command,
        check=True,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _digest(lock: Path, *words: str) -> str:
    return hashlib.sha256(lock.read_bytes() + repr(words).encode()).hexdigest()


def _stamp_of(folder: Path) -> str | None:
    try:
        return (folder / _STAMP).read_text()
    except OSError:
        return None


def _put_stamp(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / _STAMP).write_text(text)


def _say(text: str) -> float:
    print(text, flush=True)
    return time.monotonic()


if __name__ == "__main__":
    sys.exit(main())

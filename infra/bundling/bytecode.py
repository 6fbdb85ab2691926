"""Byte code that survives the trip.

The CDK's zip resets time stamps, so an ordinary `.pyc` looks stale on Lambda and is thrown away at every cold
start. `unchecked-hash` byte code is believed whatever the time stamp says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from infra.stages import Target


def byte_compile(folder: Path, target: Target) -> bool:
    """Compile for the target's interpreter; False where this machine has none of that version."""
    interpreter = _interpreter(target.python_version)
    if interpreter is None:
        return False
    subprocess.run(
        [
            interpreter, "-m", "compileall", "-q", "-f", "-j", "0",
            # Tracebacks show the place in the function, not the place it was built.
            "-s", str(folder), "-p", "/opt" if folder.name == "python" else "/var/task",
            "--invalidation-mode", "unchecked-hash", str(folder),
        ],
        check=True,
        # Some packages ship templates that are no Python; the compiler's complaints about them help nobody.
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return True


def _interpreter(version: str) -> str | None:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        return None
    # A version manager's shim may stand there without a Python behind it.
    answer = subprocess.run(
        [found, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
    )
    return found if answer.returncode == 0 and answer.stdout.strip() == version else None

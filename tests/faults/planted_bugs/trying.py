"""Tries tests against copies of the product, each time in a process of its own that is forked from a warm one.

What takes longest about one small test is to import what all of them need. A warm process has done that once, and
nothing of keyrail, of its functions or of its tests with it: those each child reads for itself, out of its copy.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from infra.bootstrap import ROOT

PATIENCE_S = 600  # only what hangs takes as long
NOT_THE_COPY = 70  # of no meaning to pytest
LIBRARIES = (
    "aws_lambda_powertools.event_handler",
    "boto3",
    "botocore.session",
    "cryptography.x509",
    "httpx",
    "hypothesis.stateful",
    "pydantic",
    "pynamodb.models",
    "pytest",
    "requests",
    "stripe",
)
# What is imported already cannot be rewritten to explain its assertions, and the libraries need not.
QUIET = "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"

Run = tuple[int, str]


@dataclass(frozen=True)
class Runner:
    """One run at a time."""

    process: "subprocess.Popen[str]"

    def run(self, copy: Path, selection: list[str]) -> Run:
        """The selection against the copy in the place of the product; pytest's exit code and what it said.

        A run that is ended because it hangs has the negative number of a signal as its code.
        """
        to, of = self.process.stdin, self.process.stdout
        assert to is not None
        assert of is not None
        said = copy.with_suffix(".txt")
        to.write(json.dumps([str(copy), str(said), selection]) + "\n")
        to.flush()
        code = int(of.readline())
        return code, said.read_text(errors="replace")[-4_000:]


@contextmanager
def runner(environment: dict[str, str]) -> Iterator[Runner]:
    """It ends when nobody speaks to it any more."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Runner(process)


def serve() -> None:
    """Forks for each line of its input, and answers with the exit code of the child."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()
    for line in sys.stdin:
        copy, said, selection = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(Path(copy), Path(said), selection)
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # whom it left behind
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(copy: Path, said: Path, selection: list[str]) -> NoReturn:
    import pytest

    os.setsid()
    signal.alarm(PATIENCE_S)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    command = [
        *("-x", "-q", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=planted", "-W", QUIET),
        f"--basetemp={copy.with_suffix('.tmp')}",
        *("-o", f"pythonpath={copy} ."),
    ]
    code = int(pytest.main([*command, *selection]))
    strangers = [name for name in sys.modules if name.split(".")[0] == "keyrail" and not _is_of(name, copy)]
    if strangers:
        sys.stdout.write(f"not out of the copy: {strangers}\n")
        code = NOT_THE_COPY
    sys.stdout.flush()
    os._exit(code)


def _is_of(module: str, copy: Path) -> bool:
    file = getattr(sys.modules[module], "__file__", None)
    return file is None or Path(file).is_relative_to(copy)


if __name__ == "__main__":
    serve()

"""One background process of ours: started, found again by a later command, stopped; never somebody else's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_GRACE_S = 5.0
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this very process; dropped while they run, they would be warned about as forgotten."""


@dataclass(frozen=True)
class Process:
    """A process id alone proves nothing, since ids are used again; the moment of its start makes it ours."""

    pid: int
    started: str
    endpoint: str

    @classmethod
    def start(
        cls, command: Sequence[str], *, environment: Mapping[str, str], log: Path, endpoint: str, record: Path
    ) -> Process:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: an interrupt at our terminal leaves it alone, and its workers end with it.
                start_new_session=True,
            )
        _children[child.pid] = child
        process = cls(child.pid, _started(child.pid) or "", endpoint)
        record.write_text(json.dumps(asdict(process)))
        return process

    @classmethod
    def recorded(cls, record: Path) -> Process | None:
        try:
            return cls(**json.loads(record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def is_alive(self) -> bool:
        return self.started != "" and _started(self.pid) == self.started

    def stop(self) -> None:
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_alive():
                break
            try:
                os.killpg(self.pid, signal_number)
            except ProcessLookupError:
                break
            self._await_end()
        _reap(self.pid)

    def _await_end(self) -> None:
        until = time.monotonic() + _GRACE_S
        while time.monotonic() < until and self.is_alive():
            time.sleep(0.05)


def _reap(pid: int) -> None:
    """Take note of the end of a child of this very process; until then it stays listed as a dead one."""
    child = _children.pop(pid, None)
    if child is not None and child.poll() is None:
        _children[pid] = child


def _started(pid: int) -> str | None:
    """The start of a living process, in whatever form the system gives it; None if there is none."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name in parentheses may hold spaces; the state and the start follow it as fields 3 and 22.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None

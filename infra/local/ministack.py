"""MiniStack, the local cloud: an environment of its own, a free port, an own folder for what it writes."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.process import Process
from infra.local.settings import ADMIN, MINISTACK_PYTHON, REGION, clean_environment, keep_loopback_direct

USUAL_PORT = 4566
_SERVER = Path(__file__).with_name("ministack_server.py")
_READY_WITHIN_S = 60.0
_ANSWER_WITHIN_S = 5.0


@dataclass(frozen=True)
class MiniStack:
    folder: Path
    """Holds its log and the record of its process; two instances need two folders."""
    usual_port: int = USUAL_PORT
    """Any other one that is free, if this is not."""

    @property
    def log(self) -> Path:
        return self.folder / "ministack.log"

    @property
    def _record(self) -> Path:
        return self.folder / "ministack.json"

    @property
    def _scratch(self) -> Path:
        return self.folder / "tmp"

    @property
    def endpoint(self) -> str | None:
        """The address of the running instance; None if there is none or it does not answer."""
        process = Process.recorded(self._record)
        if process is None or not process.is_alive() or not answers(process.endpoint):
            return None
        return process.endpoint

    def start(self, *, enforce_iam: bool) -> str:
        """Start it, or find it running; returns its address."""
        keep_loopback_direct()
        if running := self.endpoint:
            return running
        self.stop()
        port = free_port(self.usual_port)
        endpoint = f"http://127.0.0.1:{port}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._scratch.mkdir(exist_ok=True)
        self.log.unlink(missing_ok=True)
        process = Process.start(
            # -P: beside the script lies our own `ministack.py`, which is not what it means to import.
            [str(MINISTACK_PYTHON), "-P", str(_SERVER)],
            environment={
                **clean_environment(),
                **ADMIN,
                "AUTH": "true" if enforce_iam else "false",
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "LAMBDA_EXECUTOR": "local",
                "MINISTACK_REGION": REGION,
                "PYTHONUNBUFFERED": "1",
                "TMPDIR": str(self._scratch),
                # Listeners on fixed ports that nobody here needs and that another instance may hold.
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
            },
            log=self.log,
            endpoint=endpoint,
            record=self._record,
        )
        self._wait_until_ready(process)
        return endpoint

    def _wait_until_ready(self, process: Process) -> None:
        until = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < until:
            if answers(process.endpoint):
                return
            if not process.is_alive():
                break
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the local cloud did not come up; its log is {self.log}")

    def stop(self) -> bool:
        """Stop what was started here; False if nothing of ours ran."""
        process = Process.recorded(self._record)
        was_running = process is not None and process.is_alive()
        if process is not None:
            process.stop()
        self._record.unlink(missing_ok=True)
        # Each worker unpacked the layers for itself; a busy run leaves more than a gigabyte.
        shutil.rmtree(self._scratch, ignore_errors=True)
        return was_running


def answers(endpoint: str) -> bool:
    # The standard library's own client: `make down` has to work where nothing is installed.
    connection = HTTPConnection(urlsplit(endpoint).netloc, timeout=_ANSWER_WITHIN_S)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def free_port(preferred: int) -> int:
    """The preferred port if it is free, else any that is."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # Some systems let a second server bind beside one that listens on every address.
            if port and probe.connect_ex(("127.0.0.1", port)) == 0:
                continue
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RuntimeError("no free port on this machine")

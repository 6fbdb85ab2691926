"""How long a handler takes to be imported, as a ratio."""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Bench, Figure

ROOT = Path(__file__).parent.parent
IMPORT_RUNS = 11
LAZY = "operator_api"  # imports each desk on the first call for it


def figures(_bench: Bench) -> Iterator[Figure]:
    """Medians of interleaved runs in processor time, as a ratio to boto3 with one client."""
    handlers = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
    boto3 = "import boto3; boto3.client('dynamodb', region_name='eu-west-1')"
    programs = {"": boto3} | {name: f"import functions.{name}.handler" for name in handlers}
    programs[f"{LAZY} with every desk"] = (
        f"from functions.{LAZY}.handler import DESKS, desks; desks(*sum(DESKS.values(), ()))"
    )
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(IMPORT_RUNS):
        for name, program in programs.items():
            seconds[name].append(_import_seconds(program))
    base = statistics.median(seconds.pop(""))
    for name, taken in seconds.items():
        ratio = round(statistics.median(taken) / base, 2)
        limit = 1.5 if name in handlers else None
        yield Figure(f"import of {name}: times boto3 with a client", ratio, limit)


def _import_seconds(program: str) -> float:
    timed = f"import time; began = time.process_time()\n{program}\nprint(time.process_time() - began)"
    paths = f"{ROOT}:{ROOT / 'layers/keyrail/python'}"
    environment = {"PYTHONPATH": paths, "PATH": "", "AWS_DEFAULT_REGION": "eu-west-1"}
    ran = subprocess.run([sys.executable, "-c", timed], env=environment, capture_output=True, text=True, check=True)
    return float(ran.stdout)

"""Every test, in two lanes side by side: `make test` without ARGS.

Tests that speak to a cloud wait for it most of the time, one request after the other, and leave a core idle. Which test
is in which lane is fixed, and so is the order in a lane, so that nothing comes to depend on how fast the machine is.
The functions of the deployed stack must answer in time, so its lane goes first wherever both want a core.
"""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import PurePath

from infra.local.settings import STATE
from tests.local_cloud import LANE

# What keeps both cores busy by itself comes last, and what is left of the other lane fits in beside it. A folder
# that is named is in that lane, even where a folder around it is in another.
LANES = (
    ("tests/e2e", "tests/infra", "tests/integration"),
    ("tests/properties", "tests/unit", "tests/integration/inventory", "tests/faults"),
)
GIVES_WAY = 10  # of 19: about a tenth of a core that both want


def run() -> int:
    """The first lane is shown as it goes, the others when they are over. Returns pytest's worst exit code."""
    STATE.mkdir(exist_ok=True)
    logs = [STATE / f"lane-{number}.txt" for number in range(1, len(LANES))]
    with ExitStack() as stack:
        outputs = [None, *(stack.enter_context(log.open("wb")) for log in logs)]
        lanes = [
            stack.enter_context(
                subprocess.Popen(
                    ["nice", "-n", str(number * GIVES_WAY), sys.executable, "-m", "pytest", *lane, *left_out(lane)],
                    env={**os.environ, LANE: str(number)},
                    stdout=output,
                    stderr=output and subprocess.STDOUT,
                )
            )
            for number, (lane, output) in enumerate(zip(LANES, outputs, strict=True))
        ]
        codes = [lane.wait() for lane in lanes]
    for log in logs:
        print(log.read_text(errors="replace"))  # noqa: T201  # what pytest would have said itself
    return max(codes, key=abs)


def left_out(lane: tuple[str, ...]) -> list[str]:
    """What lies within its folders and is another lane's."""
    named = [folder for other in LANES if other is not lane for folder in other]
    return [f"--ignore={folder}" for folder in named if any(PurePath(own) in PurePath(folder).parents for own in lane)]


if __name__ == "__main__":
    sys.exit(run())

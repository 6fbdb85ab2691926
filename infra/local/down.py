"""`make down`: stop the local cloud that `make up` started, and nothing else."""

from __future__ import annotations

from infra.local.ministack import MiniStack
from infra.local.sandbox_providers import SandboxProviders
from infra.local.settings import CARD, STATE


def main() -> None:
    SandboxProviders(STATE).stop()
    stopped = MiniStack(STATE).stop()
    CARD.unlink(missing_ok=True)
    print("the local cloud is stopped" if stopped else "no local cloud of ours is running")


if __name__ == "__main__":
    main()

"""What whoever is refused does before they look again: somebody else was faster at the same items."""

import time
from random import SystemRandom

FIRST_WAIT_S = 0.01  # doubled each time
MAX_WAIT_S = 0.2


def let_others_go(number: int, first_s: float = FIRST_WAIT_S, most_s: float = MAX_WAIT_S) -> None:
    """Wait for a random while, which grows with the `number` of tries behind (from 0 on), so that crowds come apart."""
    time.sleep(SystemRandom().uniform(0, min(most_s, first_s * 2**number)))

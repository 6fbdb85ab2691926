"""How long to wait before a supplier is asked again what became of an order. Pure."""

from keyrail.suppliers.model.attempts import SupplyAttempt

FIRST_WAIT_S = 5
MAX_WAIT_S = 3600
SPREAD = 0.5  # a wait is shorter or longer by up to half of this part of it, so that crowds come apart


def wait_s(attempt: SupplyAttempt, now_ms: int, chance: float) -> int:
    """Half as long again as it has taken so far, within bounds, and never beyond the end of its settlement window.

    `chance` is from 0 to 1. At least a second: what is over is asked about once more.
    """
    grown = min(MAX_WAIT_S, max(FIRST_WAIT_S, (now_ms - attempt.asked_at_ms) / 2000))
    spread = grown * (1 + SPREAD * (chance - 0.5))
    left = -(-(attempt.until_ms - now_ms) // 1000)
    return max(1, min(round(spread), left))

"""How long to wait: before a supplier is asked what became of an order, or before a unit looks for a source again."""

from keyrail.suppliers.model.attempts import SupplyAttempt
from keyrail.suppliers.model.breaker import MAX_OPEN_MS

FIRST_WAIT_S = 5
MAX_WAIT_S = 3600
FIRST_LOOK_S = 5  # a crowd before a supplier that has to answer first passes in seconds
MAX_LOOK_S = MAX_OPEN_MS // 1000  # by then a breaker may be probed
SPREAD = 0.5  # a wait is shorter or longer by up to half of this part of it, so that crowds come apart


def wait_s(attempt: SupplyAttempt, now_ms: int, chance: float) -> int:
    """Until the supplier is asked again. `chance` is from 0 to 1."""
    took_ms, left_ms = now_ms - attempt.asked_at_ms, attempt.until_ms - now_ms
    return _grown_s(took_ms, left_ms, FIRST_WAIT_S, MAX_WAIT_S, chance)


def look_s(waited_ms: int, left_ms: int, chance: float) -> int:
    """Until a unit looks again whether one of its sources is back. `chance` is from 0 to 1."""
    return _grown_s(waited_ms, left_ms, FIRST_LOOK_S, MAX_LOOK_S, chance)


def _grown_s(so_far_ms: int, left_ms: int, first_s: int, most_s: int, chance: float) -> int:
    """Half as long again as it has taken so far, within bounds, and never beyond what is left.

    At least a second: what is over is asked about once more.
    """
    grown = min(most_s, max(first_s, so_far_ms / 2000))
    spread = grown * (1 + SPREAD * (chance - 0.5))
    return max(1, min(round(spread), -(-left_ms // 1000)))

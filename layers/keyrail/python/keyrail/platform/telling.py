"""How a stand-in of ours calls a shop back: when there is something to tell, and again until it is acknowledged."""

from typing import Any

from keyrail.platform.slices import send_rest

# From one callback that is not acknowledged to the next; after the last one the shop has to ask.
WAITS_S = (5, 15, 60, 300, *(900,) * 24)
MAX_WAIT_S = 900


def tell_later(queue_url: str, message: dict[str, Any], due_ms: int, now_ms: int) -> None:
    """Have the queue bring `message` again, which counts in `asked` how often it was brought since it was due."""
    asked, until_due_s = int(message.get("asked", 0)), -((now_ms - due_ms) // 1000)
    if until_due_s > 0:
        send_rest(queue_url, {**message, "asked": 0}, delay_s=min(until_due_s, MAX_WAIT_S))
    elif asked < len(WAITS_S):
        send_rest(queue_url, {**message, "asked": asked + 1}, delay_s=WAITS_S[asked])

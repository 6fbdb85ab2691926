"""`make demo`: a whole purchase on the local stack, over HTTP, as its users would make it, a code redeemed, accounts
recharged, and the payment sandbox tried.

A black box: this client knows the addresses, the API's documents and epay's protocol, and nothing of the code behind
them. Each answer is checked; the first that is not as it should be ends the demo with an error.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.card import operator_token
from infra.local.demo_client import Unreachable
from infra.local.demo_gateway import EpayGateway, PaymentRefused
from infra.local.demo_purchase import PRICE, SKU, Purchase
from infra.local.demo_recharge import Recharge
from infra.local.demo_redemption import Redemption
from infra.local.demo_sandbox import SandboxAct
from infra.local.demo_shop import Order, Shop
from infra.local.demo_till import Till
from infra.local.demo_timeline import NotAsItShouldBe, Timeline
from infra.local.samples.key_file import Series
from infra.local.settings import CARD, keep_loopback_direct


def curl_lines(shop: Shop, order: Order) -> list[str]:
    """Three lines that work as they stand."""
    proxied = any(name in os.environ for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"))
    start = ["curl", "-sS", *(["--noproxy", "*"] if proxied else [])]
    return [
        shlex.join([*start, *wanted])
        for wanted in (
            [f"{shop.api}/v1/products"],
            [f"{shop.api}/v1/orders/{order.order_id}", "-H", f"Authorization: Bearer {order.token}"],
            [f"{shop.api}/ops/v1/skus/{SKU}", "-H", f"Authorization: Bearer {shop.operator}"],
        )
    ]


def _prepare(timeline: Timeline, card_path: Path) -> tuple[Purchase, Redemption, Recharge, SandboxAct]:
    try:
        card = json.loads(card_path.read_text())
    except (OSError, ValueError):
        raise NotAsItShouldBe("there is no local stack; `make up` brings one up") from None
    epay, stripe = card["payments"]["epay"], card["payments"]["stripe"]
    with timeline.step("the operator signs in") as said:
        try:
            token = operator_token(card)
        except (BotoCoreError, ClientError) as error:
            raise NotAsItShouldBe(f"the local stack does not let its operator in ({error}); try `make up`") from None
        said(card["operator"]["username"])
    # One series of cards for the life of the stack, so that a key of an earlier run is recognised too.
    seed = hashlib.sha256(f"cards of {stripe['webhook_secret']}".encode()).hexdigest()
    shop = Shop(timeline, card["api_url"], EpayGateway(epay["pid"], epay["key"]), token)
    till = Till(shop.api, card["partner"]["key"], card["partner"]["secret"])
    return Purchase(shop, Series(seed)), Redemption(shop, till), Recharge(shop), SandboxAct(shop)


def main() -> int:
    """Takes the path of another stack's card as its one argument."""
    keep_loopback_direct()
    timeline = Timeline()
    try:
        purchase, redemption, recharge, sandbox = _prepare(timeline, Path(sys.argv[1]) if sys.argv[1:] else CARD)
        order = purchase.run()
        redemption.run()
        recharge.run()
        sandbox.run(SKU, PRICE)
    except (KeyError, IndexError, TypeError) as error:
        timeline.console.print(f"\nAn answer lacks what it should hold: {error!r}", style="red", markup=False)
        return 1
    except (NotAsItShouldBe, PaymentRefused, Unreachable) as error:
        timeline.console.print(f"\nThis is not as it should be: {error}", style="red", markup=False, soft_wrap=True)
        return 1
    timeline.console.print(
        f"\nSold, delivered, redeemed, recharged and traced in {timeline.elapsed_s:.1f} s. Try it yourself:\n"
    )
    for line in curl_lines(purchase.shop, order):
        # Not through the console, whose wrapping would break the line.
        print(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

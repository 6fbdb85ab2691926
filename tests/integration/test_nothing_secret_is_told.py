"""A code leaves keyrail in one place only: no log line, table or printed value ever holds it (I8)."""

import json
import logging

import pytest

from keyrail.fulfilment.model import NotDelivered
from keyrail.ordering.model.orders import OrderNotFound
from tests.tables import TABLES
from tests.world import BUYER, SYSTEM, World

MINUTE_MS = 60_000


def test_the_whole_life_of_an_order_leaves_no_code_and_no_token_in_logs_or_tables(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="keyrail")
    codes = world.stock_up(2)
    placed, late, unpaid = world.order(), world.order(), world.order
    world.pay(placed.attempt)
    world.pay(placed.attempt, trade_no="second")
    world.ahead_ms += 20 * MINUTE_MS
    world.pay(unpaid().attempt)
    world.pay(late.attempt)
    world.issuance.issue(late.order.order_id, SYSTEM)
    shown = world.delivery.reveal(placed.order.order_id, placed.token, BUYER)
    for order_id, token in ((placed.order.order_id, "tok_wrong"), (late.order.order_id, late.token)):
        with pytest.raises((OrderNotFound, NotDelivered)):
            world.delivery.reveal(order_id, token, BUYER)
    assert next(key.code for unit in shown for key in unit.keys) in codes
    lines = [vars(record) for record in caplog.records if record.name.startswith("keyrail")]
    assert lines
    said = repr(lines) + "".join(capfd.readouterr())
    stored = json.dumps([world.scan(kind) for kind in TABLES], default=repr)
    for secret in (*codes, *(code.replace("-", "") for code in codes), placed.token, world.epay_key):
        assert secret.casefold() not in said.casefold()
        assert secret.casefold() not in stored.casefold()
    assert "buyer@example.com" not in said
    assert repr(shown).count(codes[0]) == repr(shown).count(codes[1]) == 0

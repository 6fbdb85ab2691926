"""What an auditor is told of the trail, and an operator of the stock, by the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.operator_api import handler as operator_api
from keyrail.inventory.model.figures import no_figures
from keyrail.inventory.model.keys import Key
from keyrail.inventory.model.moves import Tally
from keyrail.platform.audit_chain import LOOKED_BESIDE
from keyrail.platform.clock import utc_date
from keyrail.platform.documents import to_attributes
from tests.integration.test_after_sales_desk import Desk, forget
from tests.integration.test_triggers import secret
from tests.local_cloud import LocalCloud
from tests.stream_of_keys import changes, leased, looked_at, new_key, sold
from tests.world import CHAIN_SECRET, SKU, World

WHY = {"reason": "the shelf was counted"}
DAY_MS = 24 * 60 * 60 * 1000


@pytest.fixture
def desk(local_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    settings = {
        **local_cloud.environment,
        **{name.upper(): "x" for name in operator_api.Settings.__dataclass_fields__},
        **{f"{kind.upper()}_TABLE": name for kind, name in world.names.items()},
        "AUDIT_CHAIN_SECRET_ARN": secret(local_cloud, CHAIN_SECRET),
        "FINGERPRINT_KEY_ARN": world.fingerprint_key,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget()
    yield Desk(world)
    forget()


def lived(desk: Desk, number: int) -> list[Key]:
    keys = [new_key(number), leased(new_key(number)), sold(leased(new_key(number)))]
    desk.world.dynamodb.put_item(TableName=desk.world.names["keys"], Item=to_attributes(keys[-1]))
    desk.world.counting.put_on_record(SKU, changes(*keys))
    return keys


def lost(desk: Desk, key: Key) -> None:
    place = {"subject": {"S": f"key:{key.key_id}"}, "at_id": {"S": f"{key.changed_at_ms:013d}#{key.version:08d}"}}
    desk.world.dynamodb.delete_item(TableName=desk.world.names["audit"], Key=place)


@pytest.mark.parametrize("group", ["auditor", "admin", "support"])
def test_a_subject_is_verified(desk: Desk, group: str) -> None:
    keys = lived(desk, 1)
    query = f"subject=key:{keys[0].key_id}"
    assert desk.told(group, "GET", "audit/verify", query=query) == {
        "subject": f"key:{keys[0].key_id}", "subjects": 1, "records": 3, "intact": True, "pending": 0,
        "problem_count": 0, "problems": [],
    }  # fmt: skip
    lost(desk, keys[1])
    told = desk.told(group, "GET", "audit/verify", query=query)
    assert told["intact"] is False
    assert told["problems"] == [{"subject": f"key:{keys[0].key_id}", "version": 2, "problem": "missing"}]


def test_the_whole_trail_is_verified_page_by_page(desk: Desk) -> None:
    lives = [lived(desk, number) for number in range(1, 5)]
    lost(desk, lives[1][2])
    for key in lives[3]:
        lost(desk, key)
    pages = [desk.told("auditor", "GET", "audit/verify", query="limit=2")]
    while "cursor" in pages[-1]:
        pages.append(desk.told("auditor", "GET", "audit/verify", query=f"limit=2&cursor={pages[-1]['cursor']}"))
    found = {(problem["subject"], problem["version"]) for page in pages for problem in page["problems"]}
    assert found == {
        (f"key:{lives[1][0].key_id}", 3),
        *((f"key:{lives[3][0].key_id}", version) for version in (1, 2, 3)),
    }
    assert sum(page["problem_count"] for page in pages) == 4
    assert sum(page["records"] for page in pages) == 3 * 3 - 1
    assert {page["intact"] for page in pages} == {True, False}


def test_a_long_subject_is_verified_page_by_page_and_by_no_cursor_of_ones_own(desk: Desk) -> None:
    keys = [new_key(1)]
    while len(keys) < 2 * LOOKED_BESIDE:
        keys.append(looked_at(keys[-1]))
    desk.world.dynamodb.put_item(TableName=desk.world.names["keys"], Item=to_attributes(keys[-1]))
    desk.world.counting.put_on_record(SKU, changes(*keys))
    query = f"subject=key:{keys[0].key_id}&limit={LOOKED_BESIDE // 2}"
    first = desk.told("auditor", "GET", "audit/verify", query=query)
    assert (first["subjects"], first["records"], first["intact"]) == (0, LOOKED_BESIDE // 2, True)
    cursor = first["cursor"]
    assert desk.ask("auditor", "GET", "audit/verify", query=f"{query}&cursor={'A' * 86}{cursor[86:]}")[0] == 422
    assert desk.ask("auditor", "GET", "audit/verify", query=f"cursor={cursor}")[0] == 422
    last = desk.told("auditor", "GET", "audit/verify", query=f"{query}&cursor={cursor}")
    assert "cursor" not in last
    assert (last["subjects"], last["records"], last["intact"]) == (1, 3 * LOOKED_BESIDE // 2, True)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("subject=key:key_nobody_knows", 404, "audit_subject_not_found"),
        ("subject=pool:game-100", 422, "invalid_request"),
        ("limit=0", 422, "invalid_request"),
        ("limit=1001", 422, "invalid_request"),
        ("cursor=bm9uZQ", 422, "invalid_request"),
        ("records=all", 422, "invalid_request"),
    ],
)
def test_what_cannot_be_verified_is_refused(desk: Desk, query: str, status: int, code: str) -> None:
    found, refusal = desk.ask("auditor", "GET", "audit/verify", query=query)
    assert (found, refusal["code"]) == (status, code)


def test_nobody_without_a_group_verifies(desk: Desk) -> None:
    assert desk.ask("guest", "GET", "audit/verify")[0] == 403


def test_the_figures_of_a_sku_are_shown_with_a_forecast(desk: Desk) -> None:
    desk.world.stock_up(3)
    for number in (1, 2):
        lived(desk, number)
    desk.world.counting.put_on_record(SKU, changes(new_key(3)))
    told = desk.told("support", "GET", f"skus/{SKU}/figures")
    assert (told["imported"], told["on_hand"], told["sold"], told["issued"], told["low"]) == (3, 1, 2, 2, False)
    assert told["sources"] == [{"source": "?", "imported": 3, "issued": 2, "flagged": 0}]
    assert told["sales"] == [{"day": "2026-01-01", "sold": 2}]


def test_stock_that_sells_tells_when_it_will_be_gone(desk: Desk) -> None:
    desk.world.stock_up(0)
    now_ms = desk.world.now_ms()
    today = 10 * (now_ms % DAY_MS) // DAY_MS
    sold_ten_a_day = replace(
        no_figures(SKU, now_ms - 30 * DAY_MS),
        tally=Tally(imported=100 + today, on_hand=30, sold=70 + today),
        sales=(today, *[10] * 6, 10),
        sales_day=utc_date(now_ms),
    )
    assert desk.world.figures.replace(sold_ten_a_day.with_threshold(20, 1, now_ms))
    told = desk.told("support", "GET", f"skus/{SKU}/figures")["forecast"]
    assert told["text"] == "Sold out in about 3 days."
    assert (told["text_zh"], abs(told["sold_out_in_hours"] - 72) <= 2) == ("预计约 3 天后售罄。", True)


def test_figures_are_counted_out_by_who_may_and_the_next_one_waits(desk: Desk) -> None:
    desk.world.stock_up(3)
    path = f"skus/{SKU}/figures/recount"
    assert desk.ask("auditor", "POST", path, WHY)[0] == 403
    assert desk.ask("operator", "POST", path, {})[0] == 422
    told = desk.told("operator", "POST", path, WHY)
    assert (told["on_hand"], told["low_stock"], told["leased"]) == (3, 10, 0)
    assert desk.ask("operator", "POST", path, WHY)[1]["code"] == "stock_moving"


def test_figures_of_no_sku_are_not_found(desk: Desk) -> None:
    assert desk.ask("operator", "GET", "skus/nothing/figures")[1]["code"] == "unknown_sku"


def test_stock_is_listed_page_by_page(desk: Desk) -> None:
    for number, sku_id in enumerate(("one", "two", "three")):
        desk.world.counting.put_on_record(sku_id, changes(new_key(number, sku_id)))
    first = desk.told("finance", "GET", "stock", query="limit=2")
    seen, page = [each["sku_id"] for each in first["skus"]], first
    while "cursor" in page:
        page = desk.told("finance", "GET", "stock", query=f"limit=2&cursor={page['cursor']}")
        seen += [each["sku_id"] for each in page["skus"]]
    assert sorted(seen) == ["one", "three", "two"]

"""The page: what a stranger wrote into an order is shown and never run, and nothing is loaded from anywhere."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from functions.payment_sandbox.page import STYLE, headers, render
from functions.payment_sandbox.trades import Decision, Trade, decided, give_back, told
from keyrail.payments.providers.sandbox.signing import link_parameters, signed_link, verify_link
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.money import Money
from tests.unit.sandbox.test_trades import LINK, NOW_MS, SAID

SECRETS = ["sandbox-secret-of-the-test-0123456789"]
HOSTILE = "<script>alert(1)</script>\" onload='x' & 会员"


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def pages() -> list[str]:
    link = replace(LINK, title=HOSTILE, merchant=HOSTILE, return_url="https://shop.example/?a=1&b='2'")
    trades: list[Trade | None] = [None, *(decided(link, decision, None, NOW_MS) for decision in Decision)]
    return [render(link, trade, NOW_MS) for trade in trades]


@pytest.mark.parametrize("page", pages())
def test_what_a_stranger_wrote_is_text_and_nothing_else(page: str) -> None:
    tags = Tags(page)
    assert HOSTILE in tags.text
    assert not [tag for tag, _ in tags.seen if tag in {"script", "img", "iframe", "object", "link", "base"}]
    attributes = {name for _, given in tags.seen for name in given}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "style", "srcset"}]
    assert {given["href"] for tag, given in tags.seen if tag == "a"} <= {"https://shop.example/?a=1&b='2'"}


def test_the_policy_allows_the_pages_own_style_and_a_way_to_the_shop() -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers(LINK)["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["form-action"] == "'self' https://shop.example"
    assert policy["frame-ancestors"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert f"<style>{STYLE}</style>" in render(LINK, None, NOW_MS)


def test_four_buttons_post_what_a_person_decides_in_two_languages_without_a_script() -> None:
    tags = Tags(render(LINK, None, NOW_MS))
    assert [given["value"] for tag, given in tags.seen if tag == "button"] == [*Decision]
    assert [given for tag, given in tags.seen if tag == "form"] == [{"method": "post"}]
    assert "19.90 CNY" in tags.text
    for shown in ("支付 / Pay", "支付失败 / Fail", "延迟支付 / Pay late", "重复支付 / Pay twice"):
        assert shown in tags.text
    assert "expired" not in tags.text
    assert "订单已过期" in Tags(render(LINK, None, LINK.expires_at_ms)).text


def test_the_page_shows_afterwards_what_became_of_each_payment() -> None:
    trade = decided(LINK, Decision.PAY_TWICE, None, NOW_MS)
    first, second = (payment.reference for payment in trade.payments)
    given = give_back(told(trade, first, NOW_MS), "rfd_1", second, Money(1990, "CNY"), NOW_MS)
    assert isinstance(given, Trade)
    about_first, _, about_second = Tags(render(LINK, given, NOW_MS)).text.partition(second)
    assert "the shop knows" in about_first
    assert "refunded" not in about_first
    assert "the shop is being told" in about_second
    assert "refunded 19.90 CNY" in about_second


def test_every_changed_letter_of_a_link_is_refused() -> None:
    query = signed_link(SECRETS[0], SAID)
    verify_link(link_parameters(query), SECRETS)
    for place in range(len(query)):
        changed = query[:place] + ("A" if query[place] != "A" else "B") + query[place + 1 :]
        with pytest.raises(SignatureInvalid):
            verify_link(link_parameters(changed), SECRETS)


@pytest.mark.parametrize("spell", [lambda q: q.replace("+", "%20"), lambda q: q.replace("%3A", ":")])
def test_a_gateway_that_spells_the_same_parameters_otherwise_changes_nothing(spell: Callable[[str], str]) -> None:
    query = signed_link(SECRETS[0], SAID)
    other = spell(query)
    assert other != query
    verify_link(link_parameters(other), SECRETS)


@pytest.mark.parametrize(
    "change",
    [
        lambda q: f"{q}&amount_minor=1",
        lambda q: f"amount_minor=1&{q}",
        lambda q: f"extra=1&{q}",
        lambda q: "&".join(reversed(q.split("&"))),
        lambda q: q.partition("&sign=")[0],
        lambda q: q.partition("&sign=")[0] + "&sign=",
        lambda q: f"{q}é",
        lambda q: q + "&a=%FF",
        lambda q: "",
        lambda q: "&".join(f"a{number}=1" for number in range(40)) + f"&{q}",
    ],
)
def test_a_link_with_more_less_or_other_parameters_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(SignatureInvalid):
        verify_link(link_parameters(change(signed_link(SECRETS[0], SAID))), SECRETS)

"""易支付 v1, against a signer of the test's own, written from the protocol's description alone."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.model.confirmations import Confirmation
from keyrail.payments.model.refunds import RefundOrder, RefundState
from keyrail.payments.model.statements import StatementMissing
from keyrail.payments.providers import Callback, Means, Opening
from keyrail.payments.providers.epay import MAX_NAME_BYTES, Epay
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import Invalid, SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

KEY = "k3y-of-the-test"
ACCOUNT = Epay(account="main", pid="1001", key=KEY, gateway_url="https://gateway.example/")
ATTEMPT_ID = attempt_id(derived_id("ord", "epay"), 1)
NOW_MS = 1_760_000_000_000
PAID = {
    "pid": "1001",
    "trade_no": "20261009120000123",
    "out_trade_no": ATTEMPT_ID,
    "type": "alipay",
    "name": "VIP会员 30 天",
    "money": "19.90",
    "trade_status": "TRADE_SUCCESS",
}


def independent_sign(parameters: dict[str, str], key: str = KEY) -> str:
    text = ""
    for name in sorted(parameters):
        if parameters[name] != "" and name not in ("sign", "sign_type"):
            text += f"&{name}={parameters[name]}"
    return hashlib.md5(text[1:].encode() + key.encode()).hexdigest()


def signed_query(parameters: dict[str, str], key: str = KEY) -> str:
    return urlencode({**parameters, "sign": independent_sign(parameters, key), "sign_type": "MD5"})


def said(query: str, method: str = "GET") -> Confirmation:
    return ACCOUNT.confirm(Callback(method, query, b"", {}), NOW_MS)


def refused(query: str) -> bool:
    try:
        said(query)
    except SignatureInvalid:
        return True
    return False


def test_a_signed_success_is_a_payment_of_the_attempt() -> None:
    assert said(signed_query(PAID)) == Confirmation(
        provider="epay",
        account="main",
        merchant="1001",
        attempt_id=ATTEMPT_ID,
        reference="20261009120000123",
        amount=Money(1990, "CNY"),
        paid=True,
        status="TRADE_SUCCESS",
    )


def test_a_vector_worked_out_by_hand_is_accepted() -> None:
    # printf 'money=0.01&name=a b&out_trade_no=X&pid=1&trade_no=T&trade_status=TRADE_SUCCESSsecret' | md5sum
    query = (
        "pid=1&trade_no=T&out_trade_no=X&name=a+b&money=0.01&trade_status=TRADE_SUCCESS&param="
        "&sign=ccb08048e20a978084d23439948fff5b&sign_type=MD5"
    )
    account = Epay(account="main", pid="1", key="secret", gateway_url="https://gateway.example")
    assert account.confirm(Callback("GET", query, b"", {}), NOW_MS).paid


@pytest.mark.parametrize("status", ["WAIT_BUYER_PAY", "TRADE_FINISHED", "TRADE_CLOSED", "trade_success", "1"])
def test_only_trade_success_is_paid(status: str) -> None:
    claim = said(signed_query({**PAID, "trade_status": status}))
    assert (claim.paid, claim.status) == (False, status)


@pytest.mark.parametrize("money", ["19.999", "1e3", "-1", "NaN", "1,000", "１９.９０", " 19.90", "19.90元", "9" * 20])
def test_money_that_is_no_plain_amount_is_passed_on_as_no_amount(money: str) -> None:
    assert said(signed_query({**PAID, "money": money})).amount is None


def test_the_currency_is_the_accounts() -> None:
    account = replace(ACCOUNT, currency="HKD")
    claim = account.confirm(Callback("GET", signed_query(PAID), b"", {}), NOW_MS)
    assert claim.amount == Money(1990, "HKD")


def test_the_merchant_is_the_one_the_callback_names() -> None:
    assert said(signed_query({**PAID, "pid": "2002"})).merchant == "2002"


def test_every_changed_byte_is_refused_or_changes_nothing_that_was_signed() -> None:
    query = signed_query({**PAID, "param": ""})
    genuine = said(query)
    meaning = {name: value for name, value in parse_qsl(query) if value}
    accepted = 0
    for place in range(len(query)):
        for byte in range(256):
            changed = query[:place] + chr(byte) + query[place + 1 :]
            if changed == query or refused(changed):
                continue
            accepted += 1
            assert {n: v for n, v in parse_qsl(changed) if v} == meaning
            assert said(changed) == genuine
    assert accepted < 2 * len(query)


def test_every_cut_of_a_callback_is_refused() -> None:
    query = signed_query(PAID)
    without_sign_type = query.removesuffix("&sign_type=MD5")
    for end in range(len(query)):
        assert refused(query[:end]) or query[:end] == without_sign_type


def test_another_merchants_key_does_not_sign_for_this_account() -> None:
    assert refused(signed_query(PAID, key="another"))


@pytest.mark.parametrize("name", ["pid", "trade_no", "out_trade_no", "money", "trade_status"])
@pytest.mark.parametrize("change", [lambda p, n: p.pop(n), lambda p, n: p.update({n: ""})], ids=["missing", "empty"])
def test_a_required_field_that_is_not_there_is_refused(
    name: str, change: Callable[[dict[str, str], str], object]
) -> None:
    parameters = dict(PAID)
    change(parameters, name)
    assert refused(signed_query(parameters))


@pytest.mark.parametrize("sign", ["", "sign=&sign_type=MD5", "sign_type=MD5"])
def test_a_callback_without_a_signature_is_refused(sign: str) -> None:
    assert refused(f"{urlencode(PAID)}&{sign}")


@pytest.mark.parametrize("sign_type", ["RSA", "md5", "SHA256", ""])
def test_a_signature_of_another_type_is_refused(sign_type: str) -> None:
    assert refused(signed_query(PAID).replace("sign_type=MD5", f"sign_type={sign_type}"))


def test_a_signature_in_capitals_is_refused() -> None:
    sign = independent_sign(PAID)
    assert refused(signed_query(PAID).replace(sign, sign.upper()))


@pytest.mark.parametrize(
    "extra",
    [
        "money=19.90",
        "money=0.01",
        "%6Doney=19.90",
        "money[]=19.90",
        "money%5B%5D=19.90",
        "param[a]=",
        "",
        "flag",
        "=x",
        "param=%",
        "param=%4",
        "param=%zz",
        "param=%ff",
        "param=%ed%a0%80",
        "param=\ud800",
    ],
)
def test_a_query_that_can_be_read_in_two_ways_is_refused(extra: str) -> None:
    query = signed_query(PAID)
    assert refused(f"{query}&{extra}")
    assert refused(f"{extra}&{query}")


@pytest.mark.parametrize("raw", ["100%", "%4", "%zz", "%%20"])
def test_a_broken_escape_is_refused_even_where_its_letters_were_signed(raw: str) -> None:
    assert refused(f"{urlencode(PAID)}&param={raw}&sign={independent_sign({**PAID, 'param': raw})}")


def test_a_signed_value_that_swallows_another_parameter_is_refused() -> None:
    assert refused(signed_query({**PAID, "name": "x&out_trade_no=other"}))
    assert not refused(signed_query({**PAID, "name": "Tom & Jerry"}))


def test_values_and_queries_over_their_bounds_are_refused() -> None:
    assert not refused(signed_query({**PAID, "param": "x" * 512}))
    assert refused(signed_query({**PAID, "param": "x" * 513}))
    assert refused(signed_query({**PAID, **{f"p{number}": "x" for number in range(30)}}))
    assert refused(signed_query({**PAID, **{f"p{number}": "x" * 500 for number in range(9)}}))


def test_chinese_names_are_accepted_encoded_and_as_raw_utf8() -> None:
    assert said(signed_query(PAID).replace(quote("会员"), "会员")) == said(signed_query(PAID))


def posted(body: bytes, query: str = "") -> Confirmation:
    return ACCOUNT.confirm(Callback("POST", query, body, {}), NOW_MS)


def test_the_form_of_a_post_says_the_same_as_the_query_of_a_get() -> None:
    assert posted(signed_query(PAID).encode()) == said(signed_query(PAID))


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("POST", signed_query(PAID), b""),
        ("POST", signed_query(PAID), signed_query(PAID).encode()),
        ("POST", "a=b", signed_query(PAID).encode()),
        ("POST", "", b""),
        ("POST", "", signed_query(PAID).encode() + b"&param=\xff"),
        ("GET", signed_query(PAID), signed_query(PAID).encode()),
        ("GET", signed_query(PAID), b"a=b"),
        ("GET", "", signed_query(PAID).encode()),
        ("PUT", "", signed_query(PAID).encode()),
    ],
)
def test_parameters_in_the_wrong_place_or_in_two_are_refused(method: str, query: str, body: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        ACCOUNT.confirm(Callback(method, query, body, {}), NOW_MS)


def test_a_long_body_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        posted(signed_query(PAID).encode() + b"&param=" + b"x" * 5000)


def test_a_joint_between_text_and_key_is_the_accounts_setting() -> None:
    joined = replace(ACCOUNT, key_joint="&key=")
    query = signed_query(PAID, key=f"&key={KEY}")
    assert joined.confirm(Callback("GET", query, b"", {}), NOW_MS).paid
    assert refused(query)
    with pytest.raises(SignatureInvalid):
        joined.confirm(Callback("GET", signed_query(PAID), b"", {}), NOW_MS)


ATTEMPT = PaymentAttempt(attempt_id=ATTEMPT_ID, provider="epay", account="main", amount=Money(1990, "CNY"))
OPENING = Opening(
    "VIP会员", "https://api.example/webhooks/payments/epay/main", "https://shop.example/o?a=1&b=2", NOW_MS
)


def opened(attempt: PaymentAttempt = ATTEMPT, opening: Opening = OPENING) -> dict[str, str]:
    url = ACCOUNT.open(attempt, opening).url or ""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "gateway.example", "/submit.php")
    parameters = dict(parse_qsl(parts.query, strict_parsing=True, keep_blank_values=True))
    assert parameters["sign"] == independent_sign(parameters)
    return parameters


def test_opening_redirects_to_a_signed_page() -> None:
    parameters = opened(replace(ATTEMPT, method="wxpay"))
    del parameters["sign"]
    assert parameters == {
        "pid": "1001",
        "type": "wxpay",
        "out_trade_no": ATTEMPT_ID,
        "notify_url": OPENING.notify_url,
        "return_url": OPENING.return_url,
        "name": "VIP会员",
        "money": "19.90",
        "sign_type": "MD5",
    }
    assert ACCOUNT.open(ATTEMPT, OPENING).type == "redirect"


def test_opening_again_gives_the_same_page() -> None:
    assert ACCOUNT.open(ATTEMPT, OPENING) == ACCOUNT.open(ATTEMPT, OPENING)


def test_without_a_method_the_gateway_asks_the_buyer() -> None:
    assert "type" not in opened()


def test_the_money_asked_for_is_exact() -> None:
    assert opened(replace(ATTEMPT, amount=Money(5, "CNY")))["money"] == "0.05"
    assert opened(replace(ATTEMPT, amount=Money(10**12, "CNY")))["money"] == "10000000000.00"


@pytest.mark.parametrize("method", ["paypal", "", "ALIPAY", "alipay&money=0.01"])
def test_an_unknown_method_is_refused(method: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(replace(ATTEMPT, method=method), OPENING)
    assert refusal.value.fields[0].field == "payment.method"


def test_an_amount_in_another_currency_is_never_asked_for_as_the_accounts() -> None:
    with pytest.raises(Invalid):
        ACCOUNT.open(replace(ATTEMPT, amount=Money(1990, "USD")), OPENING)


def test_what_cannot_be_opened_can_be_refused_before_there_is_an_attempt() -> None:
    ACCOUNT.check(Money(1990, "CNY"), Means(method="alipay", return_url="https://shop.example"))
    wishes = [
        (Money(1990, "CNY"), Means(method="paypal", return_url="https://shop.example")),
        (Money(1990, "USD"), Means(return_url="https://shop.example")),
        (Money(1990, "CNY"), Means()),
        (Money(1990, "CNY"), Means(return_url="")),
    ]
    for amount, means in wishes:
        with pytest.raises(Invalid):
            ACCOUNT.check(amount, means)


def test_a_missing_return_address_is_refused_before_the_gateway_does() -> None:
    with pytest.raises(Invalid) as refusal:
        ACCOUNT.open(ATTEMPT, replace(OPENING, return_url=None))
    assert refusal.value.fields[0].field == "payment.return_url"


def test_a_name_is_cut_at_a_character_and_holds_no_joint() -> None:
    name = opened(opening=replace(OPENING, title="卡" * 60 + "&money=0.01"))["name"]
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name == "卡" * 42
    assert opened(opening=replace(OPENING, title="A&money=0"))["name"] == "A＆money=0"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("pid", ""),
        ("key", ""),
        ("key", " "),
        ("key", "secret\n"),
        ("account", ""),
        ("gateway_url", "javascript:alert(1)"),
        ("gateway_url", ""),
        ("currency", "XXX"),
        ("pid", 1001),
        ("key", None),
        ("gateway_url", "http://gateway.example"),
        ("gateway_url", "https://user@gateway.example"),
        ("gateway_url", "https://gateway.example/?a=1"),
        ("gateway_url", "https://"),
        ("gateway_url", None),
        ("key_joint", "&secret="),
        ("key_joint", None),
        ("version", 3),
        ("version", "1"),
        ("version", True),
        ("version", 2),
        ("merchant_private_key", "a secret of the other version"),
        ("platform_public_keys", []),
        ("opening", "form"),
        ("refunds", "on"),
        ("refunds", True),
    ],
)
def test_a_setting_that_cannot_be_right_stops_the_start(setting: str, value: Any) -> None:
    with pytest.raises(ConfigError) as error:
        replace(ACCOUNT, **{setting: value})
    assert "secret" not in str(error.value)


def test_the_key_shows_in_no_text() -> None:
    assert KEY not in repr(ACCOUNT)
    assert KEY not in (ACCOUNT.open(ATTEMPT, OPENING).url or "")
    with pytest.raises(SignatureInvalid) as error:
        said(signed_query(PAID, key="another"))
    assert KEY not in repr(error.value)


@pytest.mark.parametrize("address", [None, "", "localhost", "203.0.113.300", " 203.0.113.7"])
def test_by_the_api_nothing_is_opened_without_the_buyers_address(address: str | None) -> None:
    account = replace(ACCOUNT, opening="api")
    with pytest.raises(Invalid):
        account.open(replace(ATTEMPT, method="alipay"), replace(OPENING, payer_ip=address))
    way = Means(method="alipay", return_url="https://shop.example", payer_ip=address)
    with pytest.raises(Invalid) as refusal:
        account.check(ATTEMPT.amount, way)
    assert [(f.field, f.reason) for f in refusal.value.fields] == [("payment.method", "payer_address_unknown")]
    assert ACCOUNT.check(ATTEMPT.amount, way)


def test_by_the_api_nobody_asks_the_buyer_for_a_method() -> None:
    account = replace(ACCOUNT, opening="api")
    known = Means(method="alipay", return_url="https://shop.example", payer_ip="203.0.113.7")
    account.check(Money(1990, "CNY"), known)
    with pytest.raises(Invalid) as refusal:
        account.check(Money(1990, "CNY"), replace(known, method=None))
    assert refusal.value.fields[0].field == "payment.method"


def test_a_gateway_makes_no_statement() -> None:
    with pytest.raises(StatementMissing):
        ACCOUNT.statement(date(2026, 10, 9))


def test_where_refunds_are_off_nobody_is_asked_and_a_person_does_it() -> None:
    answer = ACCOUNT.refund(RefundOrder(refund_id="rfd_1", attempt=ATTEMPT, amount=ATTEMPT.amount, reason="gone"))
    assert (answer.state, answer.status) == (RefundState.FAILED, "not_supported")


def test_the_acknowledgement_is_the_gateways_word() -> None:
    assert (ACCOUNT.acknowledgement.body, ACCOUNT.acknowledgement.content_type) == ("success", "text/plain")
    assert ACCOUNT.merchant == "1001"


@pytest.mark.parametrize("joint", ["", "&key="])
def test_the_link_that_a_buyer_is_sent_with_is_no_callback_whatever_their_return_address_holds(joint: str) -> None:
    account = replace(ACCOUNT, key_joint=joint)
    told = "https://shop.example/&trade_no=T-1&trade_status=TRADE_SUCCESS"
    link = account.open(ATTEMPT, replace(OPENING, return_url=told)).url or ""
    said = {**dict(parse_qsl(urlsplit(link).query)), "return_url": "https://shop.example/"}
    forged = {**said, "trade_no": "T-1", "trade_status": "TRADE_SUCCESS"}
    for query in (urlencode(forged), urlencode({**said, "return_url": told}), urlsplit(link).query):
        with pytest.raises(SignatureInvalid):
            account.confirm(Callback("GET", query, b"", {}), NOW_MS)

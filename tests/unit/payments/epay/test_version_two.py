"""易支付 v2: RSA callbacks and pages, against signatures that `cryptography` makes over a text of the test's own."""

import base64
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from keyrail.payments.model.attempts import PaymentAttempt, attempt_id
from keyrail.payments.providers import Callback, Opening
from keyrail.payments.providers.epay import Epay
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.ids import derived_id
from keyrail.platform.money import Money

NOW_S = 1_790_000_000
ATTEMPT_ID = attempt_id(derived_id("ord", "epay two"), 1)
PAID = {
    "pid": "1001",
    "trade_no": "2026100912000012345",
    "out_trade_no": ATTEMPT_ID,
    "api_trade_no": "4200001",
    "type": "wxpay",
    "name": "VIP会员 30 天",
    "money": "19.9",
    "trade_status": "TRADE_SUCCESS",
    "timestamp": str(NOW_S),
}


@cache
def key_of(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    assert name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode().strip()


def bare(pem: str) -> str:
    """As a gateway shows a key: without its first and last line, in one."""
    return "".join(pem.strip().splitlines()[1:-1])


@cache
def account() -> Epay:
    return Epay(
        account="main",
        pid="1001",
        gateway_url="https://gateway.example",
        version=2,
        merchant_private_key=private_pem(key_of("merchant")),
        platform_public_keys=[public_pem(key_of("platform"))],
        now_ms=lambda: NOW_S * 1000,
    )


def text_of(parameters: dict[str, str]) -> bytes:
    names = sorted(name for name in parameters if parameters[name] != "" and name not in ("sign", "sign_type"))
    return "&".join(name + "=" + parameters[name] for name in names).encode()


def signed_query(parameters: dict[str, str], key: str = "platform", **more: str) -> str:
    signature = key_of(key).sign(text_of(parameters), padding.PKCS1v15(), hashes.SHA256())
    sign = base64.b64encode(signature).decode()
    return urlencode({**parameters, "sign": sign, "sign_type": "RSA", **more})


def refused(query: str, at_s: int = NOW_S, provider: Epay | None = None) -> bool:
    try:
        (provider or account()).confirm(Callback("GET", query, b"", {}), at_s * 1000)
    except SignatureInvalid:
        return True
    return False


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_platform_signed_is_a_payment_of_the_attempt(method: str) -> None:
    query = signed_query(PAID)
    callback = Callback(method, query, b"", {}) if method == "GET" else Callback(method, "", query.encode(), {})
    said = account().confirm(callback, NOW_S * 1000)
    assert (said.merchant, said.attempt_id, said.reference) == ("1001", ATTEMPT_ID, PAID["trade_no"])
    assert (said.amount, said.paid, said.status) == (Money(1990, "CNY"), True, "TRADE_SUCCESS")


def test_every_changed_byte_is_refused_or_changes_nothing_that_was_signed() -> None:
    query = signed_query(PAID)
    meaning = dict(parse_qsl(query))
    accepted = 0
    for place in range(len(query)):
        for byte in (*b"0Az=+/%&-", ord(query[place]) ^ 1, ord(query[place]) ^ 0x20):
            changed = query[:place] + chr(byte) + query[place + 1 :]
            if changed == query or refused(changed):
                continue
            accepted += 1
            assert dict(parse_qsl(changed)) == meaning
    assert accepted < 100


def test_every_cut_of_a_callback_is_refused() -> None:
    query = signed_query(PAID)
    assert all(refused(query[:end]) for end in range(len(query)))


def test_a_second_spelling_of_the_signature_is_refused() -> None:
    query = signed_query(PAID)
    sign = dict(parse_qsl(query))["sign"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = sign.rstrip("=")[-1]
    respelt = sign.rstrip("=")[:-1] + alphabet[alphabet.index(last) + 1] + "=="
    assert base64.b64decode(respelt) == base64.b64decode(sign)
    assert refused(query.replace(quote(sign, safe=""), quote(respelt, safe="")))
    assert refused(query.replace(quote(sign, safe=""), quote(sign[:76] + "\n" + sign[76:], safe="")))


@pytest.mark.parametrize("off_s", [-301, -300, 0, 300, 301])
def test_a_time_stamp_counts_for_five_minutes_both_ways(off_s: int) -> None:
    assert refused(signed_query(PAID), NOW_S + off_s) is (abs(off_s) > 300)


@pytest.mark.parametrize("timestamp", ["", "0", "-1", "1790000000.0", "１７９０００００００", "9" * 13, "soon"])
def test_a_time_stamp_that_is_none_is_refused(timestamp: str) -> None:
    assert refused(signed_query({**PAID, "timestamp": timestamp}))


def test_a_callback_without_a_time_stamp_is_refused() -> None:
    assert refused(signed_query({name: value for name, value in PAID.items() if name != "timestamp"}))


@pytest.mark.parametrize("sign_type", ["MD5", "rsa", "RSA2", "SHA256WithRSA", ""])
def test_a_signature_of_another_type_is_refused(sign_type: str) -> None:
    assert refused(signed_query(PAID, sign_type=sign_type))


def test_another_hash_or_padding_is_refused() -> None:
    key = key_of("platform")
    sha1 = key.sign(text_of(PAID), padding.PKCS1v15(), hashes.SHA1())
    pss = key.sign(text_of(PAID), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    for signature in (sha1, pss):
        assert refused(urlencode({**PAID, "sign": base64.b64encode(signature).decode(), "sign_type": "RSA"}))


def test_neither_our_own_key_nor_anybody_elses_speaks_for_the_platform() -> None:
    assert refused(signed_query(PAID, key="merchant"))
    assert refused(signed_query(PAID, key="stranger"))


def test_while_keys_change_each_of_them_verifies_and_an_old_one_no_longer() -> None:
    both = replace(account(), platform_public_keys=[public_pem(key_of("platform")), public_pem(key_of("next"))])
    assert not refused(signed_query(PAID), provider=both)
    assert not refused(signed_query(PAID, key="next"), provider=both)
    after = replace(account(), platform_public_keys=[public_pem(key_of("next"))])
    assert refused(signed_query(PAID), provider=after)


def test_keys_are_taken_as_gateways_show_them() -> None:
    plain = replace(
        account(),
        merchant_private_key=bare(private_pem(key_of("merchant"))),
        platform_public_keys=[bare(public_pem(key_of("platform")))],
    )
    assert not refused(signed_query(PAID), provider=plain)
    assert plain.open(ATTEMPT, OPENING) == account().open(ATTEMPT, OPENING)


ATTEMPT = PaymentAttempt(attempt_id=ATTEMPT_ID, provider="epay", account="main", amount=Money(1990, "CNY"))
OPENING = Opening("VIP会员", "https://api.example/webhooks/payments/epay/main", "https://shop.example/o?a=1", 0)


def test_opening_redirects_to_a_page_that_our_key_signed() -> None:
    parts = urlsplit(account().open(replace(ATTEMPT, method="wxpay"), OPENING).url or "")
    assert (parts.netloc, parts.path) == ("gateway.example", "/api/pay/submit")
    parameters = dict(parse_qsl(parts.query, strict_parsing=True))
    signature = base64.b64decode(parameters["sign"])
    key_of("merchant").public_key().verify(signature, text_of(parameters), padding.PKCS1v15(), hashes.SHA256())
    assert parameters == {
        "pid": "1001",
        "type": "wxpay",
        "out_trade_no": ATTEMPT_ID,
        "notify_url": OPENING.notify_url,
        "return_url": OPENING.return_url,
        "name": "VIP会员",
        "money": "19.90",
        "timestamp": str(NOW_S),
        "sign": parameters["sign"],
        "sign_type": "RSA",
    }


def test_a_page_opened_again_carries_the_time_of_now() -> None:
    later = replace(account(), now_ms=lambda: (NOW_S + 600) * 1000)
    parameters = dict(parse_qsl(urlsplit(later.open(ATTEMPT, OPENING).url or "").query))
    assert (parameters["timestamp"], parameters["out_trade_no"]) == (str(NOW_S + 600), ATTEMPT_ID)


def unusable_settings() -> list[tuple[str, Any]]:
    curve = ec.generate_private_key(ec.SECP256R1())
    short = key_of("short", 1024)
    good = public_pem(key_of("platform"))
    return [
        ("merchant_private_key", None),
        ("merchant_private_key", ""),
        ("merchant_private_key", "not-a-key"),
        ("merchant_private_key", bare(private_pem(key_of("merchant")))[:-8]),
        ("merchant_private_key", good),
        ("merchant_private_key", private_pem(curve)),
        ("merchant_private_key", private_pem(short)),
        ("platform_public_keys", None),
        ("platform_public_keys", []),
        ("platform_public_keys", good),
        ("platform_public_keys", [good, ""]),
        ("platform_public_keys", [good, 7]),
        ("platform_public_keys", [good] * 5),
        ("platform_public_keys", [public_pem(curve)]),
        ("platform_public_keys", [public_pem(short)]),
        ("platform_public_keys", [private_pem(key_of("platform"))]),
        ("key", "of version one"),
        ("key_joint", "&key="),
        ("refunds", "v1"),
    ]


@pytest.mark.parametrize("case", range(len(unusable_settings())))
def test_a_setting_that_cannot_be_right_stops_the_start_and_is_named(case: int) -> None:
    setting, value = unusable_settings()[case]
    with pytest.raises(ConfigError) as error:
        replace(account(), **{setting: value})
    assert str(error.value) == f"epay.{setting}"


def test_a_key_whose_signature_is_longer_than_a_value_of_a_callback_may_be_stops_the_start() -> None:
    """Else each callback would be refused, and only asking would find what was paid."""
    longest = replace(account(), platform_public_keys=[public_pem(key_of("long", 3072))])
    key = key_of("long", 3072)
    sign = base64.b64encode(key.sign(text_of(PAID), padding.PKCS1v15(), hashes.SHA256())).decode()
    assert not refused(urlencode({**PAID, "sign": sign, "sign_type": "RSA"}), provider=longest)
    longer = rsa.RSAPublicNumbers(65537, 2**4095 + 1).public_key()
    pem = longer.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ConfigError, match=r"^epay\.platform_public_keys$"):
        replace(account(), platform_public_keys=[pem.strip()])


def test_no_key_shows_in_any_text() -> None:
    shown = repr(account()) + repr(account().open(ATTEMPT, OPENING))
    assert bare(private_pem(key_of("merchant")))[40:80] not in shown
    assert "BEGIN" not in shown

"""Partners' signatures, by vectors that say byte for byte what is signed."""

import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyrail.channels.model import (
    TOLERANCE_S,
    Credential,
    Signed,
    canonical_query,
    check_signature,
    lines_to_sign,
    signature,
)
from keyrail.channels.service import CREDENTIALS_CACHE_MS, Partners, partner_credentials
from keyrail.platform.config import ConfigError
from keyrail.platform.errors import SignatureInvalid

SIGNED_AT_S = 1_767_225_600
NOW_MS = SIGNED_AT_S * 1_000
OLD, NEW = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
TILL = Credential("kc_0a1b2c3d4e5f", "coffee-house", (NEW, OLD))
BODY = b'{"code":"TST0-1234","redemption_id":"till-7-000418"}'
HEADERS = {
    "keyrail-key": TILL.credential_id,
    "keyrail-timestamp": str(SIGNED_AT_S),
    "keyrail-nonce": "b5c1e0f2-7d4a-4a8e",
    "content-type": "application/json",
}
REQUEST = Signed("POST", "/partner/v1/redemptions", "", HEADERS, BODY)


def sent(request: Signed = REQUEST, secret: str = NEW) -> Signed:
    return altered("signature", signature(request, secret), request)


def altered(header: str, value: str, request: Signed | None = None) -> Signed:
    """A header of it was changed on its way."""
    request = request or sent()
    return replace(request, headers={**request.headers, f"keyrail-{header}": value})


def test_what_is_signed_are_seven_lines() -> None:
    request = replace(REQUEST, query="day=2026-01-01&limit=5")
    assert lines_to_sign(request).decode() == (
        "v1\n"
        "POST\n"
        "/partner/v1/redemptions\n"
        "day=2026-01-01&limit=5\n"
        "1767225600\n"
        "b5c1e0f2-7d4a-4a8e\n"
        "fdd77aa5fa33fc01295b62fabb450d5cf2fbb34b09703408b1a1294ddd2236a3"
    )


def test_the_signature_is_the_hmac_of_these_lines_in_hex() -> None:
    expected = hmac.new(NEW.encode(), lines_to_sign(REQUEST), "sha256").hexdigest()
    assert signature(REQUEST, NEW) == f"v1={expected}"


def test_a_vector_that_other_languages_can_be_held_to() -> None:
    request = Signed(
        "GET",
        "/partner/v1/orders",
        "external_order_no=A%2d1%20b&b=2&a=%E5%8D%A1",
        {"keyrail-timestamp": "1767225600", "keyrail-nonce": "0123456789abcdef"},
        b"",
    )
    assert lines_to_sign(request) == (
        b"v1\nGET\n/partner/v1/orders\na=%E5%8D%A1&b=2&external_order_no=A-1%20b\n1767225600\n0123456789abcdef\n"
        b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    # openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
    assert signature(request, OLD) == "v1=e0688dc213976283fc1332daec462566389c6145db94cf36e12d82981f6d815c"


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("", ""),
        ("b=2&a=1", "a=1&b=2"),
        ("a=2&a=1&a=10", "a=1&a=10&a=2"),
        ("a", "a="),
        ("a=", "a="),
        ("a=b=c", "a=b%3Dc"),
        ("a=%7e%2D%5f.", "a=~-_."),
        ("a=%e5%8d%a1", "a=%E5%8D%A1"),
        ("a=b+c", "a=b%2Bc"),
        ("a=b%20c", "a=b%20c"),
        ("a%2fb=%2F", "a%2Fb=%2F"),
        ("a=%ff", "a=%FF"),
        ("a=%zz", "a=%25zz"),
        ("&&a=1&", "a=1"),
        ("ab=1&a=2", "a=2&ab=1"),
    ],
)
def test_a_query_has_one_canonical_spelling(query: str, canonical: str) -> None:
    assert canonical_query(query) == canonical
    assert canonical_query(canonical) == canonical


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=5).flatmap(st.permutations))
def test_the_order_of_parameters_means_nothing(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import quote

    spelled = [f"{quote(name, safe='', errors='replace')}={quote(v, safe='', errors='replace')}" for name, v in pairs]
    assert canonical_query("&".join(spelled)) == canonical_query("&".join(sorted(spelled)))


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_either_of_two_secrets_will_do(secret: str) -> None:
    assert check_signature(sent(secret=secret), TILL, NOW_MS) == TILL


@pytest.mark.parametrize("late_s", [-TOLERANCE_S, -1, 0, 1, TOLERANCE_S])
def test_a_clock_may_be_off_by_five_minutes_either_way(late_s: int) -> None:
    assert check_signature(sent(), TILL, NOW_MS + late_s * 1_000) == TILL


@pytest.mark.parametrize("late_ms", [-TOLERANCE_S * 1_000 - 1, TOLERANCE_S * 1_000 + 1])
def test_beyond_that_it_is_refused(late_ms: int) -> None:
    with pytest.raises(SignatureInvalid):
        check_signature(sent(), TILL, NOW_MS + late_ms)


FORGED = {
    "another body": replace(sent(), body=BODY + b" "),
    "another path": replace(sent(), path="/partner/v1/redemptions/reverse"),
    "another method": replace(sent(), method="PUT"),
    "another query": replace(sent(), query="a=1"),
    "another time": altered("timestamp", str(SIGNED_AT_S + 1)),
    "another nonce": altered("nonce", "c5c1e0f2-7d4a-4a8e"),
    "somebody else's secret": sent(secret="x" * 32),
    "no signature": REQUEST,
    "an empty one": altered("signature", ""),
    "one without its version": altered("signature", signature(REQUEST, NEW)[3:]),
    "another version": altered("signature", signature(REQUEST, NEW).replace("v1", "v2")),
    "upper case": altered("signature", "v1=" + signature(REQUEST, NEW)[3:].upper()),
    "a part of it": altered("signature", signature(REQUEST, NEW)[:-1]),
    "two of them": altered("signature", f"{signature(REQUEST, NEW)},{signature(REQUEST, OLD)}"),
    "no ASCII": altered("signature", "v1=" + "é" * 64),
}


@pytest.mark.parametrize("how", FORGED)
def test_a_request_that_is_not_what_was_signed_is_refused(how: str) -> None:
    with pytest.raises(SignatureInvalid) as refused:
        check_signature(FORGED[how], TILL, NOW_MS)
    assert (refused.value.fields, refused.value.facts) == ((), {})


@pytest.mark.parametrize(
    "timestamp", ["", "0", "-1767225600", "1767225600.0", "1767225600 ", "１７６７２２５６００", "9" * 13]
)
def test_a_time_that_is_none_is_refused_however_it_is_signed(timestamp: str) -> None:
    request = replace(REQUEST, headers={**HEADERS, "keyrail-timestamp": timestamp})
    with pytest.raises(SignatureInvalid):
        check_signature(sent(request), TILL, NOW_MS)


@pytest.mark.parametrize("nonce", ["", "x" * 15, "x" * 65, "x" * 8 + " " + "x" * 8, "卡" * 16])
def test_a_nonce_is_of_16_to_64_visible_characters(nonce: str) -> None:
    with pytest.raises(SignatureInvalid):
        check_signature(sent(replace(REQUEST, headers={**HEADERS, "keyrail-nonce": nonce})), TILL, NOW_MS)
    longest = replace(REQUEST, headers={**HEADERS, "keyrail-nonce": "x" * 64})
    assert check_signature(sent(longest), TILL, NOW_MS) == TILL


def test_nobody_s_credential_signs_nothing_not_even_with_the_padding_that_hides_it() -> None:
    for secret in ("", "0" * 32):
        with pytest.raises(SignatureInvalid):
            check_signature(sent(secret=secret), None, NOW_MS)
        with pytest.raises(SignatureInvalid):
            check_signature(sent(secret=secret), replace(TILL, secrets=(NEW,)), NOW_MS)


def test_every_refusal_takes_the_same_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []
    compare_digest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    counts = []
    for credential in (None, replace(TILL, secrets=(OLD,)), TILL):
        compared.clear()
        with pytest.raises(SignatureInvalid):
            check_signature(sent(secret="x" * 32), credential, NOW_MS)
        counts.append(len(compared))
    assert counts == [2, 2, 2]


def test_a_credential_and_a_request_print_no_secret_and_no_code() -> None:
    assert NEW not in repr(TILL)
    assert "TST0" not in repr(sent())
    assert signature(REQUEST, NEW) not in repr(sent())


# credentials as an operator keeps them

SECRET = f'{{"kc_0a1b2c3d4e5f": {{"partner": "coffee-house", "secrets": ["{NEW}", "{OLD}"]}}}}'


def test_credentials_are_read_from_the_secret() -> None:
    assert partner_credentials(SECRET) == {TILL.credential_id: TILL}
    assert partner_credentials("{}") == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "[]",
        "null",
        SECRET[:-1],
        SECRET.replace("kc_0a1b2c3d4e5f", "kc"),
        SECRET.replace("kc_0a1b2c3d4e5f", "*"),
        SECRET.replace("coffee-house", "Coffee House"),
        SECRET.replace(f'"{NEW}", ', f'"{NEW}", "{"z" * 32}", '),
        SECRET.replace(f'["{NEW}", "{OLD}"]', "[]"),
        SECRET.replace(f'["{NEW}", "{OLD}"]', f'"{NEW}"'),
        SECRET.replace(NEW, "short"),
        SECRET.replace(NEW, f" {NEW}"),
        SECRET.replace('"partner": "coffee-house", ', ""),
    ],
)
def test_a_secret_that_is_none_is_named_and_never_quoted(wrong: str) -> None:
    with pytest.raises(ConfigError) as refused:
        partner_credentials(wrong)
    assert str(refused.value) == "PARTNER_CREDENTIALS"
    assert refused.value.__cause__ is None


def test_credentials_are_read_again_after_a_while_so_that_one_can_be_taken_away() -> None:
    reads, now = [SECRET, "{}"], [NOW_MS]
    partners = Partners(lambda: reads.pop(0), lambda: now[0])
    assert partners.signer(sent()) == TILL
    now[0] += CREDENTIALS_CACHE_MS - 1
    assert partners.signer(sent()) == TILL
    now[0] += 1
    with pytest.raises(SignatureInvalid):
        partners.signer(sent())
    assert reads == []

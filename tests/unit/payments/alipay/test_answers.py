"""Alipay's answers: believed in the letters in which they were signed, and in no others."""

import json

import pytest

from keyrail.payments.providers.alipay.answers import read
from keyrail.payments.providers.alipay.signing import public_key_of
from tests.alipay_gateway import ATTEMPT_ID, answer, public_text, sdk, signature

METHOD = "alipay.trade.query"
NAME = "alipay_trade_query_response"
KEYS = (public_key_of(public_text("alipay")),)
SAID = {"code": "10000", "msg": "Success", "out_trade_no": ATTEMPT_ID, "trade_status": "TRADE_SUCCESS"}


def refused(raw: bytes) -> bool:
    try:
        read(raw, METHOD, KEYS)
    except ValueError:
        return True
    return False


def test_what_the_sdk_accepts_is_read() -> None:
    raw = answer(METHOD, **SAID, buyer="王*明", fund_bill_list=[{"amount": "19.90", "fund_channel": "ALIPAYACCOUNT"}])
    believed = sdk("app", "alipay")._verify_and_return_sync_response(raw.decode(), NAME)
    assert read(raw, METHOD, KEYS).said == believed
    assert read(raw, METHOD, KEYS).succeeded


@pytest.mark.parametrize(
    "text",
    [
        '{"code":"10000"}',
        '{ "code" : "10000" }',
        '{"sub":{"a":["}","{",{}]},"code":"10000","msg":"a \\"quoted\\" } brace"}',
        '{"code":"10000","msg":"\\u5f20\\u4e09"}',
        '{"code":"10000","msg":"张三"}',
        '{"code":"10000","url":"http:\\/\\/a.example\\/b"}',
    ],
)
def test_the_letters_that_came_are_the_ones_that_were_signed(text: str) -> None:
    assert read(answer(METHOD, raw=text), METHOD, KEYS).said == json.loads(text)


def test_an_answer_that_was_signed_before_its_slashes_were_escaped_is_read_as_signed() -> None:
    text = '{"code":"10000","url":"http://a.example/b"}'
    raw = answer(METHOD, raw=text).replace(text.encode(), text.replace("/", "\\/").encode())
    assert read(raw, METHOD, KEYS).text("url") == "http://a.example/b"


def test_what_is_believed_is_the_text_that_was_signed_and_not_the_one_that_came() -> None:
    """Taking backslashes away must not let one in: `b\\\\/c` came, `b\\/c` was signed, and that reads `b/c`."""
    text = '{"code":"10000","said":"b\\/c"}'
    raw = answer(METHOD, raw=text).replace(b"b\\/c", b"b\\\\/c")
    assert read(raw, METHOD, KEYS).text("said") == "b/c"


def test_nothing_may_follow_an_answer() -> None:
    raw = answer(METHOD, **SAID)
    assert not refused(raw + b"\r\n")
    for more in (b"x", b"{}", b",", b"}", raw):
        assert refused(raw + more)


def test_an_answer_that_was_written_anew_is_refused() -> None:
    raw = answer(METHOD, raw='{"code": "10000", "msg": "Success"}')
    assert not refused(raw)
    assert refused(json.dumps(json.loads(raw), separators=(",", ":")).encode())


def test_every_changed_byte_is_refused_or_changes_nothing_that_was_said() -> None:
    raw = answer(METHOD, **SAID, msg2="张三")
    genuine = read(raw, METHOD, KEYS)
    accepted = 0
    for place in range(len(raw)):
        for byte in range(256):
            changed = raw[:place] + bytes([byte]) + raw[place + 1 :]
            if changed != raw and not refused(changed):
                accepted += 1
                assert read(changed, METHOD, KEYS) == genuine
    assert accepted == 0


def test_every_cut_of_an_answer_is_refused() -> None:
    raw = answer(METHOD, **SAID)
    for end in range(len(raw)):
        assert refused(raw[:end])


def test_white_space_between_the_members_is_no_part_of_what_was_signed() -> None:
    text = '{"code":"10000"}'
    spaced = f'\n{{ "sign" : "{signature(text)}" ,\t"{NAME}" : {text} }}\r\n'
    assert read(spaced.encode(), METHOD, KEYS).succeeded


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'"x"',
        b"{}",
        b"<html>busy</html>",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"sign":"x"}',
        b'{"sign":1,"alipay_trade_query_response":{"code":"10000"}}',
        b'{"alipay_trade_query_response":{"code":"10000"}}',
        b'{"alipay_trade_query_response":{"code":"40002","sub_code":"isv.invalid-app-id"}}',
    ],
)
def test_what_is_not_signed_is_no_answer(raw: bytes) -> None:
    assert refused(raw)


def test_an_answer_of_another_method_or_by_another_key_is_refused() -> None:
    assert refused(answer("alipay.trade.refund", **SAID))
    assert refused(answer(METHOD, by="app", **SAID))
    assert refused(answer(METHOD, by="somebody", **SAID))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '"10000"',
        "10000",
        "null",
        "{}",
        '{"code":10000}',
        '{"code":["10000"]}',
        '{"code":"10000","sub_code":null}',
        '{"code":"10000","code":"40004"}',
        '{"code":"10000","a":{"b":1,"b":2}}',
        '{"code":"10000","a":NaN}',
    ],
)
def test_a_signed_answer_that_can_be_read_in_two_ways_is_refused(text: str) -> None:
    assert refused(answer(METHOD, raw=text))


def test_a_member_given_twice_is_refused() -> None:
    cheap, dear = '{"code":"10000","total_amount":"0.01"}', '{"code":"10000","total_amount":"19.90"}'
    for first, second in ((cheap, dear), (dear, cheap)):
        for signed in (first, second):
            assert refused(f'{{"{NAME}":{first},"{NAME}":{second},"sign":"{signature(signed)}"}}'.encode())


def test_sums_stay_the_letters_that_came() -> None:
    assert read(answer(METHOD, raw='{"code":"10000","a":19.90,"b":"19.90"}'), METHOD, KEYS).said == {
        "code": "10000",
        "a": "19.90",
        "b": "19.90",
    }


def test_the_gateways_own_refusal_is_read_where_it_is_signed() -> None:
    text = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-signature"}'
    raw = f'{{"error_response":{text},"sign":"{signature(text)}"}}'
    assert read(raw.encode(), METHOD, KEYS).status == "isv.invalid-signature"
    assert refused(f'{{"error_response":{text}}}'.encode())


def test_half_a_character_which_nobody_can_write_down_is_no_text() -> None:
    """JSON can spell one, signed and all: a number or a word with it in would be refused by every store."""
    said = read(answer(METHOD, raw='{"code":"10000","trade_no":"2026\\ud800","buyer":"\\ud83d\\ude00"}'), METHOD, KEYS)
    assert said.text("trade_no") == ""
    assert said.text("buyer") == "\N{GRINNING FACE}"
    assert refused(answer(METHOD, raw='{"code":"4000\\udfff"}'))
    assert refused(answer(METHOD, raw='{"code":"40004","sub_code":"ACQ.\\ud800"}'))

"""Fetching the trade bill: the signed answer names it, and its digest is what makes the file WeChat Pay's."""

import gzip
import hashlib
from datetime import date
from typing import Any

import pytest

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.model.statements import StatementLine, StatementMissing
from tests.wechat_platform import APPID, MCHID
from tests.wechat_server import Wechat

BILL = "/v3/bill/tradebill"
FILE = "/v3/billdownload/file"
TOKEN = "6XIv5TUPto7pByrTQKhd6kwvyKLG2uY2wMMR8cNXqaA_Cv_isgaUtBzp4QtiozLO"
HEADING = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
ROW = (
    f"`2026-09-22 01:33:20,`{APPID},`{MCHID},`0,`,`4200001,`pay_1,`oUpF8,`NATIVE,`SUCCESS,`OTHERS,`CNY,`19.90,`0.00,"
    "`0,`0,`0.00,`0.00,`,`,`Order 1,`,`0.12000,`0.60%,`19.90,`0.00,`"
)
SUMS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
CONTENT = f"{HEADING}\r\n{ROW}\r\n{SUMS}\r\n`1,`19.90,`0.00,`0.00,`0.12000,`19.90,`0.00\r\n".encode()


def publish(wechat: Wechat, content: bytes = CONTENT, **changes: Any) -> None:
    where = {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(content).hexdigest(),
        "download_url": f"https://api.mch.weixin.qq.com{FILE}?token={TOKEN}",
    }
    wechat.will_say(BILL, where | changes)
    wechat.will_say(FILE, content)


def fetch(wechat: Wechat) -> list[StatementLine]:
    return list(wechat.account().statement(date(2026, 9, 22)))


def refused(wechat: Wechat) -> bool:
    try:
        fetch(wechat)
    except ProviderUnavailable:
        return True
    return False


def test_the_movements_of_a_day_are_fetched(wechat: Wechat) -> None:
    publish(wechat)
    assert [(line.number, line.amount.amount_minor) for line in fetch(wechat)] == [("pay_1", 1990)]
    assert [sent.path for sent in wechat.server.requests] == [
        f"{BILL}?bill_date=2026-09-22&bill_type=ALL&tar_type=GZIP",
        f"{FILE}?token={TOKEN}",
    ]


def test_the_file_is_asked_for_where_we_ask_everything_whatever_host_is_named(wechat: Wechat) -> None:
    publish(wechat, download_url=f"https://attacker.example{FILE}?token={TOKEN}")
    assert len(fetch(wechat)) == 1
    assert len(wechat.server.requests) == 2


@pytest.mark.parametrize("code", ["NO_STATEMENT_EXIST", "STATEMENT_CREATING"])
def test_a_bill_that_is_not_there_is_missing(wechat: Wechat, code: str) -> None:
    wechat.will_refuse(BILL, 400, code)
    with pytest.raises(StatementMissing):
        fetch(wechat)


@pytest.mark.parametrize("code", ["INVALID_REQUEST", "SIGN_ERROR", "FREQUENCY_LIMITED"])
def test_another_refusal_does_not_make_it_missing(wechat: Wechat, code: str) -> None:
    wechat.will_refuse(BILL, 400, code)
    assert refused(wechat)


@pytest.mark.parametrize(
    "changes",
    [
        {"hash_value": "0" * 40},
        {"hash_value": ""},
        {"hash_value": None},
        {"hash_value": "é"},
        {"hash_value": "\ud800"},
        {"hash_type": "MD5"},
        {"download_url": None},
        {"download_url": "https://[oops"},
        {"download_url": f"https://api.mch.weixin.qq.com{FILE}"},
    ],
)
def test_a_file_that_the_signed_answer_does_not_vouch_for_is_refused(wechat: Wechat, changes: dict[str, Any]) -> None:
    publish(wechat, **changes)
    assert refused(wechat)


def test_nothing_but_a_file_is_asked_for_on_an_answers_word(wechat: Wechat) -> None:
    publish(wechat, download_url=f"https://api.mch.weixin.qq.com/v3/certificates?token={TOKEN}")
    wechat.will_say("/v3/certificates", CONTENT)
    assert refused(wechat)
    assert [sent.path.partition("?")[0] for sent in wechat.server.requests] == [BILL]


def test_a_changed_file_is_refused(wechat: Wechat) -> None:
    publish(wechat)
    wechat.will_say(FILE, CONTENT.replace(b"19.90", b"19.91"))
    assert refused(wechat)


def test_a_file_that_is_no_bill_is_refused(wechat: Wechat) -> None:
    publish(wechat, b"<html>maintenance</html>")
    assert refused(wechat)


def test_a_file_that_is_not_handed_out_is_unavailable(wechat: Wechat) -> None:
    publish(wechat)
    wechat.will_refuse(FILE, 400, "FREQUENCY_LIMITED")
    assert refused(wechat)


def packed(wechat: Wechat, file: bytes, content: bytes = CONTENT) -> None:
    publish(wechat, content)
    wechat.will_say(FILE, file)


def test_a_packed_bill_is_unpacked_and_held_to_the_digest_of_what_is_in_it(wechat: Wechat) -> None:
    packed(wechat, gzip.compress(CONTENT))
    assert [line.number for line in fetch(wechat)] == ["pay_1"]
    packed(wechat, gzip.compress(CONTENT.replace(b"19.90", b"09.90")))
    assert refused(wechat)


@pytest.mark.parametrize(
    "file",
    [
        gzip.compress(CONTENT)[:-1],
        gzip.compress(CONTENT)[:-9],
        gzip.compress(CONTENT) + b"x",
        gzip.compress(CONTENT) + gzip.compress(b"more"),
        b"\x1f\x8b",
        b"\x1f\x8b no gzip at all",
    ],
)
def test_a_packed_bill_that_is_cut_or_has_more_in_it_is_refused(wechat: Wechat, file: bytes) -> None:
    packed(wechat, file)
    assert refused(wechat)


def test_a_bill_is_not_unpacked_without_an_end(wechat: Wechat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyrail.payments.providers.wechatpay.statements.MAX_UNPACKED_BYTES", len(CONTENT) - 1)
    packed(wechat, gzip.compress(CONTENT))
    assert refused(wechat)

"""The page, in Chinese and English: HTML without a script, and without anything from elsewhere."""

import base64
import hashlib
from datetime import UTC, datetime
from html import escape

from functions.payment_sandbox.trades import FAILED, Decision, Link, Payment, Trade
from keyrail.platform.money import Money

STYLE = """
:root{color-scheme:light dark;font:100%/1.5 system-ui,sans-serif}
body{margin:0;padding:1.5rem}
main{max-width:32rem;margin:auto}
h1{font-size:1.25rem}
.amount{font-size:2rem;font-weight:600;margin:.25rem 0}
dt{font-size:.875rem;margin-top:.75rem}
dd{margin:0;overflow-wrap:anywhere}
form{display:grid;gap:.75rem;margin-top:1.5rem}
button{font:inherit;text-align:left;padding:.75rem 1rem;border:1px solid;border-radius:.5rem;cursor:pointer}
button:focus-visible,a:focus-visible{outline:3px solid Highlight;outline-offset:2px}
small{display:block}
[role=note],[role=status]{border:1px solid;border-radius:.5rem;padding:.75rem 1rem;margin-top:1.5rem}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

BUTTONS = {
    Decision.PAY: ("支付", "Pay", "成功一次", "the payment succeeds"),
    Decision.FAIL: ("支付失败", "Fail", "渠道拒绝", "the payment is refused"),
    Decision.PAY_LATE: ("延迟支付", "Pay late", "付款很晚才到账", "the money arrives late"),
    Decision.PAY_TWICE: ("重复支付", "Pay twice", "同一订单付两次款", "two payments for the same order"),
}


def headers(link: Link) -> dict[str, str]:
    """No script, nothing from elsewhere, in no frame. A form's answer may lead to the shop, as browsers ask for it."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {link.return_origin}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def render(link: Link, trade: Trade | None, now_ms: int) -> str:
    shown = _buttons(link, now_ms) if trade is None else _outcome(link, trade, now_ms)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_both('支付沙箱', 'Payment sandbox')}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{_both('支付沙箱：不会扣款', 'Payment sandbox: no money moves')}</h1>"
        f'<p class="amount">{_money(link.amount)}</p>'
        f"<dl>{_entry('订单', 'Order', link.title)}{_entry('商户', 'Merchant', link.merchant)}"
        f"{_entry('支付单号', 'Payment number', link.attempt_id)}</dl>"
        f"{shown}</main></body></html>"
    )


def _buttons(link: Link, now_ms: int) -> str:
    buttons = "".join(
        f'<button name="decision" value="{decision}">{_both(chinese, english)}'
        f"<small>{_both(what, meaning)}</small></button>"
        for decision, (chinese, english, what, meaning) in BUTTONS.items()
    )
    expired = now_ms >= link.expires_at_ms
    note = f"<p role=note>{_both('订单已过期，付款算作迟到', 'The order has expired; a payment is a late one')}</p>"
    return f'{note if expired else ""}<form method="post">{buttons}</form>'


def _outcome(link: Link, trade: Trade, now_ms: int) -> str:
    chosen = _both(*BUTTONS[trade.decision][:2])
    payments = "".join(_payment(trade, payment, now_ms) for payment in trade.payments)
    back = f'<p><a href="{escape(link.return_url)}" rel="noreferrer">{_both("返回商店", "Back to the shop")}</a></p>'
    return f"<div role=status><strong>{chosen}</strong><dl>{payments}</dl></div>{back}"


def _payment(trade: Trade, payment: Payment, now_ms: int) -> str:
    if payment.at_ms > now_ms:
        said = f"{_both('将于此时到账', 'will arrive at')} {_time(payment.at_ms)}"
    elif payment.status == FAILED:
        said = _both("失败", "failed")
    else:
        said = f"{_both('已支付', 'paid')} {_time(payment.at_ms)}"
    if payment.at_ms <= now_ms:
        heard = ("已通知商店", "the shop knows") if payment.told_at_ms else ("正在通知商店", "the shop is being told")
        said += f"，{_both(*heard)}"
    back = "".join(
        f"<dd>{_both('已退款', 'refunded')} {_money(refund.amount)} {_time(refund.at_ms)}</dd>"
        for refund in trade.given_back(payment.reference)
    )
    return f"<dt>{escape(payment.reference)}</dt><dd>{said}</dd>{back}"


def _entry(chinese: str, english: str, value: str) -> str:
    return f"<dt>{_both(chinese, english)}</dt><dd>{escape(value)}</dd>"


def _both(chinese: str, english: str) -> str:
    return f"{chinese} / {english}"


def _money(amount: Money) -> str:
    return f"{escape(amount.decimal())} {escape(amount.currency)}"


def _time(epoch_ms: int) -> str:
    return f"{datetime.fromtimestamp(epoch_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"

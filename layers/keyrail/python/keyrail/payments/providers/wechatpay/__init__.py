"""WeChat Pay, API v3, for a merchant of its own: Native (a QR code), JSAPI (inside WeChat) and H5 (other browsers).

Each request of ours is signed with the merchant's key, each answer and each callback with one of WeChat's. An answer
is believed only with its signature, and so is a refusal.

Sources, below pay.weixin.qq.com/docs/merchant: development/interface-rules (signatures, in both directions),
apis/native-payment, apis/jsapi-payment, apis/h5-payment (orders, payment notices, inquiries), apis/refund (refunds and
their notices), products/bill-download/format-trade (the statement).
"""

from keyrail.payments.providers.wechatpay.account import WechatPay

__all__ = ["WechatPay"]

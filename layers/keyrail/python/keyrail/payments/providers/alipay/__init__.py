"""Alipay's open platform: pages and QR codes that take money, signed notifications, refunds, and the daily bill."""

PROVIDER = "alipay"
CURRENCY = "CNY"

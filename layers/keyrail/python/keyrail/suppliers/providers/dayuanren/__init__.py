"""大猿人, and the many houses that run the same software under other names.

Sources: the page on the interface that houses publish (话费充值平台 V2.0: 充值提交, 查询用户信息, 获取产品,
查询订单状态, 异步通知), and what public versions of the software answer. They disagree; ADR 50 says in what.
"""

from keyrail.suppliers.providers.dayuanren.account import Dayuanren

__all__ = ["Dayuanren"]

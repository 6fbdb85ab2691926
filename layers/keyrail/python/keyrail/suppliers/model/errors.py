"""What is refused where suppliers are concerned."""

from keyrail.platform.errors import Conflict, NotFound, Unavailable


class UnknownSupplier(NotFound):
    """A callback's address, or a source, names no supplier of ours."""

    code = "unknown_supplier"
    title = "There is no such supplier."
    title_zh = "供货商不存在。"


class SupplierUnavailable(Unavailable):
    code = "supplier_unavailable"
    title = "The supplier cannot be reached at the moment."
    title_zh = "供货商暂时无法连接。"


class TooManySuppliers(Conflict):
    code = "too_many_suppliers"
    title = "There are as many suppliers as there may be."
    title_zh = "供货商数量已达上限。"


class UnknownSourcing(NotFound):
    code = "unknown_sourcing"
    title = "Nobody has said where this SKU comes from."
    title_zh = "该商品规格尚未配置货源。"

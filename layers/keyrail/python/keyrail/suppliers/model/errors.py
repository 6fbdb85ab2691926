"""What is refused where suppliers are concerned."""

from keyrail.platform.errors import NotFound, Unavailable


class UnknownSupplier(NotFound):
    """A callback's address, or a source, names no supplier of ours."""

    code = "unknown_supplier"
    title = "There is no such supplier."
    title_zh = "供货商不存在。"


class SupplierUnavailable(Unavailable):
    code = "supplier_unavailable"
    title = "The supplier cannot be reached at the moment."
    title_zh = "供货商暂时无法连接。"

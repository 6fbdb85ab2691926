"""卡速售 API v2, and the houses that run the same software. Source: doc.kasushou.com/api/v2api."""

from keyrail.suppliers.providers.kasushou.account import Kasushou

__all__ = ["Kasushou"]

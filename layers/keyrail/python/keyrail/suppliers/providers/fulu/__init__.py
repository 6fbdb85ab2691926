"""福禄开放平台, version 2.0 of its interface.

Sources: docs.open.fulu.com as public clients quote it (shared parameters, error codes, orders, goods, callbacks), and
the vectors of its public sandbox. What no document says stands in ADR 50.
"""

from keyrail.suppliers.providers.fulu.account import Fulu

__all__ = ["Fulu"]

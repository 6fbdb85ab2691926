"""With whom days are compared: whoever has money of ours, or is owed some."""

from dataclasses import dataclass

_SUPPLIER = "supplier"  # no payment provider is called so


@dataclass(frozen=True)
class Holder:
    """One of our accounts at a payment `provider`; or, without one, a supplier, which is an account with some house."""

    account: str
    provider: str | None = None

    @property
    def names(self) -> tuple[str, str]:
        """Nobody else's."""
        return self.provider or _SUPPLIER, self.account

    def plain(self) -> dict[str, str]:
        """As events and answers name it."""
        if self.provider is None:
            return {_SUPPLIER: self.account}
        return {"provider": self.provider, "account": self.account}

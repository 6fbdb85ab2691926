"""The fingerprint key: made once, wrapped, by the first import."""

from keyrail.inventory.store.keys import KeyStore
from keyrail.vault.model import WrappedFingerprintKey
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import FINGERPRINT_CONTEXT, Fingerprints

CURRENT_VERSION = 1


def fingerprints(store: KeyStore, wrapper: KeyWrapper) -> Fingerprints:
    """One read and one KMS call, so keep the result for a process's life. Raises Unavailable.

    Two first imports at once both make a key, and both use the one that was stored first.
    """
    standing = standing_fingerprints(store, wrapper)
    if standing is not None:
        return standing
    fresh = WrappedFingerprintKey(CURRENT_VERSION, wrapper.generate_wrapped(FINGERPRINT_CONTEXT))
    first = store.add_fingerprint_key(fresh)
    return Fingerprints(wrapper, first.version, first.wrapped)


def standing_fingerprints(store: KeyStore, wrapper: KeyWrapper) -> Fingerprints | None:
    """None before the first import, so that who only looks needs no right to make the key. Raises Unavailable."""
    standing = store.get_fingerprint_key(CURRENT_VERSION)
    return None if standing is None else Fingerprints(wrapper, standing.version, standing.wrapped)

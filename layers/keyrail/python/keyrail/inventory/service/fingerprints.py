"""The fingerprint key: made once, wrapped, by the first import."""

from keyrail.inventory.store import KeyStore
from keyrail.vault.model import WrappedFingerprintKey
from keyrail.vault.providers import KeyWrapper
from keyrail.vault.service.fingerprints import FINGERPRINT_CONTEXT, Fingerprints

CURRENT_VERSION = 1


def fingerprints(store: KeyStore, wrapper: KeyWrapper) -> Fingerprints:
    """One read and one KMS call, so keep the result for a process's life. Raises Unavailable.

    Two first imports at once both make a key, and both use the one that was stored first.
    """
    standing = store.get_fingerprint_key(CURRENT_VERSION)
    if standing is None:
        fresh = WrappedFingerprintKey(CURRENT_VERSION, wrapper.generate_wrapped(FINGERPRINT_CONTEXT))
        standing = store.add_fingerprint_key(fresh)
    return Fingerprints(wrapper, standing.version, standing.wrapped)

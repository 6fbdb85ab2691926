"""The redemption API and what its operations are made of, built on first use."""

from dataclasses import dataclass
from datetime import tzinfo
from functools import cache

from keyrail.catalog.service import Catalog
from keyrail.catalog.store import CatalogStore
from keyrail.channels.model import NONCE_LASTS_MS, Credential, Signed
from keyrail.channels.service import Partners
from keyrail.inventory.service.redeemable_keys import RedeemableKeys
from keyrail.inventory.store.keys import KeyStore
from keyrail.inventory.store.uses import UseStore
from keyrail.platform.aws import client
from keyrail.platform.clock import system_now_ms
from keyrail.platform.config import load, zone_named
from keyrail.platform.errors import SignatureInvalid
from keyrail.platform.http import Call, HttpApi
from keyrail.platform.secrets import read_secret
from keyrail.redemption.model import PUBLIC, Caller
from keyrail.redemption.service import Redemption
from keyrail.risk.service import Guards
from keyrail.risk.store import GuardStore
from keyrail.vault.providers.kms import KmsKeyWrapper

api = HttpApi("keyrail redemption")


@dataclass(frozen=True)
class Settings:
    """`business_time_zone` is an IANA name: the one by which weekdays and hours of a SKU's terms are meant."""

    keys_table: str
    catalog_table: str
    guards_table: str
    fingerprint_key_arn: str
    partner_credentials_secret_arn: str
    business_time_zone: str


@cache
def settings() -> Settings:
    return load(Settings)


@cache
def guards() -> Guards:
    return Guards(GuardStore(client("dynamodb"), settings().guards_table), system_now_ms)


@cache
def redemption() -> Redemption:
    dynamodb, table = client("dynamodb"), settings().keys_table
    wrapper = KmsKeyWrapper(client("kms"), settings().fingerprint_key_arn)
    keys = RedeemableKeys(KeyStore(dynamodb, table), UseStore(dynamodb, table), wrapper, system_now_ms)
    catalog = Catalog(CatalogStore(dynamodb, settings().catalog_table), system_now_ms)
    return Redemption(keys, catalog, guards(), zone(), system_now_ms)


@cache
def zone() -> tzinfo:
    return zone_named(settings().business_time_zone)


@cache
def partners() -> Partners:
    return Partners(lambda: read_secret(settings().partner_credentials_secret_arn), system_now_ms)


def holder(call: Call) -> Caller:
    """Whoever holds a code: known by nothing but an address."""
    return Caller(PUBLIC, call.address)


def signer(call: Call) -> Caller:
    """Raises SignatureInvalid."""
    return Caller(_signed_by(call).credential_id, call.address)


def signer_once(call: Call) -> Caller:
    """For what no name makes harmless to hear twice: a nonce serves once. Raises SignatureInvalid, Unavailable."""
    credential = _signed_by(call)
    nonce = _signed(call).nonce
    if not guards().spend(f"nonce#{credential.credential_id}#{nonce}", NONCE_LASTS_MS):
        raise SignatureInvalid
    return Caller(credential.credential_id, call.address)


def _signed_by(call: Call) -> Credential:
    return partners().signer(_signed(call))


def _signed(call: Call) -> Signed:
    return Signed(call.method, call.raw_path, call.raw_query, call.headers, call.raw_body)

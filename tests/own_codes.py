"""Codes of our own on a world's tables: what the operators' desk, the maker and the export function do there.

The bucket is a dictionary, and addresses are signed for nobody.
"""

import datetime as dt
import secrets
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import botocore.session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from cryptography.x509.oid import NameOID

from keyrail.catalog.model import Product, Sku
from keyrail.inventory.model.batches import Batch
from keyrail.inventory.model.exports import Export
from keyrail.inventory.model.own_codes import NewOwnCodes
from keyrail.inventory.service.exports import Exports
from keyrail.inventory.service.generating import Generating
from keyrail.inventory.service.own_codes import OwnCodes
from keyrail.inventory.service.printing import Printing
from keyrail.inventory.store.own_codes import OwnCodeStore
from keyrail.platform.changes import Origin, stamp
from keyrail.vault.codes import OWN_ISSUER
from keyrail.vault.model import Place
from keyrail.vault.providers.kms import KmsKeyWrapper
from keyrail.vault.service.sealing import Opener
from tests.world import OPERATOR, PRICE, SYSTEM, World

OWN_SKU = "voucher-10"
PREFIX = "VCH"
ALICE, BOB, CAROL = (
    Origin(f"operator:{name}", "192.0.2.1", "for the spring sale") for name in ("alice", "bob", "carol")
)
LONG_MS = 10 * 60_000


@dataclass
class Workshop:
    world: World
    bucket: dict[str, bytes] = field(default_factory=dict)

    def another_process(self, dynamodb: Any = None, kms: Any = None) -> "Workshop":
        return Workshop(self.world.another_process(dynamodb, kms), self.bucket)

    @cached_property
    def store(self) -> OwnCodeStore:
        return OwnCodeStore(self.world.dynamodb, self.world.names["keys"])

    @cached_property
    def own_codes(self) -> OwnCodes:
        return OwnCodes(self.world.keys, self.store, self.world.catalog, self.world.now_ms)

    @cached_property
    def generating(self) -> Generating:
        vault, names = (
            KmsKeyWrapper(self.world.kms, key) for key in (self.world.vault_key, self.world.fingerprint_key)
        )
        return Generating(self.world.keys, self.store, self.world.catalog, vault, names, self.world.now_ms)

    @cached_property
    def exports(self) -> Exports:
        return Exports(self.world.keys, self.store, signer(), "keyrail-files", self.world.now_ms)

    @cached_property
    def printing(self) -> Printing:
        return Printing(self.world.keys, self.store, self.opener, self.bucket.__setitem__, self.world.now_ms)

    @cached_property
    def opener(self) -> Opener:
        return Opener(KmsKeyWrapper(self.world.kms, self.world.vault_key), self.world.now_ms)

    # what people do

    def sku(self, sku_id: str = OWN_SKU, issuer: str = OWN_ISSUER) -> str:
        now = stamp(OPERATOR, self.world.now_ms())
        self.world.catalog.save_product(Product(product_id="voucher", store_id="main", name="Voucher", **now), OPERATOR)
        sku = Sku(
            sku_id=sku_id,
            product_id="voucher",
            store_id="main",
            name="10",
            price=PRICE,
            issuer=issuer,
            code_prefix=PREFIX if issuer == OWN_ISSUER else "",
            max_quantity=90,
            **now,
        )
        self.world.catalog.save_sku(sku, OPERATOR)
        return sku_id

    def open(self, count: int, name: str | None = None, **wanted: Any) -> Batch:
        new = NewOwnCodes(**{"sku_id": OWN_SKU, "wanted": count, "source": "own", **wanted})
        return self.own_codes.open(new, name or secrets.token_hex(16), ALICE)

    def fill(self, batch_id: str, for_ms: int = LONG_MS) -> Batch:
        return self.generating.fill(batch_id, self.world.now_ms() + for_ms, SYSTEM)

    def filled(self, count: int, **wanted: Any) -> Batch:
        return self.fill(self.open(count, **wanted).batch_id)

    def request(self, batch_id: str, name: str | None = None, certificate: str | None = None) -> Export:
        pem = printer().pem if certificate is None else certificate
        return self.exports.request(batch_id, pem, name or secrets.token_hex(16), ALICE)

    def approved(self, batch_id: str) -> Export:
        return self.exports.approve(self.request(batch_id).export_id, BOB)

    def made(self, batch_id: str) -> Export:
        return self.printing.make(self.approved(batch_id).export_id, SYSTEM)

    # what is true in the end

    def codes(self, batch_id: str) -> dict[int, str]:
        """By their number, as whoever may decrypt opens them."""
        wrapped = self.world.keys.get_batch(batch_id).data_keys
        keys = [key for key in self.world.stored_keys() if key.batch_id == batch_id]
        codes = {
            key.line: self.opener.open(
                wrapped[key.data_key], Place(key.key_id, key.batch_id, key.sku_id), key.sealed
            ).code
            for key in keys
        }
        assert len(codes) == len(keys), "two codes have one number"
        return codes

    def printed(self, export: Export) -> list[list[str]]:
        """The rows of the file, as its reader decrypts it."""
        assert export.file
        header, *rows = printer().opened(self.bucket[export.file.object_name]).decode().split("\r\n")
        assert (header, rows.pop()) == ("number,code,expires_on", "")
        return [row.split(",") for row in rows]


@dataclass(frozen=True)
class Printer:
    """Somebody with a certificate and its private key."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def opened(self, file: bytes) -> bytes:
        return pkcs7_decrypt_der(file, self.certificate, self.key, [])


@cache
def printer(bits: int = 2048) -> Printer:
    key = rsa.generate_private_key(65537, bits)
    ten_years = 3_650
    return Printer(key, certificate_for(key, (-ten_years, ten_years)))


def certificate_for(key: Any, days: tuple[int, int] = (-1, 30), usage: x509.KeyUsage | None = None) -> x509.Certificate:
    """Signed by itself, valid between those days from now."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The Printer, Ltd")])
    now = dt.datetime.now(dt.UTC)
    valid_from, valid_to = (now + dt.timedelta(days=day) for day in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_to)
    )
    if usage:
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(key, SHA256())


@cache
def signer() -> Any:
    return botocore.session.get_session().create_client(
        "s3", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )

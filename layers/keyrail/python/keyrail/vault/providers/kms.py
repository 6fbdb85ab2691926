"""Data keys wrapped by AWS KMS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.platform.errors import Unavailable
from keyrail.vault.model import SecretUnreadable

if TYPE_CHECKING:
    from types_boto3_kms.client import KMSClient


# What was wrapped by another key, in another context, or was changed: asking again changes nothing.
_FOREIGN = {"InvalidCiphertextException", "IncorrectKeyException"}


class KeyServiceUnavailable(Unavailable):
    code = "key_service_unavailable"


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _FOREIGN:
            raise SecretUnreadable from None
        raise KeyServiceUnavailable from error
    except BotoCoreError as error:
        raise KeyServiceUnavailable from error


@dataclass(frozen=True)
class KmsKeyWrapper:
    client: "KMSClient"
    key_arn: str

    def generate(self, context: dict[str, str]) -> tuple[bytes, bytes]:
        with _answering():
            answer = self.client.generate_data_key(KeyId=self.key_arn, KeySpec="AES_256", EncryptionContext=context)
        return answer["Plaintext"], answer["CiphertextBlob"]

    def generate_wrapped(self, context: dict[str, str]) -> bytes:
        with _answering():
            answer = self.client.generate_data_key_without_plaintext(
                KeyId=self.key_arn, KeySpec="AES_256", EncryptionContext=context
            )
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, context: dict[str, str]) -> bytes:
        with _answering():
            answer = self.client.decrypt(KeyId=self.key_arn, CiphertextBlob=wrapped, EncryptionContext=context)
        return answer["Plaintext"]

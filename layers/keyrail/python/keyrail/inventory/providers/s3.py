"""Files in an S3 bucket, whose own settings encrypt them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from keyrail.inventory.providers import UploadUnavailable
from keyrail.platform.errors import Unavailable

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

# Without the right to list a bucket, S3 answers for a missing object as for a forbidden one.
_MISSING = {"NoSuchKey", "404", "AccessDenied", "403"}
# What is answered when the object that was read is no longer there: another one is, or none.
_REPLACED, _GONE = {"PreconditionFailed", "412"}, {"NoSuchKey", "404"}


class FilesUnavailable(Unavailable):
    code = "files_unavailable"


@dataclass(frozen=True)
class S3Upload:
    """One object as it was found, named by its entity tag; read in ranges, and never in another version."""

    client: "S3Client"
    bucket: str
    name: str
    version: str
    size_bytes: int

    @classmethod
    def find(cls, client: "S3Client", bucket: str, name: str) -> Self | None:
        """None if there is no such object: whoever may list the bucket is told that. Raises UploadUnavailable."""
        with _reading():
            try:
                answer = client.head_object(Bucket=bucket, Key=name)
            except ClientError as error:
                if _code(error) in _GONE:
                    return None
                raise
        return cls(client, bucket, name, answer["ETag"], answer["ContentLength"])

    def read(self, start: int, length: int) -> bytes:
        if start >= self.size_bytes:
            return b""
        end = min(start + length, self.size_bytes) - 1
        with _reading():
            answer = self.client.get_object(
                Bucket=self.bucket, Key=self.name, Range=f"bytes={start}-{end}", IfMatch=self.version
            )
            content = answer["Body"].read()
        if len(content) != end + 1 - start:
            raise UploadUnavailable
        return content

    def remove(self) -> None:
        """This object and no other: a newer one of its name is left to its own import. Raises UploadUnavailable.

        S3 asks for both rights, to read and to delete, of whoever names an entity tag.
        """
        with _reading():
            try:
                self.client.delete_object(Bucket=self.bucket, Key=self.name, IfMatch=self.version)
            except ClientError as error:
                if _code(error) not in _REPLACED | _GONE:
                    raise


@dataclass(frozen=True)
class S3Files:
    client: "S3Client"
    bucket: str

    def put(self, name: str, content: bytes) -> None:
        with _storing():
            self.client.put_object(Bucket=self.bucket, Key=name, Body=content)

    def get(self, name: str) -> bytes | None:
        with _storing():
            try:
                return self.client.get_object(Bucket=self.bucket, Key=name)["Body"].read()
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise

    def remove(self, name: str) -> None:
        with _storing():
            self.client.delete_object(Bucket=self.bucket, Key=name)


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise UploadUnavailable from error


@contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise FilesUnavailable from error

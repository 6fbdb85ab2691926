"""A file is handed out once: its record says so first, by a condition, and only then there is an address, for a minute.

Whoever is killed in between has lost the file, not copied it: it has to be made again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keyrail.platform.errors import Conflict

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

LINK_LIFETIME_S = 60
FILE_LIFETIME_MS = 24 * 60 * 60 * 1000  # the bucket removes a file some time after its first day
_NAME_BYTES = 32


class AlreadyHandedOut(Conflict):
    code = "already_handed_out"
    title = "This file was handed out already, and it is handed out once only."
    title_zh = "该文件已领取，仅可领取一次。"


class FileExpired(Conflict):
    code = "file_expired"
    title = "This file is no longer kept; have it made again."
    title_zh = "该文件已过期，请重新生成。"


@dataclass(frozen=True, kw_only=True)
class Handover:
    """What a record knows of its file. `object_name` is chance and tells nothing of what is in it.

    `taken_as` names the one call that it was handed out to.
    """

    object_name: str
    size_bytes: int
    made_at_ms: int
    taken_as: str | None = None
    taken_at_ms: int | None = None

    def taken(self, now_ms: int) -> "Handover":
        """As handed out to a call of its own. Raises AlreadyHandedOut, FileExpired."""
        if self.taken_as is not None:
            raise AlreadyHandedOut
        if now_ms >= self.made_at_ms + FILE_LIFETIME_MS:
            raise FileExpired
        return replace(self, taken_as=secrets.token_hex(16), taken_at_ms=now_ms)


@dataclass(frozen=True)
class Link:
    """Whoever has the address may fetch the file until it ends, so it does not print."""

    url: str = field(repr=False)
    expires_at_ms: int


def object_name(prefix: str) -> str:
    """A name below `prefix` that nobody can guess."""
    return f"{prefix}{secrets.token_hex(_NAME_BYTES)}"


def hand_out(
    file: Handover, mark: Callable[[Handover], Handover], s3: "S3Client", bucket: str, file_name: str, now_ms: int
) -> Link:
    """The address of `file`, for whoever is first.

    `mark` stores the file as taken, on condition that it is not, and returns it as it stands then: a write whose answer
    was lost and that was sent again finds itself. Raises AlreadyHandedOut, FileExpired, and what `mark` raises.
    """
    mine = file.taken(now_ms)
    if mark(mine) != mine:
        raise AlreadyHandedOut
    url = s3.generate_presigned_url(
        "get_object",
        Params={
            "Bucket": bucket,
            "Key": file.object_name,
            "ResponseContentDisposition": f'attachment; filename="{file_name}"',
            "ResponseCacheControl": "no-store",
        },
        ExpiresIn=LINK_LIFETIME_S,
    )
    return Link(url, now_ms + LINK_LIFETIME_S * 1000)

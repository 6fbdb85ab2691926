"""The ports to where files lie."""

from typing import Protocol

from keyrail.platform.errors import Unavailable


class UploadUnavailable(Unavailable):
    """The file could not be read or removed, or another one lies in its place; its batch still waits for it."""

    code = "upload_unavailable"


class Upload(Protocol):
    """A supplier's file as it was uploaded. `name` is where it lies; `version` names this very content."""

    @property
    def name(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def version(self) -> str: ...

    def read(self, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on; none behind the end. Raises UploadUnavailable."""
        ...


class Files(Protocol):
    """A place for files of our own, encrypted at rest and forgotten after a day. All raise Unavailable."""

    def put(self, name: str, content: bytes) -> None:
        """The last one put under a name is the one that is there."""
        ...

    def get(self, name: str) -> bytes | None: ...

    def remove(self, name: str) -> None:
        """Nothing happens if there is none."""
        ...

"""Files where no bucket is: at the ports that S3 stands behind."""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class UploadInMemory:
    """Remembers which pieces of it were read."""

    raw: bytes = field(repr=False)
    name: str = "imports/of-a-test"
    reads: list[tuple[int, int]] = field(default_factory=list, repr=False)

    @property
    def size_bytes(self) -> int:
        return len(self.raw)

    @property
    def version(self) -> str:
        return f'"{hashlib.md5(self.raw, usedforsecurity=False).hexdigest()}"'

    def read(self, start: int, length: int) -> bytes:
        self.reads.append((start, length))
        return self.raw[start : start + length]


@dataclass(frozen=True)
class FilesInMemory:
    stored: dict[str, bytes] = field(default_factory=dict, repr=False)

    def put(self, name: str, content: bytes) -> None:
        self.stored[name] = content

    def get(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def remove(self, name: str) -> None:
        self.stored.pop(name, None)

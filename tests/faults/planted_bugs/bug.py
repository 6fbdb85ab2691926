"""A bug to plant: the text of the product that it replaces, and the tests that must then fail."""

from dataclasses import dataclass
from pathlib import Path

from infra.bootstrap import ROOT

SOURCE = ROOT / "layers" / "keyrail" / "python"


@dataclass(frozen=True)
class PlantedBug:
    """Every occurrence of `text` in `file` becomes `instead`; one of `caught_by` must fail."""

    name: str
    file: str
    text: str
    instead: str
    caught_by: str

    def plant(self, copy: Path) -> None:
        """Raises AssertionError if the text is no longer there: then the bug has to be planted anew."""
        file = copy / "keyrail" / self.file
        source = file.read_text()
        assert self.text in source, f"{self.file} no longer says what this bug replaces"
        file.write_text(source.replace(self.text, self.instead))

"""QR pictures: every module of the code is in the picture, and nothing else is."""

import os
import re
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
import segno

from keyrail.payments.providers.qr import ERROR_CORRECTION, MAX_CONTENT_BYTES, QUIET_ZONE_MODULES, qr_svg

SVG = "{http://www.w3.org/2000/svg}"
CONTENT = "weixin://wxpay/bizpayurl?pr=NwY5Mz9&groupid=00"


def drawn_modules(svg: str) -> tuple[int, set[tuple[int, int]]]:
    """The side of the picture, and the (column, row) of each dark module, read back from the strokes."""
    root = ET.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    (strokes,) = [path.attrib["d"] for path in root.iter(f"{SVG}path") if "stroke" in path.attrib]
    modules: set[tuple[int, int]] = set()
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", strokes):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            modules |= {(int(x) + step, int(y)) for step in range(int(values[0]))}
            x += values[0]
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            x, y = values[0], values[1]
    return side, modules


@pytest.mark.parametrize("content", [CONTENT, "https://qr.example/bax03431ljhokirwl38f00a7", "二维码", "A", "x" * 512])
def test_the_picture_shows_the_code_of_the_content_inside_its_quiet_zone(content: str) -> None:
    side, modules = drawn_modules(qr_svg(content))
    matrix = segno.make(content, error=ERROR_CORRECTION, micro=False).matrix
    assert side == len(matrix) + 2 * QUIET_ZONE_MODULES
    assert modules == {
        (x + QUIET_ZONE_MODULES, y + QUIET_ZONE_MODULES)
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    }


def test_the_picture_stands_on_white_and_carries_no_text() -> None:
    svg = qr_svg(CONTENT)
    first, *_ = ET.fromstring(svg).iter(f"{SVG}path")
    assert first.attrib["fill"] == "#fff"
    assert "".join(ET.fromstring(svg).itertext()).strip() == ""
    assert svg.startswith("<svg ")


@pytest.mark.parametrize("content", ["", "x" * (MAX_CONTENT_BYTES + 1), "码" * (MAX_CONTENT_BYTES // 3 + 1)])
def test_nothing_and_too_much_are_refused(content: str) -> None:
    with pytest.raises(ValueError, match="content of a QR code"):
        qr_svg(content)


def test_the_library_that_draws_is_loaded_by_the_first_picture_only() -> None:
    check = (
        "import sys; from keyrail.payments.providers.qr import qr_svg; early = 'segno' in sys.modules; "
        "qr_svg('A'); sys.exit(early or 'segno' not in sys.modules)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", check], env=env, check=False, timeout=60).returncode == 0

"""QR codes as pictures: what a wallet scans, ready to be put into a page."""

import io

from keyrail.payments.model.attempts import ProviderUnavailable
from keyrail.payments.providers import PaymentAction

# A code of 80 modules or so: more would be too fine to be read off a telephone's screen.
MAX_CONTENT_BYTES = 512
QUIET_ZONE_MODULES = 4  # ISO/IEC 18004 asks for it
ERROR_CORRECTION = "m"


def qr_action(content: str) -> PaymentAction:
    """What a provider wants to be scanned. Raises ProviderUnavailable for what is no content of a code."""
    if not content.isprintable():
        raise ProviderUnavailable
    try:
        return PaymentAction(type="qr_code", content=content, svg=qr_svg(content))
    except ValueError:
        raise ProviderUnavailable from None


def qr_svg(content: str) -> str:
    """An SVG picture of `content` that takes the size of what holds it, dark on white under any style sheet.

    Raises ValueError for nothing and for more than MAX_CONTENT_BYTES.
    """
    if not 0 < len(content.encode()) <= MAX_CONTENT_BYTES:
        raise ValueError("content of a QR code")
    import segno  # 52 ms that only a start which draws need pay for

    picture = io.BytesIO()
    segno.make(content, error=ERROR_CORRECTION, micro=False).save(
        picture,
        kind="svg",
        xmldecl=False,
        omitsize=True,
        border=QUIET_ZONE_MODULES,
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
    )
    return picture.getvalue().decode().strip()

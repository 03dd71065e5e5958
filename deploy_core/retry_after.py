"""How long a server wants to be left alone, as its header `Retry-After` says (RFC 9110, 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(said: str | None, now: datetime) -> float | None:
    """Return the seconds, said as such or as a date; None if nothing is said, or neither."""
    if said is None:
        return None
    text = said.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - now).total_seconds())

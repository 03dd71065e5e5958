"""A project as one zip file, or as files below a folder."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_WHEN: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can tell, so that the same files are the same bytes."""
_MODE: Final = 0o100644 << 16


def zipped(files: Mapping[str, str], folder: str) -> bytes:
    """Return the files below one folder, as a zip file."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            entry = ZipInfo(f"{folder}/{path}", _WHEN)
            entry.external_attr = _MODE
            entry.compress_type = ZIP_DEFLATED
            archive.writestr(entry, text.encode())
    return buffer.getvalue()


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write the files below a folder, byte by byte as they are. Blocking."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

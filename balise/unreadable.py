"""What is raised over bytes from elsewhere that are not what they should be, whatever is wrong."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib

import msgspec

JSON = (msgspec.MsgspecError, ValueError, RecursionError)
"""By msgspec: UnicodeDecodeError is a ValueError, depth ends in RecursionError."""

ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""By `zipfile`: a place before the file's beginning, a name that is no text, a part that doesn't
unpack."""

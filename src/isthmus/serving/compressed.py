"""Compressed request bodies, unpacked without letting a small one become a large one."""

from __future__ import annotations

import zlib

from isthmus.errors import InvalidRequest

#: What JSON compresses to is rarely less than a tenth; a bomb is far smaller.
_RATIO = 20
#: Below this size nobody cares about the ratio.
_CARELESS = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Gunzip:
    """Unpacks one body, piece by piece, to at most ``limit`` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._packed = 0
        self._unpacked = 0
        self._decoder = zlib.decompressobj(_GZIP)

    def feed(self, piece: bytes) -> bytes:
        """Unpack a piece.

        Raises:
            InvalidRequest: it is not gzip, or unpacks to more than is allowed (413).
        """
        if not piece:
            return b""
        if self._decoder.eof:
            raise _broken()
        self._packed += len(piece)
        try:
            # One byte more than allowed is enough to know.
            unpacked = self._decoder.decompress(piece, self._limit - self._unpacked + 1)
        except zlib.error:
            raise _broken() from None
        self._unpacked += len(unpacked)
        too_large = self._unpacked > self._limit
        if too_large or self._unpacked > max(_CARELESS, _RATIO * self._packed):
            raise InvalidRequest(
                "The request body is too large when it is unpacked.",
                status=413,
                code="request_body_too_large_after_decoding",
            )
        if self._decoder.unused_data:
            raise _broken()
        return unpacked

    def close(self) -> None:
        """Take the end of the body.

        Raises:
            InvalidRequest: there should be more of it.
        """
        if not self._decoder.eof:
            raise _broken()


def _broken() -> InvalidRequest:
    return InvalidRequest("The request body is not valid gzip.", code="invalid_value")

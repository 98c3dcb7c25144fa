"""Seals thinking so that tests can read it: the text is the seal."""

import base64

from isthmus.translate.responses_over_messages.sealing import Sealing

_MARK = "sealed:"


def seal(content: bytes) -> str:
    return _MARK + base64.urlsafe_b64encode(content).decode()


def unseal(written: str) -> bytes | None:
    if not written.startswith(_MARK):
        return None
    return base64.urlsafe_b64decode(written.removeprefix(_MARK))


SEALING = Sealing(seal=seal, unseal=unseal)

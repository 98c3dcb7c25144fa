"""Sub-keys are those of HKDF, one for each purpose; short secrets are refused."""

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from isthmus.storage.secrets import Secrets

OLD, NEW = b"o" * 32, b"n" * 47


def test_sub_key_is_that_of_hkdf():
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"isthmus names")
    assert Secrets([NEW]).derived("names") == hkdf.derive(NEW)


def test_purposes_and_secrets_have_keys_of_their_own():
    keys = {Secrets([one]).derived(purpose) for one in (OLD, NEW) for purpose in ("a", "b")}
    assert len(keys) == 4


def test_first_secret_is_used_and_all_are_known():
    secrets = Secrets([NEW, OLD])
    assert secrets.derived("a") == Secrets([NEW]).derived("a")
    assert secrets.known("a") == [Secrets([one]).derived("a") for one in (NEW, OLD)]


@pytest.mark.parametrize("secrets", [[], [b"s" * 31], [NEW, b"s" * 31]])
def test_no_secret_or_a_short_one_is_refused(secrets):
    with pytest.raises(ValueError, match="secret"):
        Secrets(secrets)

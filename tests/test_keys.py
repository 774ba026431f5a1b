"""Keys, digests and ciphers: the RFCs' own examples, and what pysnmp makes of the same."""

import hmac
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from collectors.snmp.ciphers import Aes, Des
from collectors.snmp.credential import AuthProtocol, PrivProtocol, User
from collectors.snmp.keys import (
    authentication_key,
    localised,
    other_expansion,
    privacy_key,
)
from tests import v3_device
from tests.v3_device import AUTHS, ENGINE_ID, PAIRS, PRIVS, user_of

MAPLESYRUP = SecretStr("maplesyrup")
RFC_ENGINE = bytes.fromhex("000000000000000000000002")


@pytest.mark.parametrize(
    ("protocol", "key"),
    [
        pytest.param("MD5", "526f5eed9fcce26f8964c2930787d82b", id="rfc-3414-a-3-1"),
        pytest.param("SHA-1", "6695febc9288e36282235fc7151f128497b38f3f", id="rfc-3414-a-3-2"),
    ],
)
def test_a_password_becomes_the_key_of_rfc_3414(protocol: AuthProtocol, key: str) -> None:
    assert authentication_key(protocol, MAPLESYRUP, RFC_ENGINE).hex() == key


@pytest.mark.parametrize(
    ("protocol", "key"),
    [
        pytest.param(
            "MD5",
            "526f5eed9fcce26f8964c2930787d82b79eff44a90650ee0a3a40abfac5acc12",
            id="appendix-b-1",
        ),
        pytest.param(
            "SHA-1",
            "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c",
            id="appendix-b-2",
        ),
    ],
)
def test_a_password_becomes_the_long_key_of_reeders_draft(protocol: AuthProtocol, key: str) -> None:
    assert privacy_key(protocol, "AES-256-C", MAPLESYRUP, RFC_ENGINE).hex() == key
    assert privacy_key(protocol, "AES-192-C", MAPLESYRUP, RFC_ENGINE).hex() == key[:48]


@pytest.mark.parametrize("protocol", AUTHS)
@pytest.mark.parametrize("secret", ["maplesyrup", "12345678", "密码密码密码", "x" * 200])
def test_a_password_becomes_the_key_that_pysnmp_makes(protocol: AuthProtocol, secret: str) -> None:
    theirs = v3_device.auth_key(protocol, secret, ENGINE_ID)
    assert authentication_key(protocol, SecretStr(secret), ENGINE_ID) == bytes(theirs)


@pytest.mark.parametrize(("auth", "priv"), PAIRS)
def test_a_privacy_key_is_stretched_as_pysnmp_stretches_it(
    auth: AuthProtocol, priv: PrivProtocol
) -> None:
    theirs = bytes(v3_device.priv_key(auth, priv, "maplesyrup", ENGINE_ID))
    assert privacy_key(auth, priv, MAPLESYRUP, ENGINE_ID) == theirs


@pytest.mark.parametrize(("auth", "priv"), PAIRS)
def test_the_other_expansion_is_named_exactly_where_it_makes_another_key(
    auth: AuthProtocol, priv: PrivProtocol
) -> None:
    twin: PrivProtocol = {
        "AES-192": "AES-192-C",
        "AES-256": "AES-256-C",
        "AES-192-C": "AES-192",
        "AES-256-C": "AES-256",
    }.get(priv, priv)  # type: ignore[assignment]
    keys = {privacy_key(auth, it, MAPLESYRUP, ENGINE_ID) for it in (priv, twin)}
    assert other_expansion(auth, priv) == (twin if len(keys) > 1 else None)


@pytest.mark.parametrize(
    ("protocol", "octets"),
    [
        ("MD5", 12),
        ("SHA-1", 12),
        ("SHA-224", 16),
        ("SHA-256", 24),
        ("SHA-384", 32),
        ("SHA-512", 48),
    ],
)
def test_a_digest_is_the_truncated_hmac(protocol: AuthProtocol, octets: int) -> None:
    digest = localised(User("u", protocol, MAPLESYRUP), RFC_ENGINE).digest
    assert digest
    key = authentication_key(protocol, MAPLESYRUP, RFC_ENGINE)
    name = protocol.replace("-", "").lower()
    assert digest.octets == octets
    assert digest.sign(b"in ", b"parts") == hmac.digest(key, b"in parts", name)[:octets]
    assert digest.sign(b"in parts") == digest.sign(b"in ", b"parts")


@given(
    st.sampled_from(PRIVS),
    st.binary(max_size=2000),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
def test_what_we_encrypt_pysnmp_decrypts_and_the_reverse(
    priv: PrivProtocol, plain: bytes, boots: int, time_s: int
) -> None:
    theirs = v3_device.priv_service(priv)
    their_key = v3_device.priv_key("SHA-256", priv, "a-priv-key", ENGINE_ID)
    cipher = localised(user_of("SHA-256", priv), ENGINE_ID).cipher
    assert cipher
    octets = v3_device._octets
    data, salt = cipher.encrypt(plain, boots, time_s)
    decrypted = bytes(theirs.decrypt_data(their_key, (boots, time_s, octets(salt)), octets(data)))
    assert decrypted[: len(plain)] == plain
    assert not any(decrypted[len(plain) :])
    data, salt = theirs.encrypt_data(their_key, (boots, time_s, None), plain)
    ours = cipher.decrypt(bytes(data), boots, time_s, bytes(salt))
    assert ours[: len(plain)] == plain


@pytest.mark.parametrize("cipher", [Aes(bytes(range(16))), Des(bytes(range(16)))])
def test_no_salt_comes_twice_and_none_of_another_length_is_taken(cipher: Aes | Des) -> None:
    made = [cipher.encrypt(b"the same", 1, 2) for _ in range(1000)]
    assert len({salt for _, salt in made}) == len({data for data, _ in made}) == 1000
    for salt in (b"", b"1234567", b"123456789"):
        with pytest.raises(ValueError, match=r".") as error:
            cipher.decrypt(bytes(16), 1, 2, salt)
        assert "123" not in str(error.value)


def test_des_takes_whole_blocks_only() -> None:
    with pytest.raises(ValueError, match="block"):
        Des(bytes(range(16))).decrypt(b"seven s", 1, 2, bytes(8))


def test_a_user_has_the_keys_of_the_level_and_no_more() -> None:
    assert localised(user_of(), ENGINE_ID) == (None, None)
    keys = localised(user_of("SHA-1"), ENGINE_ID)
    assert keys.digest
    assert keys.cipher is None
    assert localised(user_of(None, "AES-128"), ENGINE_ID) == (None, None)


def test_only_who_signs_loads_the_library_for_it() -> None:
    code = (
        "import sys; from pydantic import SecretStr; from collectors.snmp.credential import User; "
        "from collectors.snmp.usm import UserSecurity; from collectors.snmp.keys import localised; "
        "localised(User('u'), b'engine'); assert 'cryptography' not in sys.modules; "
        "secret = SecretStr('long enough'); "
        "localised(User('u', 'SHA-256', secret), b'engine'); assert 'cryptography' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_no_key_and_no_secret_shows() -> None:
    user = user_of("MD5", "AES-256-C")
    keys = localised(user, ENGINE_ID)
    shown = f"{user!r} {keys!r} {keys.digest!r} {keys.cipher!r} {vars(keys.digest)} {keys}"
    secrets = [b"an-auth-key", b"a-priv-key"]
    secrets += [authentication_key("MD5", SecretStr("an-auth-key"), ENGINE_ID)]
    assert not any(secret.decode("latin-1") in shown for secret in secrets)
    assert not any(secret.hex() in shown for secret in secrets)

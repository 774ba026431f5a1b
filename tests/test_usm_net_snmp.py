"""User-based security against a real snmpd, with every pair of protocols that it has."""

import itertools
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from collectors.base import CollectError, Reason
from collectors.snmp.credential import User
from collectors.snmp.message import Get, RelearntError, reply
from collectors.snmp.usm import UserSecurity
from tests.snmpd import USER, Snmpd
from tests.v3_device import AUTHS, PRIVS, user_of

CONTACT = "1.3.6.1.2.1.1.4.0"
OBJECT_ID = "1.3.6.1.2.1.1.2.0"
NOWHERE = "1.3.6.1.2.1.99.1.0"
LOCATION = "1.3.6.1.2.1.1.6.0"
BOOTS = "1.3.6.1.6.3.10.2.1.2.0"
LONG = "far " * 59 + "away"
ALL = [(auth, priv) for auth in AUTHS for priv in (None, *PRIVS)]
THEIRS = {"SHA-1": "SHA", "AES-128": "AES"}
PATIENCE_S = 10.0
SILENCE_S = 0.5
"""Long enough where nothing will come."""
ENGINE = "0x80001f8804"

numbers = itertools.count(0x01000000)


def user_at(place: int) -> User:
    return replace(user_of(*ALL[place]), name=f"user{place}")


def lines() -> list[str]:
    """Make every user of `ALL`, known by its place there."""
    made = ["syscontact somebody", f"syslocation {LONG}", "createUser clear"]
    made += ["rouser clear noauth"]
    for place, (auth, priv) in enumerate(ALL):
        words = [f"createUser user{place}", THEIRS.get(auth, auth), "an-auth-key"]
        words += [THEIRS.get(priv, priv), "a-priv-key"] if priv else []
        made += [" ".join(words), f"rouser user{place} {'authpriv' if priv else 'authnopriv'}"]
    return made


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with Snmpd(tmp_path_factory.mktemp("snmpd"), lines()) as daemon:
        yield daemon


class Manager:
    """One user at the daemon, with a socket that waits; `sent` counts the messages."""

    def __init__(self, daemon: Snmpd, user: User, patience_s: float = PATIENCE_S) -> None:
        self.security = UserSecurity(user, "the device")
        self.sent = 0
        self._patience_s = patience_s
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", daemon.port))

    def __enter__(self) -> "Manager":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, *oids: str) -> list[Any]:
        """Read values as a client would; silence is what the security makes of it."""
        request = Get(oids)
        while True:
            number = next(numbers)
            message = self.security.opening(number)
            self._socket.settimeout(PATIENCE_S if message else self._patience_s)
            message = message or self.security.wrap(request.pdu(number), number, time.monotonic())
            try:
                answer = reply(self.security.unwrap(self._exchange(message), time.monotonic()))
            except RelearntError:
                continue
            if answer.status:
                raise CollectError(Reason.AUTH, f"error-status {answer.status}")
            assert answer.number == number
            return request.read(answer)

    def _exchange(self, message: bytes) -> bytes:
        self._socket.send(message)
        self.sent += 1
        try:
            return self._socket.recv(65535)
        except TimeoutError:
            raise self.security.silence() or CollectError(Reason.TIMEOUT, "silence") from None


@pytest.mark.parametrize("place", range(len(ALL)), ids=[f"{a}-{p}" for a, p in ALL])
def test_every_pair_of_protocols_is_spoken_as_net_snmp_speaks_it(snmpd: Snmpd, place: int) -> None:
    with Manager(snmpd, user_at(place)) as manager:
        for _ in range(3):
            values = manager.get(CONTACT, OBJECT_ID, NOWHERE, LOCATION)
            assert values[0] == b"somebody"
            assert str(values[1]).startswith("1.3.6.1.4.1.8072.3.2.")
            assert values[2:] == [None, LONG.encode()]
        assert manager.sent == 4


def test_a_user_in_the_clear_is_spoken_to(snmpd: Snmpd) -> None:
    with Manager(snmpd, User("clear")) as manager:
        assert manager.get(CONTACT) == [b"somebody"]
        assert manager.sent == 2


PRIVATE = next(at for at, pair in enumerate(ALL) if pair == ("SHA-256", "AES-128"))
SHORT = next(at for at, pair in enumerate(ALL) if pair == ("SHA-1", "AES-256"))
SIGNED = next(at for at, pair in enumerate(ALL) if pair == ("SHA-256", None))


@pytest.mark.parametrize(
    ("place", "changes", "reason"),
    [
        pytest.param(PRIVATE, {"name": "nobody"}, Reason.UNKNOWN_USER, id="name"),
        pytest.param(
            *(PRIVATE, {"auth_secret": SecretStr("not-this-one")}, Reason.WRONG_DIGEST),
            id="auth-secret",
        ),
        pytest.param(PRIVATE, {"auth_protocol": "SHA-512"}, Reason.WRONG_DIGEST, id="auth"),
        pytest.param(
            *(PRIVATE, {"priv_secret": SecretStr("not-this-one")}, Reason.DECRYPTION_ERROR),
            id="priv-secret",
        ),
        pytest.param(PRIVATE, {"priv_protocol": "DES"}, Reason.DECRYPTION_ERROR, id="priv"),
        pytest.param(
            SHORT, {"priv_protocol": "AES-256-C"}, Reason.DECRYPTION_ERROR, id="key-expansion"
        ),
        pytest.param(
            SIGNED,
            {"priv_protocol": "AES-128", "priv_secret": SecretStr("a-priv-key")},
            Reason.UNSUPPORTED_LEVEL,
            id="level-that-the-user-has-not",
        ),
        pytest.param(
            PRIVATE,
            {"priv_protocol": None, "priv_secret": None},
            Reason.AUTH,
            id="level-too-low-is-what-access-control-says",
        ),
    ],
)
def test_each_wrong_credential_has_its_reason(
    snmpd: Snmpd, place: int, changes: dict[str, Any], reason: Reason
) -> None:
    patience_s = SILENCE_S if reason is Reason.DECRYPTION_ERROR else PATIENCE_S
    with Manager(snmpd, replace(user_at(place), **changes), patience_s) as manager:
        for _ in range(2):
            with pytest.raises(CollectError) as caught:
                manager.get(CONTACT)
            assert caught.value.reason is reason
            assert not any(it in str(caught.value) for it in ("not-this-one", "-key"))


@pytest.mark.parametrize(
    ("before", "after"),
    [pytest.param(1, 2, id="counted"), pytest.param(41, 1, id="its-count-was-lost")],
)
def test_a_daemon_that_booted_again_is_followed(tmp_path: Path, before: int, after: int) -> None:
    with Snmpd(tmp_path, booted(before)) as daemon, Manager(daemon, USER) as manager:
        assert manager.get(BOOTS) == [before]
        daemon.lines = booted(after)
        daemon.restart()
        assert manager.get(BOOTS) == [after]
        assert manager.sent == 2 + 2
        assert manager.get(BOOTS) == [after]
        assert manager.sent == 5


def booted(times: int) -> list[str]:
    """Say what a daemon keeps of its last run; without it, this is the first."""
    kept = [f"oldEngineID {ENGINE}01", f"engineBoots {times - 1}"] if times > 1 else []
    return [f"exactEngineID {ENGINE}01", *kept]


def test_a_daemon_with_another_engine_in_the_same_place_is_followed(tmp_path: Path) -> None:
    with (
        Snmpd(tmp_path / "old", [f"exactEngineID {ENGINE}01"]) as old,
        Manager(old, USER) as manager,
    ):
        before = manager.get(OBJECT_ID)
        old.stop()
        new = Snmpd(tmp_path / "new", [f"exactEngineID {ENGINE}02"])
        new.port = old.port
        with new:
            assert manager.get(OBJECT_ID) == before
            assert manager.sent == 2 + 2


def test_a_daemon_that_is_gone_is_silent_and_one_that_comes_back_is_met_anew(
    tmp_path: Path,
) -> None:
    with Snmpd(tmp_path, [f"exactEngineID {ENGINE}01"]) as daemon, Manager(daemon, USER) as manager:
        before = manager.get(OBJECT_ID)
        daemon.stop()
        silent: list[BaseException] = []
        for _ in range(3):
            with pytest.raises((CollectError, ConnectionRefusedError)) as caught:
                manager.get(OBJECT_ID)
            silent.append(caught.value)
        daemon.start()
        assert manager.get(OBJECT_ID) == before
        assert Reason.DECRYPTION_ERROR not in {getattr(it, "reason", None) for it in silent}

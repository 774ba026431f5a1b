"""pysnmp behind one call: a request to an agent, and what came back.

Numeric OIDs only and no MIB is looked up. pysnmp's hlapi is passed by: it resolves every OID
through its MIB tree. Only GET and GETBULK exist here, so nothing can be set.
"""

import asyncio
import functools
from collections.abc import Sequence
from typing import Any

from pydantic import SecretStr
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto.api import v2c

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint
from collectors.snmp import failures
from collectors.snmp.agent import Agent
from collectors.snmp.credential import Community, Credential, User
from collectors.snmp.varbind import Oid, Value, Varbind
from collectors.snmp.wire import Alias, Outcome, Wire

TICK_S = 0.1
ATTEMPT_S = 1.4
MAX_USER_OCTETS = 32  # RFC 3414, usmUserName

_NULL = v2c.null
_NUMBERS = (
    *(v2c.Integer, v2c.Integer32, v2c.Unsigned32, v2c.TimeTicks),
    *(v2c.Counter32, v2c.Gauge32, v2c.Counter64),
)
_OCTETS = (v2c.OctetString, v2c.IpAddress, v2c.Opaque, v2c.Bits)
_AUTH = {
    None: config.USM_AUTH_NONE,
    "MD5": config.USM_AUTH_HMAC96_MD5,
    "SHA-1": config.USM_AUTH_HMAC96_SHA,
    "SHA-224": config.USM_AUTH_HMAC128_SHA224,
    "SHA-256": config.USM_AUTH_HMAC192_SHA256,
    "SHA-384": config.USM_AUTH_HMAC256_SHA384,
    "SHA-512": config.USM_AUTH_HMAC384_SHA512,
}
_PRIV = {
    None: config.USM_PRIV_NONE,
    "DES": config.USM_PRIV_CBC56_DES,
    "AES-128": config.USM_PRIV_CFB128_AES,
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    "AES-192-C": config.USM_PRIV_CFB192_AES,
    "AES-256-C": config.USM_PRIV_CFB256_AES,
}
_UNREADABLE = ("snmpInASNParseErrs", "snmpInBadVersions")
"""pysnmp drops what it cannot read and only counts it (SNMPv2-MIB)."""


class Session:
    """One pysnmp engine with its sockets, for all devices whose credentials it can hold."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = SnmpEngine()
        self._dispatcher = AbstractTransportDispatcher()
        self._engine.register_transport_dispatcher(self._dispatcher)
        self._wire = Wire(self._unreadable)
        self._dispatcher.register_transport(udp.DOMAIN_NAME, self._wire)
        self._users: dict[str, User] = {}
        self._parameters: dict[Credential, str] = {}
        self._targets: set[str] = set()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def takes(self, credential: Credential) -> bool:
        """Whether the credential fits in: pysnmp holds one secret for each user name."""
        if isinstance(credential, Community):
            return True
        return self._users.setdefault(credential.name, credential) == credential

    async def ask(
        self, agent: Agent, endpoint: Endpoint, oids: Sequence[Oid], rows: int = 0
    ) -> list[Varbind]:
        """Send one GET, or one GETBULK for so many `rows`; return the reply in its order.

        Raises:
            CollectError: no answer within `ATTEMPT_S`, or one that is no good; see `failures`.

        """
        request = self._wire.expect(endpoint)
        try:
            self._send(agent, self._wire.alias(endpoint), oids, rows, request.outcome)
            outcome = await request.outcome
        finally:
            self._wire.drop(request)
        if not isinstance(outcome, CollectError):
            return outcome
        if (
            outcome.reason is Reason.TIMEOUT
            and request.heard
            and isinstance(agent.credential, User)
        ):
            # pysnmp keeps to an engine for five minutes and drops the report of a new one.
            self._wire.rename(endpoint)
            if agent.credential.priv_secret:
                raise failures.of_unheeded(agent)
        raise outcome

    def close(self) -> None:
        """Give the sockets back; who still waits is told."""
        self._timer.cancel()
        self._engine.close_dispatcher()

    def _send(
        self,
        agent: Agent,
        alias: Alias,
        oids: Sequence[Oid],
        rows: int,
        future: asyncio.Future[Outcome],
    ) -> None:
        binds = [(oid, _NULL) for oid in oids]
        then = (functools.partial(_answered, agent), future)
        try:
            to = (self._engine, self._target(agent.credential, alias), None, "")
            if rows:
                cmdgen.BulkCommandGenerator().send_varbinds(*to, 0, rows, binds, *then)
            else:
                cmdgen.GetCommandGenerator().send_varbinds(*to, binds, *then)
        except PySnmpError as error:
            raise failures.of_sending(agent, error) from None

    def _target(self, credential: Credential, alias: Alias) -> str:
        """Name the address and the credential in pysnmp's tables, writing them there once."""
        parameters = self._parameters.get(credential) or self._add_credential(credential)
        name = f"{parameters} at {alias[0]}"
        if name not in self._targets:
            timeout = int(ATTEMPT_S * 100)
            # No retries of pysnmp's: they would go on after a cancellation.
            config.add_target_address(
                self._engine, name, udp.DOMAIN_NAME, alias, parameters, timeout, 0
            )
            self._targets.add(name)
        return name

    def _add_credential(self, credential: Credential) -> str:
        name = f"credential{len(self._parameters)}"
        if isinstance(credential, Community):
            config.add_v1_system(self._engine, name, _octets(credential.community))
            config.add_target_parameters(self._engine, name, name, "noAuthNoPriv", 1)
        else:
            self._add_user(credential)
            level = "authPriv" if credential.priv_secret else "authNoPriv"
            level = level if credential.auth_secret else "noAuthNoPriv"
            config.add_target_parameters(self._engine, name, credential.name, level, 3)
        self._parameters[credential] = name
        return name

    def _add_user(self, user: User) -> None:
        octets = len(user.name.encode())
        if not 0 < octets <= MAX_USER_OCTETS:
            msg = f"user {user.name!r} has {octets} octets; SNMPv3 takes 1 to {MAX_USER_OCTETS}"
            raise CollectError(Reason.LOCAL, msg)
        auth, priv = user.auth_secret, user.priv_secret
        config.add_v3_user(
            self._engine,
            user.name,
            _AUTH[user.auth_protocol],
            auth and _octets(auth),
            _PRIV[user.priv_protocol],
            priv and _octets(priv),
        )

    def _unreadable(self) -> int:
        builder = self._engine.get_mib_builder()
        symbols = builder.import_symbols("__SNMPv2-MIB", *_UNREADABLE)
        return sum(int(symbol.syntax) for symbol in symbols)

    def _tick(self) -> None:
        """Drive pysnmp's timers by the loop's clock, not by the wall clock as its own would."""
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._dispatcher.handle_timer_tick(self._loop.time())


def _octets(secret: SecretStr) -> bytes:
    return secret.get_secret_value().encode()


def _answered(agent: Agent, *reply: Any) -> None:
    """Take what pysnmp makes of the reply, or of there being none, as its callback."""
    _engine, _handle, indication, status, index, varbinds, future = reply
    outcome: Outcome
    if indication:
        outcome = failures.of_indication(agent, indication)
    elif status:
        oids = [str(oid) for oid, _ in varbinds]
        outcome = failures.of_status(agent, int(status), int(index), oids)
    else:
        outcome = [_plain(oid, value) for oid, value in varbinds]
    if not future.done():
        future.set_result(outcome)


def _plain(oid: Any, value: Any) -> Varbind:
    """Turn what pysnmp decoded into plain values."""
    plain: Value = None  # noSuchObject, noSuchInstance, endOfMibView and unSpecified are all NULLs
    if isinstance(value, _NUMBERS):
        plain = int(value)
    elif isinstance(value, _OCTETS):
        plain = bytes(value)
    elif isinstance(value, v2c.ObjectIdentifier):
        plain = str(value)
    return Varbind(tuple(oid), plain, isinstance(value, v2c.EndOfMibView))

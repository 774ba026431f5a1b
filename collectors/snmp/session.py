"""pysnmp behind one call: a request to an agent, and what came back.

Numeric OIDs only and no MIB is looked up. pysnmp's hlapi is passed by: it resolves every OID
through its MIB tree. Only GET and GETBULK exist here, so nothing can be set.
"""

import asyncio
import functools
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.base import AbstractTransportDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto.api import v2c

from collectors.base import CollectError, Reason
from collectors.snmp import failures
from collectors.snmp.agent import Agent, Destination
from collectors.snmp.credential import Community, Credential, User
from collectors.snmp.transport import Address, UdpTransport
from collectors.snmp.varbind import Oid, Value, Varbind

TICK_S = 0.1
ATTEMPT_S = 1.5

Outcome = list[Varbind] | CollectError

_NULL = v2c.null
_NUMBERS = (
    *(v2c.Integer, v2c.Integer32, v2c.Unsigned32, v2c.TimeTicks),
    *(v2c.Counter32, v2c.Gauge32, v2c.Counter64),
)
_OCTETS = (v2c.OctetString, v2c.IpAddress, v2c.Opaque, v2c.Bits)
_DOMAINS = {
    socket.AF_INET: (udp.DOMAIN_NAME, udp.UdpTransportAddress),
    socket.AF_INET6: (udp6.DOMAIN_NAME, udp6.Udp6TransportAddress),
}
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
    # Of the two key expansions, the one that net-snmp has.
    "AES-192": config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    "AES-256": config.USM_PRIV_CFB256_AES_BLUMENTHAL,
}
_UNREADABLE = ("snmpInASNParseErrs", "snmpInBadVersions")
"""pysnmp drops what it cannot read and only counts it (SNMPv2-MIB)."""

_BROKEN = (PySnmpError, ValueError, TypeError, LookupError, AttributeError)
"""What pysnmp lets out of a datagram that is almost SNMP."""


class Session:
    """One pysnmp engine with its sockets, for all devices whose credentials it can hold."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._engine = SnmpEngine()
        self._dispatcher = AbstractTransportDispatcher()
        self._engine.register_transport_dispatcher(self._dispatcher)
        self._families: set[socket.AddressFamily] = set()
        self._users: dict[str, User] = {}
        self._parameters: dict[Credential, str] = {}
        self._targets: dict[tuple[Address, str], str] = {}
        self._waiting: dict[Address, set[asyncio.Future[Outcome]]] = defaultdict(set)
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def takes(self, credential: Credential) -> bool:
        """Whether the credential fits in: pysnmp holds one secret for each user name."""
        if isinstance(credential, Community):
            return True
        return self._users.setdefault(credential.name, credential) == credential

    async def ask(
        self, agent: Agent, destination: Destination, oids: Sequence[Oid], rows: int = 0
    ) -> list[Varbind]:
        """Send one GET, or one GETBULK for so many `rows`; return the reply in its order.

        Raises:
            CollectError: no answer within `ATTEMPT_S`, or one that is no good; see `failures`.

        """
        future: asyncio.Future[Outcome] = self._loop.create_future()
        peer = _peer(destination.address)
        self._waiting[peer].add(future)
        try:
            self._send(agent, self._target(destination, agent.credential), oids, rows, future)
            outcome = await future
        finally:
            self._waiting[peer].discard(future)
            if not self._waiting[peer]:
                del self._waiting[peer]
        if isinstance(outcome, CollectError):
            raise outcome
        return outcome

    def close(self) -> None:
        """Give the sockets back; who still waits is told."""
        self._timer.cancel()
        self._engine.close_dispatcher()
        for futures in self._waiting.values():
            _settle(futures, CollectError(Reason.LOCAL, "the SNMP client was closed"))

    def _send(
        self,
        agent: Agent,
        target: str,
        oids: Sequence[Oid],
        rows: int,
        future: asyncio.Future[Outcome],
    ) -> None:
        to = (self._engine, target, None, "")
        binds = [(oid, _NULL) for oid in oids]
        then = (functools.partial(_answered, agent), future)
        try:
            if rows:
                cmdgen.BulkCommandGenerator().send_varbinds(*to, 0, rows, binds, *then)
            else:
                cmdgen.GetCommandGenerator().send_varbinds(*to, binds, *then)
        except PySnmpError as error:
            raise failures.of_sending(agent, error) from None

    def _target(self, destination: Destination, credential: Credential) -> str:
        """Name the address and the credential in pysnmp's tables, writing them there once."""
        parameters = self._parameters.get(credential) or self._add_credential(credential)
        family, address = destination
        key = (address, parameters)
        if key not in self._targets:
            domain, address_type = _DOMAINS[family]
            if family not in self._families:
                transport = UdpTransport(family, address_type, self._received, self._failed)
                self._dispatcher.register_transport(domain, transport)
                self._families.add(family)
            name = f"target{len(self._targets)}"
            config.add_target_address(
                # Centiseconds. No retries: they would go on after a cancellation.
                self._engine, name, domain, address, parameters, int(ATTEMPT_S * 100), 0
            )  # fmt: skip
            self._targets[key] = name
        return self._targets[key]

    def _add_credential(self, credential: Credential) -> str:
        name = f"credential{len(self._parameters)}"
        if isinstance(credential, Community):
            config.add_v1_system(self._engine, name, credential.community.get_secret_value())
            config.add_target_parameters(self._engine, name, name, "noAuthNoPriv", 1)
        else:
            self._add_user(credential)
            level = "authPriv" if credential.priv_secret else "authNoPriv"
            level = level if credential.auth_secret else "noAuthNoPriv"
            config.add_target_parameters(self._engine, name, credential.name, level, 3)
        self._parameters[credential] = name
        return name

    def _add_user(self, user: User) -> None:
        auth, priv = user.auth_secret, user.priv_secret
        config.add_v3_user(
            self._engine,
            user.name,
            _AUTH[user.auth_protocol],
            auth and auth.get_secret_value(),
            _PRIV[user.priv_protocol],
            priv and priv.get_secret_value(),
        )

    def _received(self, deliver: Callable[[], None], address: Address, message: bytes) -> None:
        """Hand a datagram to pysnmp and say so if it was none of SNMP."""
        before = self._unreadable()
        try:
            deliver()
        except _BROKEN:
            unreadable = True
        else:
            unreadable = self._unreadable() > before
        if unreadable:
            _settle(self._waiting.get(_peer(address), ()), failures.of_garbage(address, message))

    def _unreadable(self) -> int:
        builder = self._engine.get_mib_builder()
        symbols = builder.import_symbols("__SNMPv2-MIB", *_UNREADABLE)
        return sum(int(symbol.syntax) for symbol in symbols)

    def _failed(self, address: Address, error: OSError) -> None:
        _settle(self._waiting.get(_peer(address), ()), failures.of_network(address, error))

    def _tick(self) -> None:
        """Drive pysnmp's timers by the loop's clock, not by the wall clock as its own would."""
        self._dispatcher.handle_timer_tick(self._loop.time())
        self._timer = self._loop.call_later(TICK_S, self._tick)


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
    _settle([future], outcome)


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


def _settle(futures: Iterable[asyncio.Future[Outcome]], outcome: Outcome) -> None:
    for future in futures:
        if not future.done():
            future.set_result(outcome)


def _peer(address: Address) -> Address:
    return address[0].split("%")[0], address[1]

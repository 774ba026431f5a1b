"""One UDP socket for all devices of a family, which also hears who refuses.

A device that has no SNMP agent answers with an ICMP error. A socket connected to it would be told;
one that serves all devices is told only through its error queue (IP_RECVERR in ip(7)), together
with the address that the error is about. So refusing is told from silence without a socket each.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

Address = tuple[Any, ...]
"""A socket address: host, port and, for IPv6, flow and scope."""

_RECVERR = {
    socket.AF_INET: (socket.IPPROTO_IP, 11),  # IP_RECVERR of linux/in.h
    socket.AF_INET6: (socket.IPPROTO_IPV6, 25),  # IPV6_RECVERR of linux/in6.h
}
_DATAGRAM_BYTES = 65535
_AT_ONCE = 32
"""Datagrams that are read before anything else gets its turn; a wake-up costs more than reading."""

_RECEIVE_BUFFER_BYTES = 4 * 2**20


class UdpSocket:
    """Tells of each datagram and its sender, and of each address and what stands in the way."""

    def __init__(
        self,
        family: socket.AddressFamily,
        received: Callable[[bytes, Address], None],
        failed: Callable[[Address, OSError], None],
        source: str | None = None,
    ) -> None:
        self._received = received
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        # Replies of many devices come at once: the kernel gives what it allows of this.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        self._socket.setsockopt(*_RECVERR[family], 1)
        if source is not None:
            try:
                self._socket.bind((source, 0))
            except OSError:
                self._socket.close()
                raise
        self._loop.add_reader(self._socket, self._readable)

    def send(self, message: bytes, address: Address) -> None:
        """Send one datagram; what hinders it is told to `failed`."""
        try:
            self._send(message, address)
        except OSError as error:
            self._failed(address, error)

    def close(self) -> None:
        """Give the socket back."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _send(self, message: bytes, address: Address) -> None:
        try:
            self._socket.sendto(message, address)
        except OSError:
            if not self._read_errors():
                raise
            # It was of another device: the kernel tells it to the next who sends.
            self._socket.sendto(message, address)

    def _readable(self) -> None:
        """Read what has come; of more than `_AT_ONCE` datagrams the loop tells again.

        What the error queue holds is reported before any datagram (sk_err, udp_recvmsg).
        """
        read = 0
        try:
            while read < _AT_ONCE:
                message, address = self._socket.recvfrom(_DATAGRAM_BYTES)
                read += 1
                self._received(message, address)
        except OSError as error:
            if read and isinstance(error, BlockingIOError):
                return  # that was all
            if self._read_errors():
                # libuv stops polling at an error; begun anew, it goes on.
                self._loop.remove_reader(self._socket)
                self._loop.add_reader(self._socket, self._readable)

    def _read_errors(self) -> bool:
        """Tell of each error in the queue, in which the first word is the errno."""
        found = False
        while True:
            try:
                _, ancillary, _, address = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            if ancillary and address:
                (code,) = struct.unpack_from("I", ancillary[0][2])
                self._failed(address, OSError(code, os.strerror(code)))

"""When connections are there: all that are on their way share one wait (epoll(7))."""

import asyncio
import select
import socket


class Ready:
    """Waits until sockets can be written to, from one loop.

    That is one system call each: it is told of once, and forgotten when it is closed. The loop's
    own watch of a socket takes five, as if it were to last.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._wake)

    async def to_write(self, sock: socket.socket) -> None:
        """Wait until a socket is connected, or its connection has failed."""
        number = sock.fileno()
        self._waiting[number] = due = self._loop.create_future()
        self._epoll.register(number, select.EPOLLOUT | select.EPOLLONESHOT)
        try:
            await due
        except BaseException:
            self._epoll.unregister(number)
            raise
        finally:
            del self._waiting[number]

    async def close(self) -> None:
        """Wait for nothing any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _wake(self) -> None:
        for number, _ in self._epoll.poll(0):
            if not self._waiting[number].done():  # who waited may have been cancelled
                self._waiting[number].set_result(None)

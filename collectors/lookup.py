"""The system's resolver, in threads of its own: a name that hangs holds up no other.

getaddrinfo(3) obeys what this host is told (nsswitch.conf, hosts) and cannot be cancelled: with
silent name servers it hangs for half a minute. A name has one thread while it is looked up, and who
asks for it meanwhile waits with the first: attempt after attempt makes no second thread. They are
daemons: an agent ends without waiting for them, as the loop's own executor would not.
"""

import asyncio
import socket
import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

MOST_THREADS = 128
"""So many names may hang before others have to wait."""

Found = list[tuple[socket.AddressFamily, tuple[Any, ...]]]
_Key = tuple[str, socket.AddressFamily]


class Resolver:
    """Looks names up, from any loop of the process."""

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self.threads = 0
        self._most_threads = most_threads
        self._lock = threading.Lock()
        self._under_way: dict[_Key, Future[Found]] = {}
        self._waiting: deque[_Key] = deque()

    async def find(self, name: str, family: socket.AddressFamily) -> Found:
        """Return a name's addresses in the system's order (RFC 6724), each once, with port 0.

        Raises:
            socket.gaierror: it has none in that family.
            OSError: this host could not ask.

        """
        # Who gives up leaves the others to their answer.
        return await asyncio.shield(asyncio.wrap_future(self._ask((name, family))))

    def _ask(self, key: _Key) -> "Future[Found]":
        with self._lock:
            if key not in self._under_way:
                if self.threads < self._most_threads:
                    self._start()
                self._under_way[key] = Future()
                self._waiting.append(key)
            return self._under_way[key]

    def _start(self) -> None:
        try:
            # It begins by waiting for the lock, which is ours until there is work for it.
            threading.Thread(target=self._work, name="resolver", daemon=True).start()
        except RuntimeError as error:
            msg = "no thread for the resolver: raise the limit of processes (ulimit -u, TasksMax)"
            raise OSError(msg) from error
        self.threads += 1

    def _work(self) -> None:
        while key := self._next():
            found = _look_up(*key)
            with self._lock:
                answer = self._under_way.pop(key)
            if isinstance(found, OSError):
                answer.set_exception(found)
            else:
                answer.set_result(found)

    def _next(self) -> _Key | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self.threads -= 1
            return None


def _look_up(name: str, family: socket.AddressFamily) -> Found | OSError:
    try:
        found = socket.getaddrinfo(name, 0, family, socket.SOCK_STREAM)
    except OSError as error:
        return error
    return list(dict.fromkeys((it[0], it[4]) for it in found))

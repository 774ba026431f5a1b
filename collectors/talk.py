"""A few words with a server: what is sent, and what must be said; for ports that speak in text."""

import asyncio
import re
import socket
from collections.abc import Sequence
from time import perf_counter
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from collectors.base import CollectError, Reason
from collectors.endpoint import Endpoint, failed
from collectors.fields import seen

MOST_BYTES = 16_384
"""Of what a server says while one pattern waits: a greeting is shorter."""

_MOST_STEPS = 16


def _pattern(value: object) -> object:
    if isinstance(value, str):
        try:
            re.compile(value.encode(), re.MULTILINE)
        except (re.error, OverflowError, RecursionError) as error:
            msg = f"not a regular expression: {seen(value)}: {error}; write one of Python's re"
            raise ValueError(msg) from None
    return value


class Step(BaseModel):
    """One step: a line to send (UTF-8, ended by CR LF), or a pattern that must be found.

    The pattern is sought in what came since the last one was found; `^` and `$` are ends of lines,
    and CR LF is a plain end of line to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    send: str | None = Field(None, max_length=MOST_BYTES)
    expect: Annotated[str, BeforeValidator(_pattern)] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.send is None) == (self.expect is None):
            msg = "a step sends or expects; write one of send: and expect: in each"
            raise ValueError(msg)
        return self


Steps = Annotated[tuple[Step, ...], Field(max_length=_MOST_STEPS)]
"""What is said in turn, over one connection."""


async def talk(
    endpoint: Endpoint, connection: socket.socket, steps: Sequence[Step], until_s: float
) -> None:
    """Go through the steps until that moment (perf_counter).

    Raises:
        CollectError: `timeout`, if a pattern's line did not come; `unexpected_content`, if others
            did; `reset`, if the server hung up; or what else the connection met.

    """
    loop = asyncio.get_running_loop()
    heard, waiting_for = bytearray(), ""
    try:
        async with asyncio.timeout(until_s - perf_counter()):
            for step in steps:
                if step.send is not None:
                    waiting_for = "end of sending"
                    await loop.sock_sendall(connection, f"{step.send}\r\n".encode())
                if step.expect is not None:
                    waiting_for = seen(step.expect)
                    await _hear(connection, re.compile(step.expect.encode(), re.MULTILINE), heard)
    except TimeoutError as error:
        reason = Reason.UNEXPECTED_CONTENT if b"\n" in heard else Reason.TIMEOUT
        raise _not_said(endpoint, reason, "in time", waiting_for, heard) from error
    except EOFError as error:
        what = "before it hung up"
        raise _not_said(endpoint, Reason.RESET, what, waiting_for, heard) from error
    except BufferError as error:
        reason, what = Reason.UNEXPECTED_CONTENT, f"in {MOST_BYTES} bytes"
        raise _not_said(endpoint, reason, what, waiting_for, heard) from error
    except OSError as error:
        raise failed(endpoint, error) from error


async def _hear(connection: socket.socket, pattern: re.Pattern[bytes], heard: bytearray) -> None:
    """Wait for the pattern and forget what was heard up to its end."""
    loop = asyncio.get_running_loop()
    while not (found := pattern.search(heard)):
        room = MOST_BYTES - len(heard)
        if not room:
            raise BufferError
        data = await loop.sock_recv(connection, room)
        if not data:
            raise EOFError
        heard[:] = (heard + data).replace(b"\r\n", b"\n")
    del heard[: found.end()]


def _not_said(
    endpoint: Endpoint, reason: Reason, when: str, wanted: str, heard: bytearray
) -> CollectError:
    said = f"it said {seen(heard[:200].decode(errors='replace'))}" if heard else "it said nothing"
    msg = f"{endpoint.host}: no {wanted} {when}; {said}"
    return CollectError(reason, msg)

"""HTTP probes over TLS: real servers on loopback, with certificates good and bad."""

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agent.observe import Observation, observe
from collectors.base import Moment, Reason, Tools
from collectors.http import REDIRECTS, STATUS, collect
from collectors.http_options import HttpTarget
from collectors.tls_chain import EXPIRY
from tests import certificates as lab
from tests import tlcp
from tests.blackbox import Blackbox, blackbox
from tests.certificates import DAY, NAME, NOW, Answer, Authority
from tests.http_lab import answer, serving
from tests.test_http import redirect, values
from tests.test_tcp import open_sockets, run_under
from tests.testbed import UnavailableError, eventually_async

TIMEOUT_S = 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def own(folder: Path) -> Authority:
    return lab.authority(folder)


def https(port: int, **options: Any) -> HttpTarget:
    given = {"name": "t", "kind": "http", "url": f"https://{NAME}:{port}/", "address": "127.0.0.1"}
    return HttpTarget.model_validate({**given, "timeout_s": TIMEOUT_S, **options})


async def probe(target: HttpTarget) -> Observation:
    tools = Tools(lambda: Moment(0, 0))
    try:
        return await observe(collect, target, tools)
    finally:
        await tools.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_good_server_gives_its_expiry_and_what_tls_took(loop: str, own: Authority) -> None:
    context = own.server(not_after=NOW + 30 * DAY)

    async def meet() -> None:
        async with serving(answer(b"hello"), context) as served:
            before = open_sockets()
            seen = await probe(https(served.port, ca=str(own.file), body_matches=["hello"]))
            await eventually_async(lambda: open_sockets() <= before)
        assert (seen.reason, seen.detail) == (None, "")
        found = values(seen)
        assert {"connect", "tls", "processing", "transfer"} <= set(found)
        assert found[EXPIRY] == (NOW + 30 * DAY).timestamp()
        assert served.header("host") == f"{NAME}:{served.port}"
        gc.collect()

    run_under(loop, meet)


async def test_from_http_to_https_is_a_redirect_within_the_host(own: Authority) -> None:
    async with serving(answer(), own.server()) as secured:
        to = f"https://{NAME}:{secured.port}/"
        async with serving(redirect(301, to)) as plain:
            seen = await probe(https(0, url=plain.url(host=NAME), ca=str(own.file)))
    assert (seen.reason, seen.detail) == (None, "")
    assert (values(seen)[STATUS], values(seen)[REDIRECTS]) == (200, 1)


SOON = {"not_after": NOW + DAY}
CERTIFICATES = [
    pytest.param({"not_after": NOW - DAY}, {}, (Reason.TLS_EXPIRED, "expired"), id="expired"),
    pytest.param(
        SOON | {"not_before": NOW + DAY / 2},
        {},
        (Reason.TLS_VERIFY, "not yet valid"),
        id="too-early",
    ),
    pytest.param(
        SOON, {"server_name": "other.test"}, (Reason.TLS_VERIFY, "mismatch"), id="wrong-host"
    ),
    pytest.param(SOON, {"ca": None}, (Reason.TLS_VERIFY, "unable to get"), id="unknown-authority"),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("made", "options", "said"), CERTIFICATES)
def test_a_certificate_that_proves_nothing_has_its_reason_and_its_expiry_all_the_same(
    own: Authority,
    made: dict[str, Any],
    options: dict[str, Any],
    said: tuple[Reason, str],
    loop: str,
) -> None:
    async def meet() -> None:
        async with serving(answer(), own.server(**made)) as served:
            seen = await probe(https(served.port, **{"ca": str(own.file)} | options))
        assert (seen.reason, said[1] in seen.detail) == (said[0], True), seen.detail
        assert f"to {made['not_after']:%Y-%m-%d %H:%M} UTC)" in seen.detail
        assert values(seen)[EXPIRY] == made["not_after"].timestamp()
        assert "connect" in values(seen)

    run_under(loop, meet)


async def test_a_self_signed_certificate_is_trusted_where_it_is_named(folder: Path) -> None:
    context, file = lab.self_signed(folder)
    async with serving(answer(), context) as served:
        refused = await probe(https(served.port))
        seen = await probe(https(served.port, ca=str(file)))
    assert (refused.reason, seen.reason) == (Reason.TLS_VERIFY, None)


def speaking(context: ssl.SSLContext) -> Answer:
    """OpenSSL's own server: asyncio's keeps the alert to itself when it refuses a client.

    It hears a refused client out: where a server resets the connection with the request unread, the
    reset may overtake its alert.
    """

    def respond(connection: socket.socket) -> None:
        with connection.dup() as kept:
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.recv(4096)
                    secured.sendall(answer())
            except ssl.SSLError:
                lab.until_hung_up(kept)

    return respond


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_a_certificate_gets_it_or_says_no(
    own: Authority, folder: Path, loop: str, version: ssl.TLSVersion
) -> None:
    certificate, key = own.client(folder)

    async def meet() -> None:
        with lab.serving(speaking(own.wanting(version))) as port:
            without = await probe(https(port, ca=str(own.file)))
            pair = {"certificate": str(certificate), "key": str(key)}
            seen = await probe(https(port, ca=str(own.file), **pair))
        assert (seen.reason, seen.detail) == (None, "")
        assert without.reason is Reason.AUTH, without.detail
        assert "certificate" in without.detail
        assert EXPIRY in values(without), "which is known all the same"

    run_under(loop, meet)


STRANGERS = [
    pytest.param(lab.saying(lab.alert(40)), Reason.UNSUPPORTED_PROTOCOL, id="handshake-failure"),
    pytest.param(lab.saying(lab.alert(70)), Reason.UNSUPPORTED_PROTOCOL, id="protocol-version"),
    pytest.param(lab.saying(lab.alert(40, b"\x01\x01")), Reason.UNSUPPORTED_PROTOCOL, id="tlcp"),
    pytest.param(lab.saying(lab.alert(49)), Reason.AUTH, id="access-denied"),
    pytest.param(lab.saying(answer()), Reason.UNSUPPORTED_PROTOCOL, id="plain-http"),
    pytest.param(lab.hang_up, Reason.RESET, id="hangs-up"),
    pytest.param(lab.reset, Reason.RESET, id="resets"),
    pytest.param(lab.until_hung_up, Reason.TIMEOUT, id="never-speaks"),
    pytest.param(
        lab.greeting(*[b"\x16"] * 60, pause_s=0.05), Reason.UNSUPPORTED_PROTOCOL, id="drips"
    ),
]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(("respond", "reason"), STRANGERS)
def test_whoever_speaks_something_else_has_a_reason_on_time_and_leaves_nothing(
    own: Authority, respond: Answer, reason: Reason, loop: str
) -> None:
    async def meet() -> None:
        with lab.serving(respond) as port:
            before = open_sockets()
            seen = await probe(https(port, ca=str(own.file)))
            await eventually_async(lambda: open_sockets() <= before + 1)  # the server's
        assert seen.reason is reason, seen.detail
        assert seen.duration_s < TIMEOUT_S
        assert "\n" not in seen.detail
        gc.collect()

    run_under(loop, meet)


async def test_a_real_server_of_tlcp_has_nothing_in_common_and_is_not_down() -> None:
    with tlcp.serving() as port:
        seen = await probe(https(port))
    assert (seen.reason, "kind: tls shows" in seen.detail) == (Reason.UNSUPPORTED_PROTOCOL, True)


class Judged(NamedTuple):
    """A server, what both are told of TLS, and the verdict of both."""

    answers: Answer
    ours: dict[str, str]
    theirs: dict[str, str]
    is_well: bool


@pytest.fixture(scope="module")
def judged(own: Authority, folder: Path) -> dict[str, Judged]:
    ours, theirs = {"ca": str(own.file)}, {"ca_file": str(own.file)}
    certificate, key = map(str, own.client(folder))
    other, file = lab.self_signed(folder)
    wanting = speaking(own.wanting(ssl.TLSVersion.TLSv1_3))
    pair = {"certificate": certificate, "key": key}, {"cert_file": certificate, "key_file": key}
    expired, early = own.server(not_after=NOW - DAY), own.server(not_before=NOW + DAY)
    return {
        "good": Judged(speaking(own.server()), ours, theirs, True),
        "expired": Judged(speaking(expired), ours, theirs, False),
        "not-yet-valid": Judged(speaking(early), ours, theirs, False),
        "wrong-host": Judged(speaking(own.server("other.test")), ours, theirs, False),
        "unknown-authority": Judged(speaking(own.server()), {}, {}, False),
        "long-chain": Judged(speaking(own.behind(3)), ours, theirs, True),
        "self-signed": Judged(speaking(other), ours, theirs, False),
        "self-signed-named": Judged(
            speaking(other), {"ca": str(file)}, {"ca_file": str(file)}, True
        ),
        "client-wanted": Judged(wanting, ours, theirs, False),
        "client-shown": Judged(wanting, ours | pair[0], theirs | pair[1], True),
        "alert": Judged(lab.saying(lab.alert(40)), ours, theirs, False),
        "plain-text": Judged(lab.saying(answer()), ours, theirs, False),
        "hangs-up": Judged(lab.hang_up, ours, theirs, False),
        "never-speaks": Judged(lab.until_hung_up, ours, theirs, False),
    }


@pytest.fixture(scope="module")
def judge(folder: Path, judged: dict[str, Judged]) -> Iterator[Blackbox]:
    modules = {
        name: {
            "prober": "http",
            "timeout": f"{TIMEOUT_S:g}s",
            "http": {"tls_config": it.theirs | {"server_name": NAME}},
        }
        for name, it in judged.items()
    }
    try:
        with blackbox(folder / "blackbox", modules) as running:
            yield running
    except UnavailableError as error:
        pytest.skip(str(error))


async def test_blackbox_exporter_comes_to_the_same_verdicts(
    judge: Blackbox, judged: dict[str, Judged]
) -> None:
    wanted, ours, theirs = {}, {}, {}
    for name, it in judged.items():
        with lab.serving(it.answers) as port:
            wanted[name] = it.is_well
            ours[name] = (await probe(https(port, **it.ours))).reason is None
            url = f"https://127.0.0.1:{port}/"
            theirs[name] = await asyncio.to_thread(judge.succeeds, url, name)
    assert (ours, theirs) == (wanted, wanted)

"""TLS with real servers on loopback, each with a certificate of a kind of its own."""

import asyncio
import importlib
import json
import re
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from collectors.base import CollectError, Metric, Reason, Sample
from collectors.probe import PHASE, RTT
from collectors.tls import VERIFIED, TlsTarget, collect
from collectors.tls_chain import CERTIFICATE_EXPIRY, CERTIFICATE_START, EXPIRY, INFO
from collectors.tls_options import TlsContexts
from tests import certificates as lab
from tests import tlcp
from tests.blackbox import Blackbox, blackbox
from tests.certificates import DAY, NAME, NOW, Answer, Authority, serving, tls
from tests.lent import tools
from tests.test_tcp import open_sockets
from tests.testbed import eventually

TIMEOUT_S = 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def own(folder: Path) -> Authority:
    return lab.authority(folder)


def target(port: int, own: Authority, **options: object) -> TlsTarget:
    wanted: dict[str, object] = {
        "name": "t",
        "kind": "tls",
        "address": "127.0.0.1",
        "port": port,
        "server_name": NAME,
        "ca": str(own.file),
        "timeout": f"{TIMEOUT_S}s",
    }
    wanted |= options
    return TlsTarget.model_validate({key: it for key, it in wanted.items() if it is not None})


async def measured(port: int, own: Authority, **options: object) -> list[Sample]:
    async with tools() as lent, asyncio.timeout(TIMEOUT_S):
        found = await collect.collect(target(port, own, **options), lent)
    return [it for it in found if isinstance(it, Sample)]


async def failure(port: int, own: Authority, **options: object) -> CollectError:
    with pytest.raises(CollectError) as caught:
        await measured(port, own, **options)
    return caught.value


def value(samples: Any, metric: Metric) -> float | None:
    return next((it.value for it in samples if it.metric is metric), None)


def labels(samples: Any, metric: Metric) -> list[tuple[str, ...]]:
    return [it.labels for it in samples if it.metric is metric]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_good_server_is_measured_on_either_loop(loop: str, version: str, own: Authority) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    context = own.server(not_after=NOW + 30 * DAY)
    context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    before = open_sockets()
    with serving(tls(context)) as port:
        samples = importlib.import_module(loop).run(measured(port, own))
        eventually(lambda: open_sockets() <= before + 1)  # the server's
    assert value(samples, VERIFIED) == 1
    assert value(samples, EXPIRY) == (NOW + 30 * DAY).timestamp()
    assert labels(samples, INFO)[0][1] == version
    assert {it.labels[1] for it in samples if it.metric is PHASE} == {"connect", "tls"}
    assert 0 < (value(samples, RTT) or 0) < 1


async def test_every_certificate_of_a_long_chain_is_shown_with_its_root(own: Authority) -> None:
    with serving(tls(own.behind(4))) as port:
        samples = await measured(port, own)
    assert len(labels(samples, CERTIFICATE_EXPIRY)) == 6
    assert len(labels(samples, CERTIFICATE_START)) == 6
    ends = [it.value for it in samples if it.metric is CERTIFICATE_EXPIRY]
    assert value(samples, EXPIRY) == min(ends)


async def test_the_first_certificate_to_expire_may_be_an_authoritys(folder: Path) -> None:
    root = lab.authority(folder, "short")
    leaf_ends = datetime(3500, 1, 1, tzinfo=UTC)  # after its authority
    with serving(tls(root.server(not_after=leaf_ends))) as port:
        samples = await measured(port, root)
    expiry = value(samples, EXPIRY)
    assert expiry is not None
    assert expiry < leaf_ends.timestamp()


BAD: dict[str, tuple[Reason, str]] = {
    "expired": (Reason.TLS_EXPIRED, "has expired"),
    "not-yet-valid": (Reason.TLS_VERIFY, "not yet valid"),
    "wrong-host": (Reason.TLS_VERIFY, "not valid for 'server.test'"),
    "unknown-authority": (Reason.TLS_VERIFY, "unable to get local issuer"),
    "self-signed": (Reason.TLS_VERIFY, "self-signed|self signed"),
}


@pytest.fixture(scope="module")
def bad(own: Authority, folder: Path) -> dict[str, ssl.SSLContext]:
    return {
        "expired": own.server(not_before=NOW - 2 * DAY, not_after=NOW - DAY),
        "not-yet-valid": own.server(not_before=NOW + DAY, not_after=NOW + 2 * DAY),
        "wrong-host": own.server("other.test", not_after=NOW + DAY),
        "unknown-authority": lab.authority(folder, "unknown").server(not_after=NOW + DAY),
        "self-signed": lab.self_signed(folder)[0],
    }


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_a_certificate_that_proves_nothing_has_its_reason_and_its_expiry_all_the_same(
    case: str, version: str, own: Authority, bad: dict[str, ssl.SSLContext]
) -> None:
    context, (reason, words) = bad[case], BAD[case]
    context.maximum_version = ssl.TLSVersion[version]
    with serving(tls(context)) as port:
        error = await failure(port, own)
    assert error.reason is reason
    assert error.detail.startswith("127.0.0.1: ")
    assert re.search(words, error.detail), error.detail
    assert "valid from" in error.detail
    expected = {"expired": NOW - DAY, "not-yet-valid": NOW + 2 * DAY}.get(case, NOW + DAY)
    assert value(error.measurements, EXPIRY) == expected.timestamp()
    assert value(error.measurements, VERIFIED) == 0
    assert value(error.measurements, RTT) is not None


async def test_a_self_signed_certificate_is_trusted_where_it_is_named(
    own: Authority, folder: Path
) -> None:
    context, file = lab.self_signed(folder)
    with serving(tls(context)) as port:
        samples = await measured(port, own, ca=str(file))
    assert value(samples, VERIFIED) == 1


async def test_a_private_authority_is_not_trusted_unless_it_is_named(own: Authority) -> None:
    with serving(tls(own.server())) as port:
        error = await failure(port, own, ca=None)
    assert error.reason is Reason.TLS_VERIFY


async def test_without_a_name_the_address_is_what_must_be_proven(own: Authority) -> None:
    with serving(tls(own.server("127.0.0.1"))) as port:
        assert value(await measured(port, own, server_name=None), VERIFIED) == 1
    with serving(tls(own.server())) as port:
        error = await failure(port, own, server_name=None)
    assert (error.reason, "127.0.0.1" in error.detail) == (Reason.TLS_VERIFY, True)


async def test_the_server_is_asked_for_the_name(own: Authority) -> None:
    asked: list[str | None] = []
    context = own.server()
    context.sni_callback = lambda _, name, __: asked.append(name)
    with serving(tls(context)) as port:
        await measured(port, own)
    assert asked == [NAME]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_server_that_wants_a_certificate_is_no_success_without_one(
    version: ssl.TLSVersion, own: Authority, folder: Path
) -> None:
    with serving(tls(own.wanting(version))) as port:
        error = await failure(port, own)
        certificate, key = own.client(folder)
        samples = await measured(port, own, certificate=str(certificate), key=str(key))
    assert error.reason is Reason.AUTH
    assert value(error.measurements, EXPIRY), "which is known all the same"
    assert value(samples, VERIFIED) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_of_another_authority_is_refused(
    version: ssl.TLSVersion, own: Authority, folder: Path, tmp_path: Path
) -> None:
    certificate, key = lab.authority(tmp_path).client(tmp_path)
    with serving(tls(own.wanting(version))) as port:
        error = await failure(port, own, certificate=str(certificate), key=str(key))
    assert error.reason is Reason.AUTH


async def test_a_server_that_answers_no_goodbye_is_well_and_takes_a_second_at_most(
    own: Authority,
) -> None:
    def stays(connection: Any) -> None:
        context = own.server()
        context.num_tickets = 0
        secured = context.wrap_socket(
            connection, server_side=True, suppress_ragged_eofs=False, do_handshake_on_connect=False
        )
        with secured:
            secured.do_handshake()
            threading.Event().wait(1.5)

    with serving(stays) as port:
        samples = await measured(port, own)
    assert value(samples, VERIFIED) == 1


async def test_an_old_server_has_nothing_in_common_and_is_not_down(own: Authority) -> None:
    context = own.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(tls(context)) as port:
        error = await failure(port, own, min_version="1.3")
        await measured(port, own, min_version="1.2")
    assert (error.reason, error.detail) == (
        Reason.UNSUPPORTED_PROTOCOL,
        "127.0.0.1: it ended TLS: protocol version",
    )


def garbled(own: Authority) -> Answer:
    """A handshake whose second half is noise."""

    def answer(connection: Any) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = own.server().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(connection.recv(8192))
        with pytest.raises(ssl.SSLWantReadError):
            server.do_handshake()
        flight = outgoing.read()
        connection.sendall(flight[: len(flight) // 2] + bytes(len(flight) // 2))
        lab.until_hung_up(connection)

    return answer


ODD: dict[str, tuple[Answer, Reason, str]] = {
    "tlcp": (
        lab.saying(lab.alert(70, version=b"\x01\x01")),
        Reason.UNSUPPORTED_PROTOCOL,
        "TLCP",
    ),
    "no-version-in-common": (
        lab.saying(lab.alert(70)),
        Reason.UNSUPPORTED_PROTOCOL,
        "protocol version",
    ),
    "no-cipher-in-common": (
        lab.saying(lab.alert(40)),
        Reason.UNSUPPORTED_PROTOCOL,
        "handshake failure",
    ),
    "internal-error": (lab.saying(lab.alert(80)), Reason.UNEXPECTED_CONTENT, "internal error"),
    "unknown-name": (lab.saying(lab.alert(112)), Reason.TLS_VERIFY, "unrecognized name"),
    "alert-of-no-meaning": (lab.saying(lab.alert(240)), Reason.UNEXPECTED_CONTENT, "unknown error"),
    "plain-http": (
        lab.saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        Reason.UNEXPECTED_CONTENT,
        "does not speak TLS; its answer begins 'HTTP/1.1 400",
    ),
    "plain-greeting": (
        lab.greeting(b"220 mail.test ESMTP\r\n"),
        Reason.UNEXPECTED_CONTENT,
        "'220 mail.test",
    ),
    "garbage": (lab.saying(b"\xff\x00" * 2000), Reason.UNEXPECTED_CONTENT, "does not speak TLS"),
    "two-bytes": (lab.saying(b"no"), Reason.TIMEOUT, "sent 2 bytes"),
    "broken-certificate": (
        lab.saying(lab.certificate_message(b"\x30\x82\x01\x0anot a certificate")),
        Reason.TLS_VERIFY,
        "its certificate cannot be read",
    ),
    "no-certificate": (
        lab.saying(lab.certificate_message(b"")),
        Reason.TLS_VERIFY,
        "its certificate cannot be read",
    ),
    "hangs-up": (lab.hang_up, Reason.RESET, "hung up"),
    "resets": (lab.reset, Reason.RESET, "reset"),
    "silent": (lab.until_hung_up, Reason.TIMEOUT, "sent 0 bytes"),
    "endless": (
        lab.saying(b"\x16\x03\x03\x10\x00", *[b"\x02"] * 100, pause_s=0.1),
        Reason.TIMEOUT,
        "no end of the TLS handshake",
    ),
    "flood": (
        lab.saying(b"\x16\x03\x03\x40\x00" + (b"\x0b\xff\xff\xff" + bytes(16380)), *[bytes(2**16)]),
        Reason.UNEXPECTED_CONTENT,
        "TLS",
    ),
}


@pytest.mark.parametrize("case", ODD)
async def test_whoever_speaks_something_else_has_a_reason_in_time_and_leaves_nothing(
    case: str, own: Authority
) -> None:
    answer, reason, words = ODD[case]
    before = open_sockets()
    with serving(answer) as port:
        error = await failure(port, own, timeout="1s")
    assert (error.reason, words in error.detail) == (reason, True), error
    assert error.detail.isprintable()
    assert value(error.measurements, RTT) is not None, "it did connect"
    assert open_sockets() == before


async def test_a_real_server_of_tlcp_has_nothing_in_common_and_is_not_down(own: Authority) -> None:
    with tlcp.serving() as port:
        error = await failure(port, own)
    assert (error.reason, error.detail) == (
        Reason.UNSUPPORTED_PROTOCOL,
        "127.0.0.1: it answers in TLCP (GB/T 38636), not in TLS",
    )


async def test_a_handshake_that_turns_to_noise_is_no_tls(own: Authority) -> None:
    with serving(garbled(own)) as port:
        error = await failure(port, own)
    assert error.reason is Reason.UNEXPECTED_CONTENT


async def test_a_closed_port_is_refused(own: Authority) -> None:
    with serving(lab.hang_up) as port:
        pass
    assert (await failure(port, own)).reason is Reason.REFUSED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ca": "/nowhere/ca.crt"}, "no such file: /nowhere/ca.crt"),
        ({"ca": __file__}, "holds no certificate"),
        ({"key": "OWN"}, "belong together"),
        ({"certificate": "OWN", "key": "OWN"}, "holds no private key"),
        ({"min_version": "1.1"}, "'1.2' or '1.3'"),
        ({"server_name": "a:1"}, "without a port"),
    ],
)
def test_options_that_cannot_work_are_said_when_they_are_written(
    options: dict[str, object], words: str, own: Authority
) -> None:
    given = {key: str(own.file) if it == "OWN" else it for key, it in options.items()}
    with pytest.raises(ValidationError, match=words):
        target(443, own, **given)


async def test_targets_that_want_the_same_share_a_context_until_a_file_is_renewed(
    own: Authority, tmp_path: Path
) -> None:
    mine = lab.authority(tmp_path)
    contexts = TlsContexts()
    first = contexts.get(target(1, mine))
    assert contexts.get(target(2, mine, server_name="other.test")) is first
    own.ca.cert_pem.write_to_path(str(mine.file))
    assert contexts.get(target(1, mine)) is not first
    mine.file.unlink()
    with pytest.raises(CollectError, match="no such file") as caught:
        contexts.get(target(1, own).model_copy(update={"ca": mine.file}))
    assert caught.value.reason is Reason.LOCAL
    await contexts.close()


DIFFERENT = {"wanted-1.3": "it never reads, and so takes a handshake that was refused for success"}
"""Where blackbox_exporter's success is another one, and why."""


@pytest.fixture(scope="module")
def judge(own: Authority, folder: Path) -> Iterator[Blackbox]:
    config = {"ca_file": str(own.file), "server_name": NAME}
    modules = {
        name: {
            "prober": "tcp",
            "timeout": "1s",
            "tcp": {"tls": True, "preferred_ip_protocol": "ip4", "tls_config": config | more},
        }
        for name, more in (("tls", {}), ("tls13", {"min_version": "TLS13"}))
    }
    with blackbox(folder / "judge", json.loads(json.dumps(modules))) as running:
        yield running


def good_and_bad(own: Authority, bad: dict[str, ssl.SSLContext]) -> dict[str, Answer]:
    old = own.server()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    for context in bad.values():
        context.maximum_version = ssl.TLSVersion.TLSv1_3
    return {
        "good": tls(own.server()),
        "long-chain": tls(own.behind(4)),
        "old": tls(old),
        "wanted-1.2": tls(own.wanting(ssl.TLSVersion.TLSv1_2)),
        "wanted-1.3": tls(own.wanting(ssl.TLSVersion.TLSv1_3)),
        **{case: tls(context) for case, context in bad.items()},
        **{case: row[0] for case, row in ODD.items()},
    }


@pytest.mark.parametrize(
    "case", ["good", "long-chain", "old", "wanted-1.2", "wanted-1.3", *BAD, *ODD]
)
async def test_blackbox_exporter_comes_to_the_same_success(
    case: str, own: Authority, bad: dict[str, ssl.SSLContext], judge: Blackbox
) -> None:
    with serving(good_and_bad(own, bad)[case]) as port:
        theirs = await asyncio.to_thread(judge.probe, f"127.0.0.1:{port}", "tls")
        try:
            ours, samples = True, await measured(port, own, timeout="1s")
        except CollectError as error:
            ours, samples = False, list(error.measurements)  # type: ignore[arg-type]
    assert (ours == (theirs["probe_success"] == 1)) == (case not in DIFFERENT)
    if expiry := theirs.get("probe_ssl_last_chain_expiry_timestamp_seconds"):
        assert value(samples, EXPIRY) == pytest.approx(expiry, abs=1)


async def test_blackbox_exporter_too_finds_an_old_server_too_old(
    own: Authority, judge: Blackbox
) -> None:
    old = own.server()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with serving(tls(old)) as port:
        theirs = await asyncio.to_thread(judge.succeeds, f"127.0.0.1:{port}", "tls13")
        error = await failure(port, own, min_version="1.3")
    assert (theirs, error.reason) == (False, Reason.UNSUPPORTED_PROTOCOL)

"""The endpoint behind a web configuration, asked by real clients."""

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from agent.clock import now
from tests.agentproc import Agent, netfold
from tests.department import department, device
from tests.peers import prometheus
from tests.secured import (
    HASH,
    PASSWORD,
    TLS,
    USERS,
    ask,
    certify,
    replace,
    secured,
    tool,
    trusting,
    web_file,
)
from tests.snmpd import SECRETS
from tests.testbed import eventually, free_port

PATHS = (
    "/",
    "/metrics",
    "/config",
    "/sd",
    "/api/v1/verdicts",
    "/static/netfold.css",
    "/link/a",
    "/-/healthy",
    "/-/ready",
    "/no/such/path",
    "/../etc",
)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def foreign() -> trustme.CA:
    return trustme.CA()


def mutual(folder: Path, ca: trustme.CA, **more: Any) -> dict[str, Any]:
    """TLS that asks for certificates of `ca`."""
    folder.mkdir(exist_ok=True)
    certify(folder, ca)
    ca.cert_pem.write_to_path(folder / "clients.crt")
    asked = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "clients.crt"}
    return {"tls_server_config": TLS["tls_server_config"] | asked | more}


def test_without_credentials_every_path_and_method_is_unauthorized(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    with secured(tmp_path, TLS | USERS) as agent:
        for path in (*PATHS, "/-/reload"):
            for method in METHODS:
                answer = ask(agent, path, trusting(ca), method=method)
                assert (answer.status, path, method) == (401, path, method)
                assert (
                    answer.headers["WWW-Authenticate"] == 'Basic realm="netfold", charset="UTF-8"'
                )
                assert answer.body in {b"", b"unauthorized\n"}
        assert ask(agent, "/", trusting(ca), user=f"alice:{PASSWORD}").status == 200
        assert ask(agent, "/no/such", trusting(ca), user=f"alice:{PASSWORD}").status == 404


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param("alice:wrong", id="wrong-password"),
        pytest.param("alice:", id="empty-password"),
        pytest.param("alice", id="no-colon"),
        pytest.param(":", id="nobody"),
        pytest.param(f"bob:{PASSWORD}", id="unknown-user"),
        pytest.param(f"Alice:{PASSWORD}", id="user-in-another-case"),
        pytest.param(f"alice:{PASSWORD}x", id="password-and-more"),
        pytest.param(f"alice:{HASH}", id="the-hash-itself"),
        pytest.param("alice:" + "x" * 1000, id="longer-than-bcrypt-takes"),
        pytest.param("alice:\0", id="nul"),
    ],
)
def test_wrong_credentials_stay_outside_before_and_after_the_right_ones(
    plain_agent: Agent, shown: str
) -> None:
    assert ask(plain_agent, user=shown).status == 401
    assert ask(plain_agent, user=f"alice:{PASSWORD}").status == 200
    assert ask(plain_agent, user=shown).status == 401


@pytest.fixture(scope="module")
def plain_agent(tmp_path_factory: pytest.TempPathFactory) -> Agent:
    with secured(tmp_path_factory.mktemp("plain"), USERS) as agent:
        yield agent


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !", "Basic YQ", "Bearer YQ==", "Basic é", "Digest username=alice"],
)
def test_a_header_that_is_no_password_is_unauthorized(plain_agent: Agent, header: str) -> None:
    assert ask(plain_agent, Authorization=header).status == 401


def test_curl_gets_in_with_the_password_alone(tmp_path: Path, ca: trustme.CA) -> None:
    certify(tmp_path, ca)
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    with secured(tmp_path, TLS | USERS) as agent:
        url = f"https://{agent.address}/metrics"
        common = ("--silent", "--noproxy", "*", "--write-out", "%{http_code}", "--output")
        curl = ("curl", *common, tmp_path / "body", "--cacert", tmp_path / "ca.crt")
        assert tool(*curl, url).stdout == "401"
        assert tool(*curl, "--user", "alice:wrong", url).stdout == "401"
        assert tool(*curl, "--user", f"alice:{PASSWORD}", url).stdout == "200"
        assert "netfold_build_info" in (tmp_path / "body").read_text()
        plain = tool(*curl, "--user", f"alice:{PASSWORD}", url.replace("https", "http"))
        assert plain.returncode != 0


def handshake(agent: Agent, *options: str | Path) -> str:
    """Let openssl shake hands and send a request; return all that it says."""
    request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    command = ("s_client", "-connect", agent.address, "-ign_eof", *options)
    done = tool("openssl", *command, stdin=request)
    return done.stdout + done.stderr


def test_weak_protocols_are_refused_in_the_handshake(tmp_path: Path, ca: trustme.CA) -> None:
    certify(tmp_path, ca)
    weakest = ("-cipher", "ALL:@SECLEVEL=0")
    with secured(tmp_path / "12", to_folder(TLS, tmp_path)) as agent:
        for version in ("-tls1", "-tls1_1"):
            said = handshake(agent, version, *weakest)
            assert "alert protocol version" in said
            assert "HTTP/1.1" not in said
        for version in ("-tls1_2", "-tls1_3"):
            assert "HTTP/1.1 200" in handshake(agent, version)
    only_13 = {"tls_server_config": TLS["tls_server_config"] | {"min_version": "TLS13"}}
    with secured(tmp_path / "13", to_folder(only_13, tmp_path)) as agent:
        assert "alert protocol version" in handshake(agent, "-tls1_2")
        assert "HTTP/1.1 200" in handshake(agent, "-tls1_3")


def to_folder(web: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same with certificates of another folder."""
    tls = web["tls_server_config"]
    paths = {key: str(folder / tls[key]) for key in ("cert_file", "key_file")}
    return web | {"tls_server_config": tls | paths}


def test_cipher_suites_and_curve_are_the_configured_ones(tmp_path: Path, ca: trustme.CA) -> None:
    certify(tmp_path, ca)
    chosen = {
        "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
        "curve_preferences": ["CurveP384"],
        "max_version": "TLS12",
    }
    with secured(tmp_path, {"tls_server_config": TLS["tls_server_config"] | chosen}) as agent:
        said = handshake(agent)
        assert "Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in said
        assert "ECDH, secp384r1" in said
        for other in (("-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), ("-groups", "P-256")):
            assert "alert handshake failure" in handshake(agent, *other)


def test_a_foreign_or_missing_client_certificate_does_not_get_in(
    tmp_path: Path, ca: trustme.CA, foreign: trustme.CA
) -> None:
    with secured(tmp_path, mutual(tmp_path, ca)) as agent:
        assert ask(agent, tls=trusting(ca, ca.issue_cert("me"))).status == 200
        for context, why in (
            (trusting(ca), "certificate.required|handshake.failure"),
            (trusting(ca, foreign.issue_cert("me")), "unknown.ca"),
        ):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context.minimum_version = context.maximum_version = version
                with pytest.raises(ssl.SSLError, match=rf"alert.*({why})"):
                    ask(agent, tls=context)
        expired = ca.issue_cert("me", not_after=datetime.now(UTC) - timedelta(days=1))
        with pytest.raises(ssl.SSLError, match="alert"):
            ask(agent, tls=trusting(ca, expired))
    assert "Traceback" not in agent.log.read_text()


def test_a_certificate_that_may_be_left_out_is_verified_if_given(
    tmp_path: Path, ca: trustme.CA, foreign: trustme.CA
) -> None:
    web = mutual(tmp_path, ca, client_auth_type="VerifyClientCertIfGiven")
    with secured(tmp_path, web) as agent:
        assert ask(agent, tls=trusting(ca)).status == 200
        assert ask(agent, tls=trusting(ca, ca.issue_cert("me"))).status == 200
        with pytest.raises(ssl.SSLError, match="alert"):
            ask(agent, tls=trusting(ca, foreign.issue_cert("me")))


def test_of_good_client_certificates_only_those_with_an_allowed_name_enter(
    tmp_path: Path, ca: trustme.CA
) -> None:
    web = mutual(tmp_path, ca, client_allowed_sans=["prometheus.example.org", "2001:db8::1"])
    with secured(tmp_path, web) as agent:
        for name, status in (
            ("prometheus.example.org", 200),
            ("2001:db8:0::1", 200),
            ("other.example.org", 403),
        ):
            assert ask(agent, tls=trusting(ca, ca.issue_cert(name))).status == status


def test_an_expired_server_certificate_is_replaced_while_it_runs(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca, not_after=datetime.now(UTC) - timedelta(days=1))
    with secured(tmp_path, TLS) as agent:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            ask(agent, tls=trusting(ca))
        renewed = certify(tmp_path, ca)
        eventually(lambda: is_trusted(agent, ca))
        shown = ssl.get_server_certificate(("127.0.0.1", int(agent.address.split(":")[1])))
        assert shown.strip() == renewed.decode().strip()


def is_trusted(agent: Agent, ca: trustme.CA) -> bool:
    try:
        return ask(agent, tls=trusting(ca)).status == 200
    except ssl.SSLError:
        return False


def test_an_authority_of_clients_is_replaced_while_it_runs(
    tmp_path: Path, ca: trustme.CA, foreign: trustme.CA
) -> None:
    with secured(tmp_path, mutual(tmp_path, ca)) as agent:
        mine, theirs = trusting(ca, ca.issue_cert("me")), trusting(ca, foreign.issue_cert("me"))
        assert ask(agent, tls=mine).status == 200
        replace(tmp_path / "clients.crt", foreign.cert_pem.bytes())
        assert ask(agent, tls=theirs).status == 200
        with pytest.raises(ssl.SSLError, match="alert"):
            ask(agent, tls=mine)


def test_users_and_headers_are_read_again_and_a_broken_file_keeps_the_old(
    tmp_path: Path,
) -> None:
    alice, bob = f"alice:{PASSWORD}", f"bob:{PASSWORD}"
    headers = {"http_server_config": {"headers": {"X-Frame-Options": "deny"}}}
    with secured(tmp_path, USERS) as agent:
        assert ask(agent, user=alice).status == 200
        web_file(tmp_path, headers | {"basic_auth_users": {"bob": HASH}})
        assert ask(agent, user=alice).status == 401
        for path in ("/metrics", "/no/such/path"):
            assert ask(agent, path, user=bob).headers["X-Frame-Options"] == "deny"
        assert ask(agent).headers["X-Frame-Options"] == "deny"

        web_file(tmp_path, headers | {"basic_auth_users": {"bob": "hunter2"}, "users": {}})
        for _ in range(3):
            assert ask(agent, user=bob).status == 200
            assert ask(agent).status == 401
        (line,) = [it for it in agent.log.read_text().splitlines() if "level=error" in it]
        assert "web configuration not taken, the old is in force" in line
        assert "not a bcrypt hash: a text of 7 characters" in line
        assert "hunter2" not in line

        web_file(tmp_path, USERS)
        eventually(lambda: ask(agent, user=alice).status == 200)
        assert "X-Frame-Options" not in ask(agent).headers


def test_tls_is_neither_taken_up_nor_given_up_while_it_runs(tmp_path: Path, ca: trustme.CA) -> None:
    certify(tmp_path, ca)
    with secured(tmp_path, TLS | USERS) as agent:
        web_file(tmp_path, USERS)
        assert ask(agent, tls=trusting(ca)).status == 401
        assert "TLS is taken up or given up with the next start only" in agent.log.read_text()


def test_a_key_that_comes_after_its_certificate_is_waited_for(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    with secured(tmp_path, TLS) as agent:
        renewed = tmp_path / "renewed"
        certify(renewed, ca)
        (renewed / "server.crt").rename(tmp_path / "server.crt")
        assert is_trusted(agent, ca)
        assert "server.key is not the key of" in agent.log.read_text()
        (renewed / "server.key").rename(tmp_path / "server.key")
        eventually(lambda: is_trusted(agent, ca) and "configuration taken" in agent.log.read_text())


@pytest.mark.parametrize(
    ("web", "message"),
    [
        pytest.param(
            TLS | {"tls_server_config": {"cert_file": "server.crt", "key_file": "none.key"}},
            "tls_server_config.key_file: no such file: {folder}/none.key; name a file in PEM",
            id="missing-key-file",
        ),
        pytest.param(
            {"basic_auth_users": {"alice": "hunter2"}},
            "basic_auth_users.alice: not a bcrypt hash: a text of 7 characters; write the 60 that "
            "htpasswd -nBC 10 NAME prints after the colon, as $2y$10$…",
            id="wrong-bcrypt-hash",
        ),
        pytest.param(
            {"tls_server_config": TLS["tls_server_config"] | {"min_version": "TLS11"}},
            "tls_server_config.min_version: a weak protocol: TLS11 (RFC 8996 forbids it); write "
            "TLS12 or TLS13",
            id="weak-protocol",
        ),
    ],
)
def test_a_web_configuration_with_a_mistake_ends_with_one_line(
    tmp_path: Path, ca: trustme.CA, web: dict[str, Any], message: str
) -> None:
    certify(tmp_path, ca)
    path = web_file(tmp_path, web)
    done = netfold("run", "--web.config.file", path, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == f"{path}:1: {message.format(folder=tmp_path)}\n"


def test_no_secret_is_shown_in_any_page_log_or_error(tmp_path: Path, ca: trustme.CA) -> None:
    certify(tmp_path, ca)
    devices = [device(name, free_port("udp"), name, timeout="200ms") for name in ("v2c", "v3")]
    config = department(tmp_path, devices)
    key = (tmp_path / "server.key").read_text().splitlines()[1]
    with secured(tmp_path, TLS | USERS, config) as agent:
        alice = {"tls": trusting(ca), "user": f"alice:{PASSWORD}"}
        said = b""
        eventually(lambda: ask(agent, "/-/ready", **alice).status == 200, deadline_s=30)
        for path in PATHS:
            answer = ask(agent, path, **alice)
            said += answer.body + str(answer.headers).encode()
            ask(agent, path, trusting(ca), user=f"mallory:{PASSWORD}")
        said += ask(agent, "/-/reload", method="POST", **alice).body
        web_file(tmp_path, {"basic_auth_users": {"alice": PASSWORD, f"bob:{HASH}": PASSWORD}})
        assert ask(agent, **alice).status == 200
        shown = json.loads(ask(agent, "/config", **alice).body)
    assert [it["community"] for it in shown["credentials"] if "community" in it] == ["<secret>"]
    assert shown["credentials"][1]["auth"] == {"protocol": "SHA-256", "secret": "<secret>"}
    said += agent.log.read_bytes() + agent.output.read_bytes()
    assert b"basic_auth_users.(unknown): not a user's name" in said
    for secret in (*SECRETS, PASSWORD, HASH, HASH[7:], key):
        assert secret.encode() not in said
        assert json.dumps(secret)[1:-1].encode() not in said


def test_the_configuration_in_force_is_shown_with_its_defaults_and_units(tmp_path: Path) -> None:
    probe = {"name": "web", "kind": "tcp", "address": "127.0.0.1", "port": free_port("tcp")}
    config = {"node": {"name": "n", "department": "市教育局"}, "probes": [probe]}
    with secured(tmp_path, {"http_server_config": {"http2": "false"}}, config) as agent:
        answer = ask(agent, "/config")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    shown = json.loads(answer.body)
    assert shown["node"] == {"name": "n", "department": "市教育局"}
    assert shown["listen"] == agent.address
    assert shown["retention_s"] == 400 * 86400
    assert shown["probes"][0] == {
        "name": "web",
        "kind": "tcp",
        "address": "127.0.0.1",
        "interval_s": 60.0,
        "timeout_s": 5.0,
        "family": "any",
        "fallback": False,
        "every_address": False,
        "expect": "reachable",
        "port": probe["port"],
        "talk": [],
    }
    assert shown["policy"]["hash"].startswith("sha256:")
    assert "load >= 0.10 at most 0.05" in shown["policy"]["links"]["low_use"]


def test_prometheus_finds_the_agent_by_sd_and_scrapes_it_with_a_password_over_tls(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    node = {"name": "sz-edu-01", "department": "市教育局", "region": "440300", "level": "city"}
    with secured(tmp_path, TLS | USERS, {"node": node}) as agent:
        access = {
            "basic_auth": {"username": "alice", "password": PASSWORD},
            "tls_config": {"ca_file": str(tmp_path / "ca.crt")},
        }
        discovery = {"url": f"https://{agent.address}/sd", "refresh_interval": "1s", **access}
        job = {"job_name": "netfold", "http_sd_configs": [discovery], **access}
        every = {"scrape_interval": "1s", "scrape_timeout": "1s"}
        config = {"global": every, "scrape_configs": [job]}
        with prometheus(config, tmp_path / "prometheus") as server:
            up = 'up{instance="sz-edu-01",department="市教育局",region="440300",level="city"}'
            eventually(lambda: server.value(up) == 1, deadline_s=30)
            (target,) = server.targets()
            assert target["scrapeUrl"] == f"https://{agent.address}/metrics"


def test_the_first_page_leads_to_what_there_is(plain_agent: Agent) -> None:
    alice = f"alice:{PASSWORD}"
    page = ask(plain_agent, "/", user=alice).body.decode()
    for path in ("/metrics", "/config", "/sd", "/-/healthy"):
        assert f'href="{path}"' in page
        assert ask(plain_agent, path, user=alice).status == 200


def test_wrong_passwords_by_the_dozen_do_not_keep_those_who_are_known_waiting(
    plain_agent: Agent,
) -> None:
    assert ask(plain_agent, user=f"alice:{PASSWORD}").status == 200
    started = now().steady_s
    for _ in range(50):
        assert ask(plain_agent, user=f"alice:{PASSWORD}").status == 200
    assert now().steady_s - started < 5

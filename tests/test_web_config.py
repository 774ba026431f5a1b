"""The web configuration: what is read, and what is said of every mistake."""

import re
import ssl
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from config.problems import ConfigError
from config.web import load_web
from tests.secured import HASH, TLS, certify, web_file

MISTAKES = """\
tls_server_config:
  cert_file: empty.crt
  key_file: server.key
  client_auth_type: RequireAnyClientCert
  client_ca_file: server.key
  min_version: TLS10
  max_version: SSL30
  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
  prefer_server_cipher_suites: yes
  curve_preferences: [X25519]
  key: |
    -----BEGIN CERTIFICATE-----
http_server_config:
  http2: true
  headers:
    X-Frame-Options: allow
    X-XSS-Protect: "0"
    Content-Security-Policy: "default-src 'self'\\nX: y"
    Set-Cookie: x
basic_auth_users:
  carol: $2y$03$yX2sVZyDOdW0CxZ2zZfUXeP1xJpGZBAV4RYfyxPZhkJ3qV7AEiPDe
  dave: hunter2
  dave: hunter3
  erin:
  frank: [hunter2]
  "grace:hunter2": hunter2
rate_limit: {burst: 1}
"""

SAID = """\
web.yml:2: tls_server_config.cert_file: holds no certificate: FOLDER/empty.crt; name a file in PEM
web.yml:4: tls_server_config.client_auth_type: not possible here: RequireAnyClientCert takes \
certificates that nobody verifies; write RequireAndVerifyClientCert, VerifyClientCertIfGiven or \
NoClientCert
web.yml:5: tls_server_config.client_ca_file: holds no certificate: FOLDER/server.key; name a file \
in PEM
web.yml:6: tls_server_config.min_version: a weak protocol: TLS10 (RFC 8996 forbids it); write \
TLS12 or TLS13
web.yml:7: tls_server_config.max_version: not a word for this: 'SSL30'; write one of TLS12, TLS13
web.yml:8: tls_server_config.cipher_suites[0]: a weak or unknown cipher suite: \
'TLS_RSA_WITH_RC4_128_SHA'; of TLS 1.2 write TLS_ECDHE_(RSA or ECDSA)_WITH_(AES_128_GCM_SHA256, \
AES_256_GCM_SHA384 or CHACHA20_POLY1305_SHA256)
web.yml:9: tls_server_config.prefer_server_cipher_suites: neither true nor false: 'yes'; write \
true or false
web.yml:10: tls_server_config.curve_preferences[0]: not a word for this: 'X25519'; write one of \
CurveP256, CurveP384, CurveP521
web.yml:11: tls_server_config.key: unknown key; known here: cert_file, key_file, \
client_auth_type, client_ca_file, client_allowed_sans, min_version, max_version, cipher_suites, …
web.yml:14: http_server_config.http2: HTTP/2 is not spoken here: 'true'; write false, or leave it \
out
web.yml:16: http_server_config.headers.X-Frame-Options: not a word for this: 'allow'; write one \
of deny, sameorigin
web.yml:17: http_server_config.headers.X-XSS-Protect: unknown key; did you mean \
'X-XSS-Protection'?
web.yml:18: http_server_config.headers.Content-Security-Policy: not the value of a header: \
"default-src 'self'\\nX: y"; write one line of ASCII
web.yml:19: http_server_config.headers.Set-Cookie: unknown key; known here: \
Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, \
Strict-Transport-Security
web.yml:21: basic_auth_users.carol: out of range: a bcrypt cost of 03; make a hash with one of 4 \
to 16, as 10
web.yml:22: basic_auth_users.dave: not a bcrypt hash: a text of 7 characters; write the 60 that \
htpasswd -nBC 10 NAME prints after the colon, as $2y$10$…
web.yml:23: basic_auth_users.dave: written twice, first in line 22; keep one of them
web.yml:24: basic_auth_users.(unknown): empty; give it a value or leave it out
web.yml:25: basic_auth_users.frank: one text belongs here; seen: a list
web.yml:26: basic_auth_users.(unknown): not a user's name; write NAME: HASH, a blank after the \
colon, no blank or $ in the name
web.yml:26: basic_auth_users.(unknown): not a bcrypt hash: a text of 7 characters; write the 60 \
that htpasswd -nBC 10 NAME prints after the colon, as $2y$10$…
web.yml:27: rate_limit: unknown key; known here: tls_server_config, http_server_config, \
basic_auth_users
"""


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def mistakes(path: Path) -> str:
    """What is wrong, the folder left out."""
    with pytest.raises(ConfigError) as refused:
        load_web(path)
    text = str(refused.value).replace(f"{path}:", "web.yml:")
    return text.replace(str(path.parent), "FOLDER")


def test_every_mistake_is_said_at_once_and_no_secret_with_it(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    (tmp_path / "empty.crt").touch()
    (tmp_path / "web.yml").write_text(MISTAKES)
    said = mistakes(tmp_path / "web.yml")
    assert said.splitlines() == SAID.splitlines()
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        pytest.param({}, "cert_file: missing; write it, as cert_file: server.crt", id="no-files"),
        pytest.param(
            {"cert_file": "server.crt", "key_file": "other.key"},
            "key_file: FOLDER/other.key is not the key of FOLDER/server.crt; name two that belong "
            "together",
            id="another's-key",
        ),
        pytest.param(
            {"cert_file": "server.crt", "key_file": "server.crt"},
            "key_file: holds no private key: FOLDER/server.crt; name a file in PEM",
            id="the-certificate-as-key",
        ),
        pytest.param(
            {"cert_file": "server.crt", "key_file": "locked.key"},
            "key_file: encrypted: FOLDER/locked.key; write the key without a passphrase into a "
            "file of mode 0600",
            id="a-key-with-a-passphrase",
        ),
        pytest.param(
            {"cert_file": "server.crt", "key_file": "."},
            "key_file: not a file: FOLDER; name a file in PEM",
            id="a-folder-as-key",
        ),
        pytest.param(
            {"cert_file": "server.crt", "key_file": "-----BEGIN PRIVATE KEY-----\nMII"},
            "key_file: the text of a key or certificate stands here; put it into a file and write "
            "its path",
            id="the-key-itself",
        ),
        pytest.param(
            TLS["tls_server_config"] | {"client_auth_type": "RequireAndVerifyClientCert"},
            "client_ca_file: missing, but RequireAndVerifyClientCert needs to know who signs "
            "clients; write it, as client_ca_file: clients.crt",
            id="verified-by-nobody",
        ),
        pytest.param(
            TLS["tls_server_config"] | {"client_ca_file": "server.crt"},
            "client_ca_file: without effect: client_auth_type is NoClientCert; write "
            "client_auth_type: RequireAndVerifyClientCert",
            id="clients-that-nobody-asks",
        ),
        pytest.param(
            TLS["tls_server_config"] | {"client_allowed_sans": ["x"]},
            "client_allowed_sans: not sure to be met: client_auth_type is NoClientCert; write "
            "client_auth_type: RequireAndVerifyClientCert",
            id="names-that-nobody-shows",
        ),
        pytest.param(
            TLS["tls_server_config"] | {"min_version": "TLS13", "max_version": "TLS12"},
            "max_version: below min_version: TLS12 of TLS13; write TLS13",
            id="no-version",
        ),
        pytest.param(
            TLS["tls_server_config"]
            | {
                "min_version": "TLS13",
                "cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
            },
            "cipher_suites: without effect: TLS 1.3 chooses among its own; leave it out, or write "
            "min_version: TLS12",
            id="suites-for-nothing",
        ),
        pytest.param(
            TLS["tls_server_config"] | {"curve_preferences": ["CurveP256", "CurveP384"]},
            "curve_preferences: more than one curve: CurveP256, CurveP384; Python's ssl takes one, "
            "or with none written all that OpenSSL has, X25519 first",
            id="two-curves",
        ),
    ],
)
def test_each_mistake_in_tls_has_its_message(
    tmp_path: Path, ca: trustme.CA, tls: dict[str, Any], message: str
) -> None:
    certify(tmp_path, ca)
    certify(tmp_path, ca, "other")
    lock_key(tmp_path)
    first = mistakes(web_file(tmp_path, {"tls_server_config": tls})).splitlines()[0]
    assert first == f"web.yml:1: tls_server_config.{message}"


def lock_key(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization as pem  # noqa: PLC0415 - only here

    key = pem.load_pem_private_key((folder / "server.key").read_bytes(), None)
    form, locked = pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"passphrase")
    (folder / "locked.key").write_bytes(key.private_bytes(pem.Encoding.PEM, form, locked))


def test_paths_are_relative_to_the_file_and_defaults_are_safe(
    tmp_path: Path, ca: trustme.CA
) -> None:
    certify(tmp_path, ca)
    config = load_web(web_file(tmp_path, TLS))
    tls = config.tls_server_config
    assert tls
    assert config.files == (tmp_path / "server.crt", tmp_path / "server.key")
    assert tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls.context.verify_mode is ssl.CERT_NONE
    assert not config.knows_its_clients


def test_a_hash_is_never_in_a_repr_or_a_dump(tmp_path: Path) -> None:
    config = load_web(web_file(tmp_path, {"basic_auth_users": {"alice": HASH}}))
    assert config.knows_its_clients
    for text in (repr(config), str(config), config.model_dump_json()):
        assert HASH[7:] not in text


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_every_prefix_of_bcrypt_is_taken(tmp_path: Path, prefix: str) -> None:
    users = {"alice": prefix + HASH[4:]}
    config = load_web(web_file(tmp_path, {"basic_auth_users": users}))
    assert set(config.basic_auth_users) == {"alice"}


@given(st.text("$./29abyeOxZ", max_size=62) | st.from_regex(r"\$2[abxy]\$\d\d\$.{53}"))
def test_a_hash_that_is_taken_can_be_checked(text: str) -> None:
    from config.web import _hash  # noqa: PLC0415 - white-box: the file's YAML is not the matter

    try:
        _hash(text)
    except ValueError:
        return
    cheapest = text[:4] + "04" + text[6:]
    assert bcrypt.checkpw(b"x", cheapest.encode()) in {True, False}


def test_a_hash_made_by_htpasswd_is_taken(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text(
        "basic_auth_users:\n  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\n"
    )
    assert load_web(tmp_path / "web.yml").knows_its_clients


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "(file): empty; docs/operating.md shows what it needs", id="nothing"),
        pytest.param(
            "[]",
            "(file): a list or text where keys belong; write basic_auth_users: {NAME: HASH}",
            id="a-list",
        ),
        pytest.param(
            "basic_auth_users: [alice]",
            "basic_auth_users: a mapping belongs here, as key: value; seen: a list",
            id="a-list-of-users",
        ),
        pytest.param(
            "basic_auth_users: {hunter2}",
            "basic_auth_users.(unknown): empty; give it a value or leave it out",
            id="a-name-or-a-password-alone",
        ),
        pytest.param(
            "basic_auth_users:\n  alice:$2y$10$hunter2",
            "basic_auth_users: a mapping belongs here, as key: value; seen: one text",
            id="no-blank-after-the-colon",
        ),
    ],
)
def test_a_file_of_another_shape_is_said_to_be_so(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "web.yml").write_text(text)
    assert mistakes(tmp_path / "web.yml") == f"web.yml:1: {message}"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    said = mistakes(tmp_path / "web.yml")
    assert said == (
        "web.yml:1: (file): cannot be read: No such file or directory; "
        "name a file that netfold may read"
    )


def test_the_manuals_example_loads(tmp_path: Path, ca: trustme.CA) -> None:
    manual = Path(__file__).parents[1] / "docs" / "operating.md"
    examples = re.findall(r"```yaml\n(.*?)```", manual.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [it for it in examples if "tls_server_config" in it]
    (tmp_path / "web.yml").write_text(example)
    certify(tmp_path, ca)
    ca.cert_pem.write_to_path(tmp_path / "clients.crt")
    assert load_web(tmp_path / "web.yml").headers == {
        "Strict-Transport-Security": "max-age=31536000",
        "X-Frame-Options": "deny",
    }

"""A server that speaks TLCP alone (GB/T 38636): the OpenSSL in the wheel of tongsuopy.

That offers Python no sockets, so the library in it is called as C's, in a process of its own:
`python -m tests.tlcp` takes connections once a client of TLCP has shaken hands with it.
"""

import ctypes
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Thread
from typing import Any

from tests.testbed import UnavailableError

_VERSION_3 = 2  # of X.509, as it is encoded
_KEY_USAGE = 83  # NID_key_usage
_UTF8, _SIGN, _AGREE = 0x1000, b"digitalSignature", b"keyEncipherment,dataEncipherment"
_DAY_S = 86_400


@contextmanager
def serving() -> Iterator[int]:
    """Run it; return its port.

    Raises:
        UnavailableError: there is no such wheel for this machine.

    """
    if find_spec("tongsuopy") is None:
        msg = "needs tongsuopy, of which there is no wheel for this machine"
        raise UnavailableError(msg)
    command = [sys.executable, "-m", "tests.tlcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _library() -> Callable[..., Any]:
    spec = find_spec("tongsuopy.backends._tongsuo")
    assert spec
    library = ctypes.CDLL(spec.origin)

    def call(name: str, *arguments: object) -> Any:
        function = getattr(library, name)
        function.restype = ctypes.c_void_p  # an int fits in
        return function(*(_as_c(it) for it in arguments))

    return call


def _as_c(value: object) -> object:
    return ctypes.c_void_p(value) if isinstance(value, int) else value


def _certificate(call: Callable[..., Any], key: int, usage: bytes) -> int:
    """Make one that vouches for itself; TLCP wants one to sign and one to encrypt."""
    made: int = call("X509_new")
    name = call("X509_get_subject_name", made)
    call("X509_set_version", made, _VERSION_3)
    call("ASN1_INTEGER_set", call("X509_get_serialNumber", made), 1)
    call("X509_gmtime_adj", call("X509_getm_notBefore", made), -_DAY_S)
    call("X509_gmtime_adj", call("X509_getm_notAfter", made), _DAY_S)
    call("X509_set_pubkey", made, key)
    call("X509_NAME_add_entry_by_txt", name, b"CN", _UTF8, b"tlcp.test", -1, -1, 0)
    call("X509_set_issuer_name", made, name)
    call("X509_add_ext", made, call("X509V3_EXT_conf_nid", None, None, _KEY_USAGE, usage), -1)
    assert call("X509_sign", made, key, call("EVP_sm3"))
    return made


def _server(call: Callable[..., Any]) -> int:
    curve = call("OBJ_sn2nid", b"SM2")
    pair, key = call("EC_KEY_new_by_curve_name", curve), call("EVP_PKEY_new")
    assert call("EC_KEY_generate_key", pair)
    assert call("EVP_PKEY_set1_EC_KEY", key, pair)
    call("EVP_PKEY_set_alias_type", key, curve)
    context: int = call("SSL_CTX_new", call("NTLS_server_method"))
    call("SSL_CTX_enable_ntls", context)
    for use, usage in (("sign", _SIGN), ("enc", _AGREE)):
        assert call(f"SSL_CTX_use_{use}_certificate", context, _certificate(call, key, usage))
        assert call(f"SSL_CTX_use_{use}_PrivateKey", context, key)
    return context


def _shake_hands(call: Callable[..., Any], context: int, sock: socket.socket, how: str) -> bool:
    """Do so, as SSL_accept or SSL_connect; the far side is told why if it fails."""
    with sock:
        tls = call("SSL_new", context)
        call("SSL_set_fd", tls, sock.fileno())
        agreed = call(how, tls) == 1
        call("SSL_free", tls)
    return agreed


def main() -> None:
    call = _library()
    context = _server(call)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        first = Thread(
            target=lambda: _shake_hands(call, context, listener.accept()[0], "SSL_accept")
        )
        first.start()
        client = call("SSL_CTX_new", call("NTLS_client_method"))
        call("SSL_CTX_enable_ntls", client)
        own = socket.create_connection(listener.getsockname())
        assert _shake_hands(call, client, own, "SSL_connect"), "it agrees with its own kind"
        first.join()
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            _shake_hands(call, context, listener.accept()[0], "SSL_accept")


if __name__ == "__main__":
    main()

"""The Ed25519 keys (RFC 8032) of bundles: PEM files, each with a line above it that names the node.

What `openssl pkey` reads. The name above a public key is whose bundles it is believed for.
"""

import hashlib
import hmac
import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from agent import whole_file
from agent.bundle.errors import BundleError

SIGNATURE_BYTES = 64
PUBLIC_SUFFIX = ".pub"
NAME = r"[^\s\"\\{}]{1,128}"
"""What a node may be called, in the configuration too."""

_HEAD = re.compile(rf"netfold bundle key of ({NAME})(?: \(([0-9a-f-]+)\))?\n")
_MOST_BYTES = 4096
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class PublicKey(NamedTuple):
    """Whose bundles are believed, and by which key."""

    node: str
    key: Ed25519PublicKey

    @property
    def fingerprint(self) -> str:
        """What two people compare: half of the SHA-256 of the key's 32 octets."""
        octets = self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return re.sub(r"(....)(?=.)", r"\1-", hashlib.sha256(octets).hexdigest()[:32])

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is this key's of these very bytes."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class PrivateKey:
    """What signs a node's bundles, and hides names in them; nothing shows it."""

    def __init__(self, node: str, key: Ed25519PrivateKey) -> None:
        self.node = node
        self._key = key
        octets = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        self._hiding = hmac.digest(octets, b"netfold bundle pseudonyms", "sha256")

    @property
    def public(self) -> PublicKey:
        """Its other half."""
        return PublicKey(self.node, self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature, the same again for the same message."""
        return self._key.sign(message)

    def pseudonym(self, kind: str, name: str) -> str:
        """What stands for a name: always the same; without the key trying names finds nothing."""
        digest = hmac.digest(self._hiding, f"{kind}\0{name}".encode(), "sha256")
        return f"{kind}-{digest.hex()[:16]}"


def make(node: str, out: Path) -> PublicKey:
    """Write a new key of mode 0600, and beside it its public half, for those who are to trust it.

    Raises:
        BundleError: one of the files is there already, or cannot be written.
    """
    if not re.fullmatch(NAME, node):
        msg = f"not a node's name: {node!r}; write up to 128 characters, no blanks, quotes, braces"
        raise BundleError(msg)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = PublicKey(node, key.public_key())
    pem = public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = f"netfold bundle key of {node}"
    beside = out.with_name(out.name + PUBLIC_SUFFIX)
    try:
        whole_file.refuse(beside, force=False)
        _write_secret(out, f"{head}\n".encode() + secret)
        whole_file.write(beside, f"{head} ({public.fingerprint})\n".encode() + pem)
    except whole_file.WriteError as error:
        raise BundleError(str(error).replace(", or say --force to write over it", "")) from error
    return public


def private(path: Path) -> PrivateKey:
    """Read a private key that nobody but its owner can get at.

    Raises:
        BundleError: others can, or it is no such key; nothing of it is quoted.
    """
    content, mode = _read(path)
    if b"BEGIN PUBLIC KEY" in content:
        msg = f"{path}: the public half of a key, which signs nothing; name the private one, the "
        msg += f"file without {PUBLIC_SUFFIX} at its end"
        raise BundleError(msg)
    if mode & _OTHERS:
        msg = f"{path}: others may get at it: its mode is {stat.S_IMODE(mode):04o}; "
        msg += f"run chmod 600 {path}, or make a new key"
        raise BundleError(msg)
    wrong = f"{path}: not a private key of bundles; make one with netfold bundle key --out FILE"
    node, _, pem = _taken_apart(content, wrong)
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, ValueError):
        raise BundleError(wrong) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BundleError(wrong)
    return PrivateKey(node, key)


def public(path: Path) -> PublicKey:
    """Read a public key to trust.

    Raises:
        BundleError: it is no such key, or its own fingerprint is another one.
    """
    content, _ = _read(path)
    wrong = f"{path}: not a public key of bundles; name the file that netfold bundle key "
    wrong += f"wrote with {PUBLIC_SUFFIX} at its end"
    node, said, pem = _taken_apart(content, wrong)
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        raise BundleError(wrong) from None
    if not isinstance(key, Ed25519PublicKey):
        raise BundleError(wrong)
    found = PublicKey(node, key)
    if said != found.fingerprint:
        msg = f"{path}: changed: the key's fingerprint is {found.fingerprint}, above it stands "
        msg += f"{said or 'none'}; have it sent once more"
        raise BundleError(msg)
    return found


def _write_secret(out: Path, content: bytes) -> None:
    """Never readable by others, not even for a moment."""
    whole_file.refuse(out, force=False)
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}; name a file in a folder that is there"
        raise BundleError(msg) from error


def _read(path: Path) -> tuple[bytes, int]:
    try:
        # Without waiting, should it be a pipe that nobody writes to.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            return (stream.read(_MOST_BYTES) if stat.S_ISREG(mode) else b""), mode
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; name a key that netfold may read"
        raise BundleError(msg) from error


def _taken_apart(content: bytes, wrong: str) -> tuple[str, str | None, bytes]:
    """The node's name, the fingerprint beside it, and the PEM below."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BundleError(wrong) from None
    head = _HEAD.match(text)
    if head is None:
        raise BundleError(wrong)
    return head[1], head[2], text[head.end() :].encode()

"""Every byte of a bundle counts, and bytes that are none end in one named error."""

import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.bundle import container, store
from agent.bundle.contents import LINK_COLUMNS
from agent.bundle.errors import BundleError
from agent.bundle.keys import PublicKey
from agent.bundle.manifest import MANIFEST, SIGNATURE, Manifest, manifest_of
from agent.bundle.openmetrics import write as write_openmetrics
from agent.bundle.rows import series_of
from agent.bundle.verify import check, opened, unpacks
from tests.bundle_lab import START, Node, node


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Node:
    made = node(tmp_path_factory.mktemp("home"), 2)
    made.create(START + 2)
    return made


@pytest.fixture(scope="module")
def whole(home: Node) -> bytes:
    return home.file(1).read_bytes()


def is_refused(content: bytes, trusted: Sequence[PublicKey]) -> bool:
    try:
        check(io.BytesIO(content), trusted)
    except BundleError as error:
        return "\n" not in str(error)
    return False


def test_a_byte_changed_anywhere_is_found(home: Node, whole: bytes) -> None:
    assert not is_refused(whole, home.public)
    changed = bytearray(whole)
    missed = []
    for at in range(len(whole)):
        changed[at] ^= 1 << at % 8
        if not is_refused(bytes(changed), home.public):
            missed.append(at)
        changed[at] = whole[at]
    assert missed == []


def test_bytes_removed_or_added_anywhere_are_found(home: Node, whole: bytes) -> None:
    for at in range(0, len(whole), 31):
        assert is_refused(whole[:at], home.public)
        assert is_refused(whole[:at] + whole[at + 1 :], home.public)
        assert is_refused(whole[:at] + b"\0" + whole[at:], home.public)
    for more in (b"\0", b"\n", bytes(512), bytes(10240), whole):
        assert is_refused(whole + more, home.public)


@given(content=st.binary(max_size=2000), at=st.integers(0, 20_000), cut=st.booleans())
def test_any_bytes_give_a_named_error(
    home: Node, whole: bytes, content: bytes, at: int, cut: bool
) -> None:
    assert is_refused(content, home.public)
    spliced = whole[:at] + content + (b"" if cut else whole[at + len(content) :])
    assert spliced == whole or is_refused(spliced, home.public)


@settings(max_examples=50)
@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_a_signed_manifest_that_is_none_gives_a_named_error(content: bytes) -> None:
    odd = b'{"version": 1, "first_tick": 1e999, "a\\nb": 1}'
    for signed in (content, b'{"version": 1, "x": ' + content + b"}", b"[" * 20_000, odd):
        with pytest.raises(BundleError, match=r"^[^\n]*ask its sender$"):
            manifest_of(signed)


@given(rows=st.text(alphabet='0123456789.,-e"\nabnif', max_size=120))
def test_signed_rows_that_are_none_give_a_named_error(home: Node, whole: bytes, rows: str) -> None:
    manifest = check(io.BytesIO(whole), home.public).manifest
    chunks = [(LINK_COLUMNS + rows).encode()]
    try:
        found = list(series_of(chunks, "links.csv.gz", LINK_COLUMNS, 1, manifest))
    except BundleError as error:
        assert str(error).startswith("links.csv.gz: ")  # noqa: PT017 - rows may be good by chance
    else:
        assert all(START <= it.ticks[0] <= it.ticks[-1] < START + 2 for it in found)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param('"a"",job=""b",{0},1,1,\n', id="a-name-that-would-end-its-label"),
        pytest.param("b,{0},1,1,\na,{0},1,1,\n", id="subjects-out-of-order"),
        pytest.param("a,{0},1,1,\nb,{0},1,1,\na,{1},1,1,\n", id="a-subject-twice"),
        pytest.param("a,{1},1,1,\na,{0},1,1,\n", id="times-out-of-order"),
        pytest.param("a,{0},1,1,\na,{0},1,1,\n", id="a-time-twice"),
        pytest.param("a,{2},1,1,\n", id="a-time-outside"),
        pytest.param("a,{0}7,1,1,\n", id="a-time-between"),
        pytest.param("a,{0},inf,1,\n", id="infinite"),
        pytest.param("a,{0},1e39,1,\n", id="more-than-a-float32"),
        pytest.param("a,{0},1,1\n", id="a-column-less"),
        pytest.param("a,{0},1,1,", id="a-line-without-end"),
        pytest.param("\n", id="an-empty-line"),
    ],
)
def test_signed_rows_that_no_netfold_wrote_are_refused(home: Node, whole: bytes, rows: str) -> None:
    manifest = check(io.BytesIO(whole), home.public).manifest
    times = (START * 300, (START + 1) * 300, (START + 2) * 300)
    chunks = [(LINK_COLUMNS + rows.format(*times)).encode()]
    with pytest.raises(BundleError, match=r"^links\.csv\.gz: what follows"):
        list(series_of(chunks, "links.csv.gz", LINK_COLUMNS, 1, manifest))


def resealed(home: Node, whole: bytes, number: int, packed: bytes, content_bytes: int) -> bytes:
    """A bundle whose own node signed another file in the place of its N-th."""
    manifest = check(io.BytesIO(whole), home.public).manifest
    facts = {"bytes": len(packed), "content_bytes": content_bytes}
    facts["sha256"] = hashlib.sha256(packed).hexdigest()  # type: ignore[assignment]
    files = list(manifest.files)
    files[number] = files[number].model_copy(update=facts)
    return sealed(home, manifest.model_copy(update={"files": tuple(files)}), whole, packed, number)


def sealed(home: Node, manifest: Manifest, whole: bytes, packed: bytes, number: int) -> bytes:
    bundle = check(io.BytesIO(whole), home.public)
    out = io.BytesIO()
    signed = manifest.as_bytes()
    container.put(out, MANIFEST, len(signed), [signed])
    container.put(out, SIGNATURE, 64, [home.key.sign(signed)])
    for n, it in enumerate(bundle.manifest.files):
        place = bundle.places[it.name]
        content = packed if n == number else whole[place : place + it.bytes]
        container.put(out, it.name, len(content), [content])
    container.finish(out)
    return out.getvalue()


def test_what_unpacks_to_more_than_was_signed_is_stopped_at_once(
    home: Node, whole: bytes, tmp_path: Path
) -> None:
    bomb = gzip.compress(bytes(300_000_000), 1)
    path = tmp_path / "bomb.tar"
    path.write_bytes(resealed(home, whole, 0, bomb, 1000))
    tracemalloc.start()
    with pytest.raises(BundleError, match="does not unpack to 1000 bytes"):
        store.take(path, home.public, tmp_path / "in")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"subject", id="no-gzip"),
        pytest.param(gzip.compress(b"1234567")[:-1], id="cut-off"),
        pytest.param(gzip.compress(b"1234567") + b"\0", id="more-after-it"),
        pytest.param(gzip.compress(b"1234567") + gzip.compress(b""), id="two-members"),
        pytest.param(gzip.compress(b"123456"), id="too-little"),
    ],
)
def test_a_signed_file_that_does_not_unpack_as_it_says_is_refused(
    home: Node, whole: bytes, packed: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "odd.tar"
    path.write_bytes(resealed(home, whole, 1, packed, 7))
    with opened(path) as stream, pytest.raises(BundleError, match=r"runs\.csv\.gz"):
        unpacks(stream, check(stream, home.public))


def test_a_member_that_leads_elsewhere_is_refused_before_anything_is_written(
    home: Node, whole: bytes, tmp_path: Path
) -> None:
    bundle = check(io.BytesIO(whole), home.public)
    at = bundle.places["links.csv.gz"] - container.BLOCK_BYTES
    odd = whole[:at] + container.head("../../evil", 5) + whole[at + container.BLOCK_BYTES :]
    path = tmp_path / "odd.tar"
    path.write_bytes(odd)
    with pytest.raises(BundleError, match=r"links\.csv\.gz of \d+ bytes has to come next"):
        store.take(path, home.public, tmp_path / "in")
    assert [it.name for it in tmp_path.iterdir()] == ["odd.tar"]


def test_a_version_to_come_is_refused_clearly(home: Node, whole: bytes) -> None:
    manifest = check(io.BytesIO(whole), home.public).manifest
    later = manifest.model_copy(update={"version": 2})
    with pytest.raises(
        BundleError, match=r"of version 2, and this netfold reads version 1; update"
    ):
        check(io.BytesIO(sealed(home, later, whole, b"", -1)), home.public)


def test_a_signed_time_beyond_all_dates_is_refused(home: Node, whole: bytes) -> None:
    manifest = check(io.BytesIO(whole), home.public).manifest
    never = manifest.model_copy(update={"first_tick": 2**31, "last_tick": 2**31})
    with pytest.raises(BundleError, match=r"manifest\.json .*'first_tick': Input should be less"):
        check(io.BytesIO(sealed(home, never, whole, b"", -1)), home.public)


def test_what_is_no_bundle_at_all_is_told_in_a_line(home: Node, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for path in (tmp_path / "text", tmp_path, tmp_path / "none", Path("/dev/null")):
        with (
            pytest.raises(BundleError, match=f"^{path}: .*; name ") as caught,
            opened(path) as stream,
        ):
            check(stream, home.public)
        assert "\n" not in str(caught.value)


def test_a_kept_bundle_that_was_changed_since_is_found_before_it_is_used(
    home: Node, whole: bytes, tmp_path: Path
) -> None:
    kept = store.take(home.file(1), home.public, tmp_path / "in").kept
    kept.path.write_bytes(whole[:-1500] + b"x" + whole[-1499:])
    with pytest.raises(BundleError, match="was changed"):
        write_openmetrics([kept], [kept], home.public, tmp_path / "out.om")
    assert not (tmp_path / "out.om").exists()

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import UnavailableError, download, unpack
from tests.testbed import PACKAGES, fetch, peer

CLONE = Path(__file__).parents[1]
PRINTER = '#!/bin/sh\ncat "$(dirname "$0")/../share/netfold-words/words"\n'


def build(
    folder: Path, package: str, files: dict[str, str], depends: str = "libc6 (>= 2.1)"
) -> None:
    """Build a .deb of `files` in `folder`."""
    tree = folder / package
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {package}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\n"
        f"Depends: {depends}\nDescription: part of a test\n"
    )
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", tree, folder], check=True, capture_output=True)


def index(folder: Path) -> str:
    """Return the Packages file of the .deb files in `folder`."""
    entries = []
    for deb in sorted(folder.glob("*.deb")):
        control = subprocess.run(
            ["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True
        ).stdout
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        entries.append(
            f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"
        )
    return "\n".join(entries)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive of two packages that apt asks instead of the system's sources.

    A system hook stands beside it, which must not run.
    """
    peer("snmpd")  # where there is none there is no apt either, or it does not work
    folder = tmp_path / "archive"
    build(folder, "netfold-words", {"usr/share/netfold-words/words": "well said"})
    build(folder, "netfold-says", {"usr/bin/netfold-says": PRINTER}, "netfold-words, debconf")
    (folder / "Packages").write_text(index(folder))
    (folder / "sources.list").write_text(f"deb [trusted=yes] copy:{folder} ./\n")
    (folder / "parts").mkdir()
    (folder / "parts/50hook").write_text(f'APT::Update::Post-Invoke {{"touch {folder}/hook-ran"}};')
    (folder / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        f'Dir::Etc::sourceparts "{folder}/none";\n'
        f'Dir::Etc::parts "{folder}/parts";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))
    return folder


def test_a_package_comes_with_its_libraries_and_runs_from_where_it_was_unpacked(
    archive: Path, tmp_path: Path
) -> None:
    (work := tmp_path / "work").mkdir()
    unpack(download(["netfold-says"], work), tmp_path / "root")
    said = subprocess.run(
        [tmp_path / "root/usr/bin/netfold-says"], capture_output=True, text=True, check=True
    )
    assert said.stdout == "well said"
    assert not (archive / "hook-ran").exists()


@pytest.mark.parametrize(
    ("source", "package", "why"),
    [
        pytest.param(None, "nowhere", "Unable to locate package nowhere", id="no-such-package"),
        pytest.param(
            "http://127.0.0.1:9/debian",
            "netfold-says",
            "Failed to fetch http://127.0.0.1:9/debian/./InRelease",
            id="no-network",
        ),
    ],
)
def test_what_apt_cannot_fetch_is_said_in_one_line(
    archive: Path, tmp_path: Path, source: str | None, package: str, why: str
) -> None:
    if source:
        (archive / "sources.list").write_text(f"deb [trusted=yes] {source} ./\n")
    (work := tmp_path / "work").mkdir()
    with pytest.raises(UnavailableError) as refusal:
        download([package], work)
    message = str(refusal.value)
    assert message.startswith(f"apt-get could not fetch it: {why}")
    assert "\n" not in message


def test_a_system_without_apt_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError) as refusal:
        download(["snmpd"], tmp_path)
    assert str(refusal.value) == "no apt-get and dpkg here"


def test_a_damaged_package_is_named(archive: Path, tmp_path: Path) -> None:
    (damaged := tmp_path / "damaged.deb").write_bytes(b"not a package")
    with pytest.raises(UnavailableError) as refusal:
        unpack([damaged], tmp_path / "root")
    assert str(refusal.value).startswith("dpkg could not unpack damaged.deb: dpkg-deb: error: ")


@pytest.fixture
def cache(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and every package of the test bed in the archive."""
    for package in PACKAGES:
        build(archive, package, {f"usr/bin/{package}": PRINTER})
    (archive / "Packages").write_text(index(archive))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/netfold/testbed"


def test_two_fetches_at_once_make_one_test_bed(cache: Path) -> None:
    command = [sys.executable, "-m", "tests.testbed", "fetch"]
    both = [
        subprocess.Popen(command, cwd=CLONE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    assert [(it.communicate(timeout=60)[0], it.returncode) for it in both] == [("", 0), ("", 0)]
    made = [it for it in cache.iterdir() if it.name != "lock"]
    assert len(made) == 1
    assert peer("snmpd").binary == made[0] / "usr/bin/snmpd"


def test_what_is_there_is_not_fetched_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fetch() is None
    monkeypatch.setenv("PATH", "")  # no apt any more
    assert fetch() is None


def test_what_a_killed_fetch_left_behind_is_removed(cache: Path) -> None:
    (cache / "killed.partial/root").mkdir(parents=True)
    assert fetch() is None
    assert not (cache / "killed.partial").exists()


def test_a_fetch_that_failed_is_why_a_peer_is_missing_until_one_succeeds(
    archive: Path, cache: Path
) -> None:
    working = (archive / "Packages").read_text()
    (archive / "Packages").write_text("")
    reason = fetch()
    assert reason == f"apt-get could not fetch it: Unable to locate package {PACKAGES[0]}"
    with pytest.raises(UnavailableError) as refusal:
        peer("snmpd")
    assert str(refusal.value) == f"snmpd is not to be had: {reason}"
    (archive / "Packages").write_text(working)
    assert fetch() is None
    assert [it.suffix for it in cache.iterdir() if it.name != "lock"] == [""]

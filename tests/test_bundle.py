"""Bundles: what is in them, how they are numbered, and what becomes of them elsewhere."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from agent.bundle import keys, store, verify
from agent.bundle.contents import LINK_COLUMNS
from agent.bundle.errors import BundleError
from agent.bundle.rows import series_of
from agent.cli import netfold as cli
from agent.journal import opened
from agent.judge.rates import TICK_S
from tests.agentproc import netfold
from tests.bundle_lab import (
    LINKS,
    NODE,
    SECRETS,
    START,
    Node,
    level,
    members,
    node,
    objects,
    rates,
    remember,
)


def called(*args: str | Path) -> Result:
    """Run a command in this process, whose log stays pytest's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.logs.set_up", lambda: None)
        return CliRunner().invoke(cli, list(map(str, args)), catch_exceptions=False)


@pytest.fixture
def home(tmp_path: Path) -> Node:
    return node(tmp_path / "home")


def test_a_bundle_holds_each_seen_tick_to_the_last_bit(home: Node) -> None:
    home.create(START + 24)
    bundle = home.checked(1)
    with verify.opened(home.file(1)) as stream:
        chunks = verify.contents(stream, bundle, "links.csv.gz")
        its = {
            it.key[0]: it
            for it in series_of(chunks, "links.csv.gz", LINK_COLUMNS, 1, bundle.manifest)
        }
    assert set(its) == set(LINKS)
    for n, link in enumerate(LINKS):
        seen = [it for it in range(START, START + 24) if n or it not in (START + 5, START + 6)]
        assert its[link].ticks.tolist() == seen
        assert list(zip(*(it.tolist() for it in its[link].values[:2]), strict=True)) == [
            rates(n, it) for it in seen
        ]
    assert its[LINKS[0]].values[2].tolist() == [1e8] * 3 + [2e8] * 19
    assert np.isnan(its[LINKS[2]].values[2]).all()


def test_a_bundle_holds_runs_levels_verdicts_phases_and_facts(home: Node) -> None:
    home.create(START + 24)
    found = members(home.file(1))
    assert list(found)[:2] == ["manifest.json", "manifest.sig"]
    first, end = (START + 5) * 300, (START + 7) * 300
    assert f'"{LINKS[0]}",{first},{end},123456789012.5,7\n'.encode() in found["runs.csv.gz"]
    assert (
        f"server,payroll-db,cpu,{START * 300},{level(START):.9g}\n".encode()
        in found["levels.csv.gz"]
    )
    said = {(it["kind"], it["subject"]): it for it in objects(home.file(1), "verdicts.json.gz")}
    assert {kind for kind, _ in said} == {"link", "group", "network", "server", "system"}
    at = f"{np.datetime64((START + 24) * 300, 's')}"
    told = called("assess", "-c", home.path, "--at", at, "--json").stdout
    assert {(it["kind"], it["subject"]): it for it in json.loads(told)} == said
    (phase,) = objects(home.file(1), "phases.json.gz")
    assert phase["declared"] == "connected"
    carriers = {it.get("carrier") for it in objects(home.file(1), "facts.json.gz")}
    assert "中国电信" in carriers


def test_each_bundle_goes_on_where_the_one_before_ended_and_names_its_digest(home: Node) -> None:
    assert home.create(START + 10)[0]
    home.create(START + 24)
    one, two = home.checked(1), home.checked(2)
    assert (one.manifest.first_tick, one.manifest.last_tick) == (START, START + 9)
    assert (two.manifest.first_tick, two.manifest.last_tick) == (START + 10, START + 23)
    assert (one.manifest.previous, two.manifest.previous) == (None, one.digest)
    assert home.create(START + 30)[0] == []
    assert not home.file(3).exists()


def test_the_same_ticks_make_the_same_files_byte_by_byte(home: Node, tmp_path: Path) -> None:
    home.create(START + 24)
    first = home.file(1).read_bytes()
    home.file(1).unlink()
    (home.config.data_dir / "bundles.json").unlink()
    home.create(START + 24)
    assert home.file(1).read_bytes() == first


def test_a_long_history_becomes_several_bundles(
    home: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.bundle.create.MOST_TICKS", 10)
    made, _ = home.create(START + 24)
    spans = [(it.manifest.number, it.manifest.last_tick - START) for it in made]
    assert spans == [(1, 9), (2, 19), (3, 23)]


def test_a_bundle_that_was_written_and_not_counted_is_counted_by_the_next_command(
    home: Node,
) -> None:
    home.create(START + 10)
    (home.config.data_dir / "bundles.json").unlink()
    made, notes = home.create(START + 24)
    assert [it.manifest.number for it in made] == [2]
    assert "was there already, and is counted now" in notes[0]


def test_old_records_that_came_later_are_said_to_be_in_no_bundle_and_since_sends_them(
    home: Node,
) -> None:
    home.create(START + 20)
    remember(home, START - 30, 30)
    with opened(home.config.data_dir) as journal:
        journal.append("import", "old.csv", {}, "me", START * TICK_S)
    made, notes = home.create(START + 22)
    assert made[0].manifest.first_tick == START + 20
    assert "--since TIME sends it again" in notes[0]
    again, _ = home.create(START + 24, since_s=(START - 30) * TICK_S)
    assert again[0].manifest.first_tick == START - 30
    with pytest.raises(BundleError, match="no bundle would have the ticks between"):
        home.create(START + 24, since_s=(START + 25) * TICK_S)


def test_taking_a_bundle_twice_changes_nothing_and_says_so(home: Node, tmp_path: Path) -> None:
    home.create(START + 24)
    first = store.take(home.file(1), home.public, tmp_path / "in")
    stamp = first.kept.path.stat().st_mtime_ns
    second = store.take(home.file(1), home.public, tmp_path / "in")
    assert (first.is_new, second.is_new) == (True, False)
    assert second.kept.path.stat().st_mtime_ns == stamp
    assert first.kept.path.read_bytes() == home.file(1).read_bytes()


def test_a_kept_bundle_that_was_damaged_since_is_mended_by_taking_it_once_more(
    home: Node, tmp_path: Path
) -> None:
    home.create(START + 24)
    path = store.take(home.file(1), home.public, tmp_path / "in").kept.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-2000])
    assert store.take(home.file(1), home.public, tmp_path / "in").is_new
    assert path.read_bytes() == whole
    assert not store.take(home.file(1), home.public, tmp_path / "in").is_new


def test_a_missing_bundle_is_named_and_taken_when_it_comes(home: Node, tmp_path: Path) -> None:
    for end in (8, 16, 24):
        home.create(START + end)
    into = tmp_path / "in"
    trust = ("--trust", tmp_path / "home" / "key.pub", "--into", into)
    done = called("bundle", "import", home.file(1), home.file(3), *trust)
    assert done.exit_code == 0
    assert done.stderr == f"missing of {NODE} (key {home.key.public.fingerprint}): bundle 2\n"
    done = called("bundle", "import", home.file(2), home.file(2), *trust)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "taken" in done.stdout
    assert "replayed" in done.stdout


def test_no_openmetrics_are_written_of_bundles_that_were_refused(
    home: Node, tmp_path: Path
) -> None:
    home.create(START + 8)
    stranger, out, into = tmp_path / "stranger", tmp_path / "new.om", tmp_path / "in"
    keys.make(NODE, stranger)
    args = ("--into", into, "--openmetrics", out)
    done = called("bundle", "import", home.file(1), "--trust", f"{stranger}.pub", *args)
    assert done.exit_code == 1
    assert done.stderr.endswith("not all of it was taken\n")
    assert not out.exists()


def test_a_file_that_would_be_written_over_is_told_before_a_bundle_is_taken(
    home: Node, tmp_path: Path
) -> None:
    home.create(START + 8)
    out, into = tmp_path / "new.om", tmp_path / "in"
    out.write_text("kept")
    trust = ("--trust", tmp_path / "home" / "key.pub", "--into", into, "--openmetrics", out)
    done = called("bundle", "import", home.file(1), *trust)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{out} is there already; name a new file")
    assert not into.exists()
    assert called("bundle", "import", home.file(1), *trust, "--force").exit_code == 0
    assert out.read_text().endswith("# EOF\n")


def test_a_second_history_under_one_key_is_named(home: Node, tmp_path: Path) -> None:
    home.create(START + 8)
    home.create(START + 16)
    into = tmp_path / "in"
    kept = [store.take(home.file(n), home.public, into).kept for n in (1, 2)]
    before = {it.path: it.path.read_bytes() for it in kept}
    (home.config.data_dir / "bundles.json").unlink()
    shutil.rmtree(home.out)
    home.out.mkdir()
    for end in (9, 17, 24):
        home.create(START + end)
    with pytest.raises(BundleError, match="forked: bundle 1 of sz-node-01 was taken with"):
        store.take(home.file(1), home.public, into)
    with pytest.raises(BundleError, match="forked: it follows a bundle 2 with"):
        store.take(home.file(3), home.public, into)
    kept[0].path.unlink()
    with pytest.raises(BundleError, match="forked: bundle 2, which was taken, follows"):
        store.take(home.file(1), home.public, into)
    assert kept[1].path.read_bytes() == before[kept[1].path]
    assert len(list(into.rglob("*.tar"))) == 1


def test_a_foreign_bundle_is_named(home: Node, tmp_path: Path) -> None:
    home.create(START + 24)
    stranger = keys.make(NODE, tmp_path / "stranger")
    done = called(
        *("bundle", "verify", home.file(1), "--trust", tmp_path / "stranger.pub"),
    )
    assert done.exit_code == 1
    said = f"signed by an unknown key, as it says {home.key.public.fingerprint}; "
    assert f"{home.file(1)}: {said}trusted: {stranger.fingerprint} ({NODE})" in done.stderr
    public = tmp_path / "home" / "key.pub"
    renamed = tmp_path / "renamed.pub"
    renamed.write_text(public.read_text().replace(NODE, "another-node"))
    with (
        verify.opened(home.file(1)) as stream,
        pytest.raises(BundleError, match=f"foreign: it is of node '{NODE}', and the key"),
    ):
        verify.check(stream, [keys.public(renamed)])


def test_verify_names_what_is_missing_between_bundles(home: Node, tmp_path: Path) -> None:
    for end in (8, 16, 24):
        home.create(START + end)
    trust = ("--trust", tmp_path / "home" / "key.pub")
    known = [(it.manifest, it.digest) for it in map(home.checked, (1, 2, 3))]
    assert list(store.breaks(known)) == []
    done = called("bundle", "verify", home.file(1), home.file(3), *trust)
    assert done.exit_code == 1
    assert "bundle 2\n" in done.stderr


def test_a_private_key_is_shown_to_nobody_and_refused_where_others_may_read_it(
    tmp_path: Path,
) -> None:
    made = keys.make(NODE, tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    secret = (tmp_path / "key").read_text().split("\n")[2]
    own = keys.private(tmp_path / "key")
    assert own.public == made or own.public.fingerprint == made.fingerprint
    assert secret not in repr(own) + str(vars(own))
    with pytest.raises(BundleError, match="is there already"):
        keys.make(NODE, tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(BundleError, match=r"others may get at it: its mode is 0640; run chmod"):
        keys.private(tmp_path / "key")
    with pytest.raises(BundleError, match="not a public key of bundles"):
        keys.public(tmp_path / "key")
    with pytest.raises(
        BundleError, match=r"key\.pub: the public half of a key, which signs nothing"
    ):
        keys.private(tmp_path / "key.pub")


def test_openssl_finds_the_signature_good(home: Node, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    home.create(START + 24)
    for name, content in list(members(home.file(1)).items())[:2]:
        (tmp_path / name).write_bytes(content)
    command = ("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "home" / "key.pub")
    files = ("-rawin", "-in", tmp_path / "manifest.json", "-sigfile", tmp_path / "manifest.sig")
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.stdout == "Signature Verified Successfully\n"


def test_the_links_of_a_bundle_are_read_by_assess_as_any_series(home: Node, tmp_path: Path) -> None:
    home.create(START + 24)
    csv = tmp_path / "links.csv"
    csv.write_bytes(members(home.file(1))["links.csv.gz"])
    told = json.loads(called("assess", "--series", csv, "--json").stdout)
    assert {it["subject"] for it in told} == set(LINKS)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["create", "--redact", "link"], "--redact: not a field: 'link'; did you mean 'links'?"),
        (["create", "--since", "soon"], "--since: not a time: 'soon'"),
        (["create", "--key", "nothing"], "nothing: cannot be read: No such file or directory"),
        (["verify", "nothing", "--trust", "nothing"], "nothing: cannot be read"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    home: Node, tmp_path: Path, args: list[str], says: str
) -> None:
    more: list[str | Path] = []
    if args[0] == "create":
        more = ["-c", home.path, "--out", home.out]
        more += [] if "--key" in args else ["--key", tmp_path / "home" / "key"]
    done = called("bundle", *args, *more)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_tells_what_it_made_and_then_that_nothing_is_new(
    home: Node, tmp_path: Path
) -> None:
    with opened(home.config.data_dir) as journal:
        head = journal.append("register", "r.yaml", {}, "me", START * TICK_S).digest
    create = (
        "bundle",
        "create",
        "-c",
        home.path,
        "--out",
        home.out,
        "--key",
        tmp_path / "home/key",
    )
    process = netfold(*create)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.endswith(f"{home.file(1)}\n")
    assert head[:12] in process.stdout
    assert home.checked(1).manifest.journal == f"sha256:{head}"
    done = called(*create)
    assert done.stdout == "nothing new since the last bundle: none was made\n"
    assert done.exit_code == 0


def test_a_damaged_journal_is_told_and_the_bundle_bears_no_digest(
    home: Node, tmp_path: Path
) -> None:
    (home.config.data_dir / "journal.jsonl").write_text("{}\n")
    key = tmp_path / "home" / "key"
    done = called("bundle", "create", "-c", home.path, "--out", home.out, "--key", key)
    assert done.exit_code == 0
    assert "line 1 is no entry of a journal; the bundle bears no digest" in done.stderr
    assert home.checked(1).manifest.journal is None


def test_names_are_found_again_with_the_key_only(home: Node, tmp_path: Path) -> None:
    home.create(START + 24, redact="links")
    done = called("bundle", "names", "-c", home.path, "--key", tmp_path / "home" / "key")
    hidden = home.key.pseudonym("link", LINKS[1])
    assert hidden in done.stdout
    assert SECRETS["links"][1] in done.stdout
    assert hidden.encode() in members(home.file(1))["links.csv.gz"]


def test_a_run_is_in_the_bundle_that_it_ended_in_and_in_no_other(home: Node) -> None:
    for end in (6, 8, 24):
        home.create(START + end)
    runs = [members(home.file(n))["runs.csv.gz"].decode().splitlines()[1:] for n in (1, 2, 3)]
    whole = f'"{LINKS[0]}",{(START + 5) * 300},{(START + 7) * 300},123456789012.5,7'
    assert runs == [[], [whole], []]

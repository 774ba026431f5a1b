"""`netfold register import` and `export`: whole files, or none."""

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from openpyxl import load_workbook

from agent import clock
from agent.journal import head, journal_in, read
from agent.register import take
from agent.whole_file import WriteError, write
from config.load import load
from config.sheets.workbook import SheetError
from tests.sheets import put, workbook


def netfold(
    *words: object,
    folder: Path,
    group: str = "register",
    run: tuple[str, str] = ("-m", "agent"),
    within: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*within, sys.executable, *run, group, *map(str, words)],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_imported_is_included_and_exported_and_imported_again(tmp_path: Path) -> None:
    workbook(tmp_path / "r.xlsx")
    done = netfold("import", "r.xlsx", "-o", "register.yaml", folder=tmp_path)
    told = "netfold: no journal says that it was imported; name its configuration, "
    assert (done.returncode, done.stderr) == (0, f"{told}as in: -c netfold.yaml\n")
    assert done.stdout == "register.yaml: 2 networks, 2 links, 1 system, 1 machine room\n"
    (tmp_path / "n.yaml").write_text(
        "node: {name: n}\ndata_dir: data\ninclude: [register.yaml]\n"
        "credentials: [{name: old, version: 2c, community: {file: key}}]\n"
        "devices: [{name: r1, address: 198.51.100.1, credential: old,"
        " waiver: {until: 2027-06-30, reason: r, approver: a}}]\n"
    )
    (tmp_path / "key").write_text("public")
    (tmp_path / "key").chmod(0o600)
    before = load(tmp_path / "n.yaml")
    assert [it.title for it in before.networks] == ["教育专网", "税务专网"]
    done = netfold("export", "-c", "n.yaml", "-o", "again.xlsx", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "again.xlsx: 2 networks, 2 links, 1 system, 1 machine room\n"
    again = take(tmp_path / "again.xlsx", None, tmp_path / "register.yaml", force=True)
    assert again.counts == {"networks": 2, "links": 2, "systems": 1, "machine_rooms": 1}
    assert load(tmp_path / "n.yaml") == before
    words = ("export", "-c", "n.yaml", "-o", "links.csv", "--sheet", "links", "--english")
    assert netfold(*words, folder=tmp_path).returncode == 0
    note, heading, *_ = (tmp_path / "links.csv").read_text("utf-8-sig").splitlines()
    assert note == f"# netfold journal sha256:{head(tmp_path / 'data')}"
    assert heading.startswith("name,network,device,")
    assert take(tmp_path / "links.csv", None, tmp_path / "l.yaml").counts == {"links": 2}
    done = netfold(
        "import", "again.xlsx", "-o", "register.yaml", "--force", "-c", "n.yaml", folder=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    (entry,) = read(journal_in(tmp_path / "data")).entries
    assert (entry.kind, entry.subject) == ("register", "again.xlsx")
    assert entry.what == {
        "sha256": sha256((tmp_path / "again.xlsx").read_bytes()).hexdigest(),
        "counts": {"networks": 2, "links": 2, "systems": 1, "machine_rooms": 1},
        "written": {
            "file": "register.yaml",
            "sha256": sha256((tmp_path / "register.yaml").read_bytes()).hexdigest(),
        },
    }
    done = netfold("export", "-c", "n.yaml", "-o", "again.xlsx", "--force", folder=tmp_path)
    assert done.returncode == 0
    said = load_workbook(tmp_path / "again.xlsx").properties.description
    assert said == f"netfold journal sha256:{entry.digest}"
    found = netfold(
        "verify", "--head", said.split()[-1], "-c", "n.yaml", folder=tmp_path, group="journal"
    )
    assert (found.returncode, found.stdout) == (0, f"1 entry, unbroken; head {entry.digest}\n")


def test_an_import_that_the_journal_cannot_tell_of_says_so(tmp_path: Path) -> None:
    workbook(tmp_path / "r.xlsx")
    words = ("import", "r.xlsx", "-o", "r.yaml", "--force", "-c", "n.yaml")
    missing = netfold(*words, folder=tmp_path)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.endswith("r.yaml is not written\n")
    assert not (tmp_path / "r.yaml").exists()
    (tmp_path / "n.yaml").write_text("node: {name: n}\ndata_dir: data\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.jsonl").write_text("{")
    damaged = netfold(*words, folder=tmp_path)
    assert (damaged.returncode, damaged.stdout) == (1, "")
    assert "1 machine room, but no entry says so: " in damaged.stderr
    assert (tmp_path / "r.yaml").exists()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("r.csv", "name a file in a folder"), ("r.xlsx", "make room where TMPDIR is")],
)
def test_a_full_disk_leaves_the_file_that_was_there(tmp_path: Path, name: str, remedy: str) -> None:
    """Files may not grow beyond a limit here: a full disk would need one to be mounted."""
    (tmp_path / "n.yaml").write_text("node: {name: n}\ndata_dir: data\n")
    (tmp_path / name).write_bytes(b"what was there")
    (tmp_path / name).chmod(0o604)
    words = ("export", "-c", "n.yaml", "-o", name, "--sheet", "专网", "--force")
    script = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9)); "
    script += "from agent.cli import netfold; netfold()"
    done = netfold(*words, folder=tmp_path, run=("-c", script))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{name} cannot be written: File too large; {remedy}")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / name).read_bytes() == b"what was there"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["n.yaml", name]
    assert netfold(*words, folder=tmp_path).returncode == 0
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o604
    assert (tmp_path / name).read_bytes() != b"what was there"


def test_a_link_stays_a_link_and_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "to").write_bytes(b"old")
    (tmp_path / "link").symlink_to("to")
    write(tmp_path / "link", b"new", force=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "to").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    for other in ("pipe", "."):
        with pytest.raises(WriteError, match="is no ordinary file; name one"):
            write(tmp_path / other, b"new", force=True)
    assert (tmp_path / "pipe").is_fifo()


def test_a_bad_sheet_leaves_nothing_behind(tmp_path: Path) -> None:
    workbook(tmp_path / "r.xlsx", put("专网", "年租费（元）", "十二万", 3))
    done = netfold("import", "r.xlsx", "-o", "register.yaml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        'sheet 专网 row 3 column 年租费（元）: "十二万" is no amount; write 120000 or 12 万元',
        "1 mistake: register.yaml is not written",
    ]
    assert [it.name for it in tmp_path.iterdir()] == ["r.xlsx"]


def test_an_import_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    out = tmp_path / "register.yaml"
    out.write_text("# mine\n")
    workbook(tmp_path / "r.xlsx")
    with pytest.raises(WriteError, match="is there already; name a new file"):
        take(tmp_path / "r.xlsx", None, out)
    workbook(tmp_path / "r.xlsx", put("机房", "机柜数", "许多"))
    with pytest.raises(SheetError):
        take(tmp_path / "r.xlsx", None, out, force=True)
    assert out.read_text() == "# mine\n"
    with pytest.raises(WriteError, match="cannot be written: No such file or directory"):
        take(workbook(tmp_path / "r.xlsx"), None, tmp_path / "none" / "register.yaml")
    assert sorted(it.name for it in tmp_path.iterdir()) == ["r.xlsx", "register.yaml"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        pytest.param(
            ("import", "none.xlsx", "-o", "r.yaml"),
            "none.xlsx: cannot be read: No such file or directory; "
            "name a file that netfold may read",
            id="no-file",
        ),
        pytest.param(
            ("import", "none.xlsx", "-o", "r.yaml", "--sheet", "专线"),
            "--sheet '专线' is none of the register; there are 专网, 线路, 信息系统, 机房, "
            "networks, links, systems, machine_rooms",
            id="no-sheet",
        ),
        pytest.param(
            ("export", "-c", "n.yaml", "-o", "r.ods"),
            "neither .xlsx nor .csv: r.ods; name the output as one of them",
            id="no-format",
        ),
        pytest.param(
            ("export", "-c", "n.yaml", "-o", "r.csv"),
            "a CSV file has one sheet; say --sheet 专网, 线路, 信息系统 or 机房",
            id="which-sheet",
        ),
        pytest.param(
            ("export", "-c", "n.yaml", "-o", "there.xlsx"),
            "there.xlsx is there already; name a new file, or say --force to write over it",
            id="there",
        ),
        pytest.param(
            ("export", "-o", "r.xlsx"),
            "name the configuration, as in: -c netfold.yaml",
            id="no-configuration",
        ),
    ],
)
def test_bad_usage_gets_one_line(tmp_path: Path, words: tuple[str, ...], line: str) -> None:
    (tmp_path / "n.yaml").write_text("node: {name: n}\n")
    (tmp_path / "there.xlsx").write_text("")
    done = netfold(*words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == line


def test_a_check_says_what_is_missing_what_disagrees_and_what_was_not_looked_at(
    tmp_path: Path,
) -> None:
    (tmp_path / "n.yaml").write_text(
        "node: {name: n}\ndata_dir: data\n"
        "networks: [{name: x, kind: extranet, title: 外网, uplinks: [a, b]}]\n"
        "links:\n"
        "  - {name: a, network: x, interface: {local: eth1}, carrier: 电信}\n"
        "  - {name: b, network: x, interface: {local: eth2}, carrier: 移动}\n"
    )
    done = netfold("check", "-c", "n.yaml", "--json", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    (network,) = said["networks"]
    assert (network["network"], network["missing"][0]) == ("x", "owner")
    assert 0 < network["complete_ratio"] < 1
    assert said["disagreements"] == [
        {
            "kind": "uplinks_share_device",
            "subject": "x",
            "words": "all uplinks (a, b) have one device: this host",
        }
    ]
    assert [it.split(":")[0] for it in said["not_looked_at"]] == [
        "silent lines and use of systems",
        "ports and undeclared interfaces",
    ]
    shown = netfold("check", "-c", "n.yaml", folder=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "uplinks_share_device" in shown.stdout
    assert "not looked at: ports and undeclared interfaces" in shown.stdout


def test_a_check_finds_the_paid_line_that_went_silent(tmp_path: Path) -> None:
    now_s = clock.now().wall_s
    first = int(now_s // 300) - 3 * 288
    rows = ["subject,unix_time,receive_bps,transmit_bps,capacity_bps"]
    for tick in range(first, first + 3 * 288 - 3):
        bps = 5000 if tick == first else 0
        rows.append(f"a,{tick * 300},{bps},{bps},")
    (tmp_path / "old.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "n.yaml").write_text(
        "node: {name: n}\ndata_dir: data\nnetworks: [{name: edu, kind: dedicated}]\n"
        "links: [{name: a, network: edu, interface: {local: eth9}, annual_cost_yuan: 168000}]\n"
    )
    done = netfold("import", "old.csv", "-c", "n.yaml", folder=tmp_path, group="history")
    assert done.returncode == 0, done.stderr
    said = json.loads(netfold("check", "-c", "n.yaml", "--json", folder=tmp_path).stdout)
    (one,) = said["disagreements"]
    assert (one["kind"], one["subject"]) == ("paid_and_silent", "a")
    assert one["words"].startswith("168,000 yuan a year, and nothing was seen to cross it since ")
    given = (
        (tmp_path / "n.yaml")
        .read_text()
        .replace(
            "168000}", "168000, exempt: {reason: 灾备, approver: 网络中心, until: 2099-12-31}}"
        )
    )
    (tmp_path / "n.yaml").write_text(given)
    said = json.loads(netfold("check", "-c", "n.yaml", "--json", folder=tmp_path).stdout)
    assert said["disagreements"] == []


def test_a_check_finds_the_paid_line_that_is_down_but_not_if_it_is_exempt(tmp_path: Path) -> None:
    """In a network namespace of its own, where the loopback is down."""
    text = (
        "node: {name: n}\ndata_dir: data\nnetworks: [{name: edu, kind: dedicated}]\n"
        "links: [{name: a, network: edu, interface: {local: lo}, annual_cost_yuan: 168000}]\n"
    )
    exempt = "exempt: {reason: 灾备, approver: 网络中心, until: 2099-12-31}"
    found = []
    for written in (
        text,
        text.replace("168000}", f"168000, {exempt}}}"),
        text.replace("dedicated}", f"dedicated, {exempt}}}"),
    ):
        (tmp_path / "n.yaml").write_text(written)
        words = ("check", "-c", "n.yaml", "--live", "--json")
        unshare = (shutil.which("unshare") or "unshare", "-Urn")
        done = netfold(*words, folder=tmp_path, within=unshare)
        found.append([it["kind"] for it in json.loads(done.stdout)["disagreements"]])
    assert found == [["paid_and_down"], [], []]

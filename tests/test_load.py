"""What an operator gets wrong, and the line that says so."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.load import load
from config.problems import ConfigError

FIXTURES = Path(__file__).parent / "fixtures" / "config"
GOOD = (FIXTURES / "good.yaml").read_text()
THIRTY = (FIXTURES / "thirty.yaml").read_text()
MISTAKES = yaml.safe_load((FIXTURES / "mistakes.yaml").read_text())
LISTS = "credentials, networks, devices, links, servers, systems, machine_rooms, probes, …"
NO_LIST = "a list belongs here, each item after '- ' or as [a, b]"
SECRET = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the test runs in, with the files that good.yaml and mistakes.yaml name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETFOLD_TEST", raising=False)
    monkeypatch.setenv("NETFOLD_EMPTY", "")
    for name, content, mode in (
        ("key", f"{SECRET}\n", 0o600),
        ("open.key", SECRET, 0o644),
        ("short.key", "hunter2", 0o600),
        ("empty.key", "\n", 0o600),
        ("two.key", f"{SECRET}\nhunter3\n", 0o600),
    ):
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(mode)
    (tmp_path / "bin.key").write_bytes(b"\xff" + SECRET.encode())
    (tmp_path / "bin.key").chmod(0o600)
    return tmp_path


def problems(content: str | bytes, file: str = "n.yaml") -> list[str]:
    """Return what the loader says of `content`, line by line; nothing if it takes it."""
    Path(file).write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        load(Path(file))
    except ConfigError as error:
        return str(error).splitlines()
    return []


def test_a_misspelt_key_does_not_hide_the_mistake_at_the_key_that_is_meant() -> None:
    said = problems("node: {name: a, regoin: '440300', region: '010000'}\n")
    assert said == [
        "n.yaml:1: node.regoin: unknown key; did you mean 'region'?",
        (
            "n.yaml:1: node.region: not a region: '010000', no province has the code 01; "
            "write 6 or 12 digits of GB/T 2260, as 440300"
        ),
    ]


def test_the_file_that_the_mistakes_are_made_in_is_good() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize("row", MISTAKES, ids=[row["claim"] for row in MISTAKES])
def test_one_mistake_gets_one_line(row: dict[str, str]) -> None:
    assert row["old"] in GOOD
    said = problems(GOOD.replace(row["old"], row["new"], 1))
    assert said == [row["says"]]
    assert "hunter" not in said[0]


def test_thirty_mistakes_and_more_in_one_file_are_said_at_once_in_order_of_lines() -> None:
    expected = (FIXTURES / "thirty.txt").read_text().splitlines()
    assert len(expected) > 30
    assert problems(THIRTY, "thirty.yaml") == expected


BROKEN = [
    pytest.param("", "1: (file): empty; config/smallest.yaml shows what it needs", id="empty"),
    pytest.param(
        "# nothing\n",
        "1: (file): empty; config/smallest.yaml shows what it needs",
        id="comment",
    ),
    pytest.param(
        "- node\n",
        "1: (file): a list or text where keys belong; write node: {name: …}",
        id="a-list-is-no-configuration",
    ),
    pytest.param(
        "node:\n\tname: n1\n",
        "2: (file): a tab stands where YAML wants blanks; indent with blanks",
        id="tabs-do-not-indent",
    ),
    pytest.param(
        "node: {name: n1\nlinks: []\n",
        "2: (file): not YAML: a mapping '{…}' is not closed; add the missing ',' or '}'",
        id="open-brace",
    ),
    pytest.param(
        "node: name: n1\n",
        "1: (file): not YAML: a ':' too many, or a wrong indentation; "
        "put a text that holds ': ' into quotes",
        id="two-colons-in-a-line",
    ),
    pytest.param(
        "node: *hunter2\n",
        "1: (file): not YAML: '*' names no anchor; put a text that begins with '*' into quotes",
        id="a-star-is-an-alias",
    ),
    pytest.param(
        "node: {name: @hunter2}\n",
        "1: (file): not YAML: no text begins like this; put it into quotes",
        id="an-at-sign-begins-no-text",
    ),
    pytest.param(
        "node: {name: n1}\n---\nnode: {name: n2}\n",
        "2: (file): not YAML: a second document ('---') begins here; "
        "write each into a file of its own",
        id="one-document-a-file",
    ),
    pytest.param(
        "node:\n  name: !hunter2 n1\n",
        "2: node.name: not YAML: a YAML tag has no meaning here; "
        "put a text that begins with '!' into quotes",
        id="no-tags",
    ),
    pytest.param(
        "node: !!python/object/apply:os.system [exit]\n",
        "1: node: not YAML: a YAML tag has no meaning here; "
        "put a text that begins with '!' into quotes",
        id="least-of-all-pythons",
    ),
    pytest.param(
        "node: {name: n1}\n? [a, b]\n: 1\n",
        "2: (file): a list or mapping stands where a key belongs; write key: value",
        id="keys-are-texts",
    ),
    pytest.param(
        b"node: {name: n1}\n# \xd6\xd0\xce\xc4\n",
        "2: (file): not UTF-8: byte 0xd6; save the file as UTF-8",
        id="gbk-is-not-utf-8",
    ),
    pytest.param(
        b"node: {name: n1}\n\x00",
        "2: (file): the character U+0000 cannot stand in YAML; take it out",
        id="nul",
    ),
    pytest.param(
        f"node: {{name: n1}}\nlinks: {'[' * 30}{']' * 30}\n",
        "2: (file): nested deeper than 16 levels; nothing here is",
        id="deep-nesting",
    ),
    pytest.param(
        "node: {name: n1}\nlinks: &a [*a]\n",
        "2: (file): nested deeper than 16 levels; nothing here is",
        id="a-list-that-holds-itself",
    ),
]


@pytest.mark.parametrize(("content", "says"), BROKEN)
def test_what_is_no_configuration_at_all_is_one_line(content: str | bytes, says: str) -> None:
    assert problems(content) == [f"n.yaml:{says}"]


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
def test_both_parsers_of_pyyaml_say_the_same(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.reader._LOADER", getattr(yaml, loader, yaml.SafeLoader))
    for row in BROKEN:
        content, says = row.values
        assert problems(content) == [f"n.yaml:{says}"], row.id


def test_an_alias_bomb_is_defused_before_it_takes_the_memory() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert problems("\n".join(levels)) == [
        "n.yaml:1: (file): more than 500000 values; use fewer aliases"
    ]


def test_an_alias_is_read_as_what_it_stands_for() -> None:
    content = GOOD.replace("{name: r1,", "{name: &one r1,").replace("device: r1,", "device: *one,")
    assert problems(content) == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [("nowhere.yaml", "No such file or directory"), (".", "Is a directory")],
    ids=["missing", "a-folder"],
)
def test_a_file_that_cannot_be_read_is_one_line(file: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path(file))
    assert str(caught.value) == (
        f"{file}:1: (file): cannot be read: {reason}; name a file that netfold may read"
    )


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert problems(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()) == []


def include(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)


def test_lists_of_included_files_join_in_the_order_of_patterns_and_names(folder: Path) -> None:
    include(
        folder,
        {
            "lines/b.yaml": "links: [{name: b, network: edu, interface: {local: eth2}}]",
            "lines/a.yaml": "links: [{name: z, network: new, interface: {local: eth1}}]",
            "more.yaml": "networks: [{name: new, kind: extranet}]\nlinks: []",
        },
    )
    # Twice the same file, once by another way: it is read once.
    (folder / "n.yaml").write_text("include: [lines/*.yaml, ./more.yaml, more.yaml]\n" + GOOD)
    config = load(Path("n.yaml"))
    assert [link.name for link in config.links] == ["a", "z", "b"]
    assert [network.name for network in config.networks] == ["edu", "ext", "top", "new"]


def test_a_mistake_in_an_included_file_bears_its_name_and_line(folder: Path) -> None:
    include(
        folder,
        {
            "lines/a.yaml": "\nlinks:\n  - {name: a, network: edu, interface: {local: eth1}}\n",
            "lines/b.yaml": "node: {name: n2}\nlinks: {}\nprobs: []\n",
        },
    )
    assert problems("include: [lines/*]\n" + GOOD) == [
        "lines/a.yaml:3: links[a].name: taken: 'a' is named at n.yaml:13; choose another",
        f"lines/b.yaml:1: node: does not belong into an included file; it gives only {LISTS}",
        f"lines/b.yaml:2: links: {NO_LIST}; seen: a mapping",
        "lines/b.yaml:3: probs: does not belong into an included file; did you mean 'probes'?",
    ]


def test_paths_start_at_the_folder_of_the_file_that_names_them(folder: Path) -> None:
    name = "{name: deep, version: 2c, community: {file: deep.key}}"
    include(folder, {"sub/c.yaml": f"credentials: [{name}]", "sub/deep.key": SECRET})
    (folder / "sub" / "deep.key").chmod(0o600)
    assert problems("include: [sub/*.yaml]\ndata_dir: data\n" + GOOD) == []
    assert load(folder / "n.yaml").data_dir == folder / "data"


def test_nothing_is_said_to_be_missing_where_a_file_could_not_be_read(folder: Path) -> None:
    include(folder, {"links.yaml": "links: [\n"})
    said = problems(
        "include: [links.yaml]\n" + GOOD.replace("name: ext,", "name: ext, uplinks: [b],")
    )
    assert [line.split(": ")[:2] for line in said] == [["links.yaml:2", "(file)"]]


def test_no_error_holds_a_secret_even_in_what_it_was_raised_from() -> None:
    Path("n.yaml").write_text(GOOD.replace("community: {file: key}", f"community: {SECRET}"))
    with pytest.raises(ConfigError) as caught:
        load(Path("n.yaml"))
    error: BaseException | None = caught.value
    while error is not None:
        assert SECRET not in f"{error!r} {error}"
        error = error.__cause__ or error.__context__


WORDS = st.sampled_from(
    [
        "name",
        "kind",
        "icmp",
        "tcp",
        "edu",
        "22:22",
        "010000",
        "~",
        "*a",
        "&a",
        "!x",
        "1e400",
        "é",
        "0",
    ]
)
KEYS = st.sampled_from(sorted(set(re.findall("[a-z_]{4,}", GOOD + THIRTY))))
TREES: Any = st.recursive(
    WORDS | st.text(max_size=8) | st.none() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
QUIET = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUIET
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda it: it.encode("utf-8", "ignore")))
@example(b'node: {name: "\\uD800"}')
@example(b'node: {name: "\\UFFFFFFFF"}')
@example(b'policy: "\\0"')
@example(b"%YAML 9.9\n---\n")
@example(b"[" * 5000)
def test_bytes_never_raise_anything_but_a_config_error(content: bytes) -> None:
    assert all(line.startswith("n.yaml:") for line in problems(content))


@QUIET
@given(st.dictionaries(KEYS, TREES, min_size=1, max_size=8))
def test_trees_never_raise_anything_but_a_config_error(tree: dict[str, Any]) -> None:
    said = problems(yaml.safe_dump(tree, allow_unicode=True))
    assert all(line.startswith("n.yaml:") for line in said)

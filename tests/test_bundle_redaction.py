"""What must not leave is in no byte of a bundle, whatever the encoding."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.bundle import keys
from agent.bundle.errors import BundleError
from agent.bundle.redaction import fields
from config.bundles import FIELDS
from tests.bundle_lab import LINKS, NEVER, SECRETS, START, Node, found_in, members, node, objects

EVERYTHING = [it for its in SECRETS.values() for it in its]


@pytest.fixture
def home(tmp_path: Path) -> Node:
    secret = {"name": "secretnet", "kind": "dedicated", "classified": "true"}
    made = node(tmp_path / "home")
    text = made.path.read_text().replace('"networks": [', f'"networks": [{secret},', 1)
    made.path.write_text(text.replace("'", '"'))
    return made


def all_bytes(bundle: Path) -> bytes:
    """The archive as it is, its name, and all its files unpacked."""
    return b"\n".join([bundle.name.encode(), bundle.read_bytes(), *members(bundle).values()])


def test_with_nothing_redacted_the_words_are_there_and_addresses_are_not(home: Node) -> None:
    home.create(START + 24, redact="none")
    assert set(found_in(all_bytes(home.file(1)), EVERYTHING)) == set(EVERYTHING)
    assert found_in(all_bytes(home.file(1)), NEVER) == []


@pytest.mark.parametrize(
    "redact", [pytest.param("all", id="all"), pytest.param(None, id="by-the-classified-network")]
)
def test_a_redacted_bundle_holds_none_of_the_redacted(home: Node, redact: str | None) -> None:
    home.create(START + 24, redact=redact)
    assert found_in(all_bytes(home.file(1)), [*EVERYTHING, *NEVER]) == []
    assert home.checked(1).manifest.redacted == FIELDS


def test_each_field_hides_its_own_words_and_no_others(home: Node, tmp_path: Path) -> None:
    for n, field in enumerate(FIELDS, 1):
        home.create(START + 24, redact=field, since_s=START * 300)
        left: Sequence[str] = found_in(all_bytes(home.file(n)), EVERYTHING)
        assert set(EVERYTHING) - set(left) == set(SECRETS[field]), field


def test_a_line_keeps_its_pseudonym_between_bundles_and_has_another_under_another_key(
    home: Node, tmp_path: Path
) -> None:
    home.create(START + 12, redact="all")
    home.create(START + 24, redact="all")
    lines = [
        {it["subject"] for it in objects(home.file(n), "facts.json.gz") if it["kind"] == "link"}
        for n in (1, 2)
    ]
    assert lines[0] == lines[1] == {home.key.pseudonym("link", it) for it in LINKS}
    keys.make("another", tmp_path / "another")
    another = keys.private(tmp_path / "another")
    assert another.pseudonym("link", LINKS[0]) not in lines[0]


def test_members_of_networks_and_groups_have_the_pseudonyms_of_their_kind(home: Node) -> None:
    home.create(START + 24, redact="all")
    said = {(it["kind"], it["subject"]): it for it in objects(home.file(1), "verdicts.json.gz")}
    group = home.key.pseudonym("group", "schoolgroup")
    quiet = home.key.pseudonym("link", LINKS[2])
    network = said["network", home.key.pseudonym("network", "edunet")]
    assert set(network["members"]) == {group, quiet}
    assert set(said["group", group]["members"]) == {
        home.key.pseudonym("link", it) for it in LINKS[:2]
    }


def test_the_order_of_rows_tells_nothing_of_names(home: Node) -> None:
    home.create(START + 24, redact="all")
    for name in ("verdicts.json.gz", "facts.json.gz"):
        subjects = [(it["kind"], it["subject"]) for it in objects(home.file(1), name)]
        assert subjects == sorted(subjects)


def test_what_the_configuration_says_counts_where_the_command_says_nothing(tmp_path: Path) -> None:
    plain = node(tmp_path / "plain")
    assert fields(None, plain.config) == ()
    said = node(tmp_path / "said", bundles={"redact": ["costs", "links"]})
    assert fields(None, said.config) == ("links", "costs")
    assert fields("none", said.config) == ()
    with pytest.raises(BundleError, match="addresses, devices and interfaces never leave"):
        fields("links,addresses", said.config)


def test_a_key_whose_own_name_bears_what_is_redacted_is_refused(tmp_path: Path) -> None:
    network = {"name": "node", "kind": "intranet"}
    made = node(tmp_path / "home", networks=[network], links=[], probes=[], pairs=[])
    with pytest.raises(BundleError, match="bears 'node', the name of a network that must not"):
        made.create(START + 24, redact="networks")
    assert list(made.out.iterdir()) == []

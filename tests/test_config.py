"""What a good configuration comes to: models, secrets, groups, waivers, targets."""

import re
import subprocess
import sys
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

import config
from collectors.fields import join_address, split_address
from collectors.host import BoundNic, HostTarget
from collectors.icmp import IcmpTarget
from collectors.link import BoundLink
from collectors.services import ServicesTarget
from collectors.snmp.credential import AuthProtocol, Community, PrivProtocol, User
from collectors.snmp_host import SnmpHostTarget
from collectors.snmp_interfaces import SnmpTarget
from collectors.tcp import TcpTarget
from collectors.watch import WatchedSystem
from config.agent import AgentConfig, Listen
from config.load import load
from config.shape import keys
from config.targets import local_config, targets

SHIPPED = Path(config.__file__).parent
SECRET = "hunter2-hunter2"
# What the example in the design names, and leaves out.
LEFT_OUT = """
devices: [{name: s1, address: s1.example.org, credential: v3}]
links: [{name: ext-a, network: extranet, interface: {device: s1, alias: uplink}}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the shipped files and the secrets that they name."""
    for file in SHIPPED.glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in ("auth.key", "priv.key", "community.key", "token.key"):
        (tmp_path / name).write_text(f"{SECRET}-{name}\n")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("NETFOLD_PRIV", f"{SECRET}-env")
    return tmp_path


@pytest.fixture
def example(folder: Path) -> AgentConfig:
    return load(folder / "example.yaml")


def test_the_smallest_file_watches_one_line_by_v3(folder: Path) -> None:
    (target,) = targets(load(folder / "smallest.yaml"))
    assert isinstance(target, SnmpTarget)
    assert target.address == "198.51.100.1:161"
    assert isinstance(target.credential, User)
    assert target.credential.auth_protocol == "SHA-256"
    assert target.credential.auth_secret is not None
    assert target.credential.auth_secret.get_secret_value() == f"{SECRET}-auth.key"
    assert target.links == (BoundLink(link="edu-core-a", by="name", value="GigabitEthernet0/0/1"),)


def test_what_is_left_out_has_the_defaults_of_the_manual(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    smallest = load(folder / "smallest.yaml")
    assert smallest.listen == Listen("127.0.0.1", 9945)
    assert smallest.data_dir == folder / "state" / "netfold"
    assert smallest.retention_s == 400 * 86400
    assert (smallest.devices[0].interval_s, smallest.devices[0].timeout_s) == (60, 10)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/someone")
    assert load(folder / "smallest.yaml").data_dir == Path("/home/someone/.local/state/netfold")


def test_values_become_base_units_dates_and_texts(example: AgentConfig) -> None:
    link = example.links[0]
    assert link.bandwidth_bps == 100_000_000
    assert link.contract_end == date(2027, 6, 30)
    assert link.annual_cost_yuan == 168000
    assert example.node.region == "440300"
    assert example.networks[0].busy_periods == ("month_end", "06-01..06-10")
    assert example.systems[0].ports == (8443,)
    assert example.systems[0].management == (ip_network("198.51.100.0/24"),)
    assert not example.networks[0].classified


def test_the_example_shows_every_key_there_is(folder: Path) -> None:
    files = ("example.yaml", "example-inventory.yaml", "sla.yaml")
    text = "".join((folder / file).read_text() for file in files)
    models = [AgentConfig, *_models(AgentConfig)]
    known = {f.alias or name for model in models for name, f in model.model_fields.items()}
    assert {key for key in known if f"{key}:" not in text} == set()


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    inner = [key.model for key in keys(model).values() if key.model]
    return inner + [below for one in inner for below in _models(one)]


def test_the_example_of_the_design_loads(folder: Path, shared: Path) -> None:
    section = (shared / "DESIGN.md").read_text().split("## 8. Files an operator writes")[1]
    (folder / "design.yaml").write_text(section.split("```yaml\n")[1].split("```")[0])
    (folder / "inventory").mkdir()
    (folder / "inventory" / "more.yaml").write_text(LEFT_OUT)
    loaded = load(folder / "design.yaml")
    assert [it.name for it in loaded.devices] == ["r1", "r2", "s1"]


@pytest.mark.parametrize(
    "show", [str, repr, lambda it: it.model_dump_json()], ids=["str", "repr", "json"]
)
def test_no_secret_shows(example: AgentConfig, show: object) -> None:
    assert callable(show)
    assert SECRET not in show(example)
    assert SECRET not in "".join(map(show, example.credentials))
    assert SECRET not in "".join(map(repr, targets(example)))


def test_a_credential_is_what_the_collectors_show_a_device(example: AgentConfig) -> None:
    old = example.credential("old")
    assert isinstance(old, Community)
    assert old.community.get_secret_value() == f"{SECRET}-community.key"
    v3 = example.credential("v3")
    assert isinstance(v3, User)
    assert v3.priv_secret is not None
    assert v3.priv_secret.get_secret_value() == f"{SECRET}-env"
    assert (v3.name, v3.priv_protocol) == ("monitor", "AES-128")


@pytest.mark.parametrize("priv", get_args(PrivProtocol))
@pytest.mark.parametrize("auth", get_args(AuthProtocol))
def test_every_protocol_of_the_example_is_a_word(folder: Path, auth: str, priv: str) -> None:
    text = (folder / "example.yaml").read_text(encoding="utf-8")
    assert {auth, priv} <= set(re.findall(r"[A-Z]+[-\d]*\d(?:-C)?|DES", text))
    text = text.replace("protocol: SHA-256 ", f"protocol: {auth} ")
    (folder / "example.yaml").write_text(text.replace("protocol: AES-128 ", f"protocol: {priv} "))
    user = load(folder / "example.yaml").credential("v3")
    assert isinstance(user, User)
    assert (user.auth_protocol, user.priv_protocol, user.level) == (auth, priv, 3)


def test_a_group_exists_because_links_name_it(example: AgentConfig) -> None:
    (group,) = example.groups
    assert (group.name, group.network) == ("edu-core", "edu")
    assert [link.name for link in group.links] == ["edu-core-a", "edu-core-b"]
    assert [link.name for link in group.primaries] == ["edu-core-a"]


@pytest.mark.parametrize(
    ("today", "expired"),
    [
        pytest.param(date(2027, 6, 30), [], id="the-last-day-counts"),
        pytest.param(date(2027, 7, 1), ["r2"], id="the-day-after-is-too-late"),
    ],
)
def test_a_waiver_ends_after_its_last_day(
    example: AgentConfig, today: date, expired: list[str]
) -> None:
    assert [device.name for device in example.expired_waivers(today)] == expired


def test_a_waiver_that_is_not_needed_does_not_expire(folder: Path) -> None:
    file = folder / "smallest.yaml"
    waiver = "credential: v3, waiver: {until: 2000-01-01, reason: was 2c, approver: x}"
    file.write_text(file.read_text().replace("credential: v3", waiver))
    assert load(file).expired_waivers(date(2026, 1, 1)) == []


def test_the_targets_are_probes_then_devices_then_servers_then_this_host_and_its_systems(
    example: AgentConfig,
) -> None:
    (
        gateway,
        portal,
        portal_6,
        *hubs,
        way_out,
        mail,
        certificate,
        login,
        resolver,
        leave_old,
        leave_new,
        r1,
        r2,
        db1,
        host,
        services,
    ) = targets(example)
    assert isinstance(gateway, IcmpTarget)
    assert (gateway.interval_s, gateway.network, gateway.purpose) == (30, "extranet", "gateway")
    assert (portal.kind, portal.timeout_s) == ("tcp", 3)
    assert [(it.name, it.family) for it in (portal, portal_6)] == [
        ("portal-ipv4", "ipv4"),
        ("portal-ipv6", "ipv6"),
    ]
    assert [it.name for it in hubs] == [f"hub-203.0.113.{n}" for n in range(1, 7)]
    assert [(it.kind, it.address) for it in (leave_old, leave_new)] == [
        ("tcp", "198.51.100.90"),
        ("tcp", "203.0.113.90"),
    ]
    assert [(it.old, it.new) for it in example.pairs] == [(leave_old.name, leave_new.name)]
    assert isinstance(way_out, TcpTarget)
    assert (way_out.expect, way_out.source) == ("unreachable", "198.51.100.7")
    assert (mail.kind, certificate.kind) == ("tcp", "tls")
    assert (login.kind, login.address) == ("http", "portal.example.org")
    assert (resolver.kind, resolver.address) == ("dns", "198.51.100.53")
    assert isinstance(r1, SnmpTarget)
    assert isinstance(r2, SnmpTarget)
    assert (r2.kind, r2.address) == ("snmp_interfaces", "198.51.100.2:161")
    assert r2.links == (
        BoundLink(link="edu-core-b", by="alias", value="教育专网备用"),
        BoundLink(link="exam-a", by="index", value="7"),
    )
    assert isinstance(db1, SnmpHostTarget)
    assert (db1.name, db1.device, db1.agent) == ("db1", "r2", r2.agent)
    assert (db1.interval_s, db1.timeout_s) == (r2.interval_s, r2.timeout_s)
    assert isinstance(host, HostTarget)
    assert (host.name, host.interval_s, host.server) == ("host", 30, "this-host")
    assert host.nics == (BoundNic(link="ext-a", nic="eth1"),)
    assert isinstance(services, ServicesTarget)
    assert services.systems == (
        WatchedSystem(name="leave", ports=(8443,), management=(ip_network("198.51.100.0/24"),)),
    )


def test_a_device_without_links_is_polled_all_the_same(folder: Path) -> None:
    file = folder / "smallest.yaml"
    file.write_text(file.read_text().split("links:")[0])
    (target,) = targets(load(file))
    assert isinstance(target, SnmpTarget)
    assert target.links == ()


def test_a_device_that_is_only_a_server_is_asked_as_one(folder: Path) -> None:
    file = folder / "smallest.yaml"
    file.write_text(file.read_text().split("links:")[0] + "servers: [{name: db1, device: r1}]\n")
    (target,) = targets(load(file))
    assert isinstance(target, SnmpHostTarget)
    assert (target.kind, target.name, target.device) == ("snmp_host", "db1", "r1")


def test_an_ipv6_device_keeps_its_brackets_and_gets_its_port(folder: Path) -> None:
    file = folder / "smallest.yaml"
    text = file.read_text()
    for written, asked in (
        ("'2001:db8::1'", "[2001:db8::1]:161"),
        ("'[2001:db8::1]:1161'", "[2001:db8::1]:1161"),
        ("r1.example.org", "r1.example.org:161"),
    ):
        file.write_text(text.replace("198.51.100.1", written))
        assert targets(load(file))[0].address == asked


def test_without_a_file_the_agent_watches_its_own_host(tmp_path: Path) -> None:
    own = local_config("this", ["eth0", "eth1"], tmp_path)
    assert [(it.name, it.network, it.interface.local) for it in own.links] == [
        ("eth0", "local", "eth0"),
        ("eth1", "local", "eth1"),
    ]
    assert (own.node.name, own.data_dir, own.networks[0].kind) == ("this", tmp_path, "local")
    loopback, host = targets(own)
    assert (loopback.kind, loopback.address) == ("icmp", "127.0.0.1")
    assert isinstance(host, HostTarget)
    assert host.server == "this-host"
    assert len(host.nics) == 2


def test_only_what_a_file_names_is_imported(folder: Path) -> None:
    (folder / "one.yaml").write_text(
        "node: {name: n}\nprobes: [{name: p, kind: tcp, address: localhost, port: 1}]"
    )
    code = (
        "import sys; from pathlib import Path; from config.load import load; "
        "from config.targets import targets; targets(load(Path(sys.argv[1]))); "
        "print([it for it in sys.modules if it.startswith('collectors.') or it == 'pysnmp'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder / "one.yaml"],
        check=True,
        capture_output=True,
        text=True,
        cwd=SHIPPED.parent,
    )
    assert "collectors.tcp" in done.stdout
    for other in ("icmp", "host", "snmp_host", "snmp_interfaces", "pysnmp"):
        assert other not in done.stdout


def test_a_configuration_does_not_change(example: AgentConfig) -> None:
    with pytest.raises(ValidationError):
        example.node = example.node  # type: ignore[misc]  # that is the claim


@pytest.mark.parametrize(
    "listen",
    ["127.0.0.1:0", "0.0.0.0:9945", "[::]:9945", "localhost:80"],
    ids=["any-free-port", "everywhere", "everywhere-by-ipv6", "a-name"],
)
def test_an_agent_listens_where_it_is_told(folder: Path, listen: str) -> None:
    file = folder / "smallest.yaml"
    file.write_text(f'listen: "{listen}"\n{file.read_text()}')
    host, _, port = listen.rpartition(":")
    assert load(file).listen == Listen(host.strip("[]"), int(port))


def test_a_short_retention_needs_only_its_word(folder: Path) -> None:
    file = folder / "smallest.yaml"
    file.write_text(f"retention: 30d\nshort_retention: accepted\n{file.read_text()}")
    assert load(file).retention_s == 30 * 86400


@given(
    st.ip_addresses().map(str) | st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
)
def test_an_address_with_a_port_comes_apart_as_it_was_put_together(host: str) -> None:
    assert split_address(join_address(host, 161)) == (host, 161)
    assert split_address(host) == (host, None)


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        host, port = split_address(text)
    except ValueError:
        return
    assert host
    assert port is None or 0 <= port <= 65535

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collectors.link import BoundLink
from collectors.snmp import ifmib
from collectors.snmp.binding import Binding, bind
from collectors.snmp.client import SnmpClient
from tests.replay import Replay, replaying
from tests.replayed import Device

NAMES = Path(__file__).parent / "fixtures/recordings/names.snmprec"
PHANTOMS = [
    *(f"{ifmib.NAME}.{row}|4|GE1" for row in (1, 2, 3)),
    *(f"{ifmib.ALIAS}.{row}|4|uplink" for row in (1, 2)),
    f"{ifmib.OPER_STATUS}.2|2|2",
    *(f"{ifmib.NAME}.{row}|4|ghost" for row in (4, 5)),
]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    path = tmp_path_factory.mktemp("recordings") / "phantoms.snmprec"
    path.write_text("\n".join(PHANTOMS))
    with replaying({"names": Device(NAMES), "phantoms": Device(path)}) as one:
        yield one


@pytest.fixture
async def client() -> AsyncIterator[SnmpClient]:
    one = SnmpClient()
    yield one
    await one.close()


async def found(replay: Replay, client: SnmpClient, name: str, by: str, value: str) -> Binding:
    link = BoundLink.model_validate({"link": "line", "by": by, "value": value})
    return await bind(client, replay.agent(name), "r1", [link])


@pytest.mark.parametrize(
    ("by", "value", "row"),
    [
        pytest.param("name", "eth4", ("4", ifmib.NAME), id="padded-with-nul"),
        pytest.param("name", "GE0/0/1", ("1", ifmib.DESCRIPTION), id="a-row-without-ifName"),
        pytest.param("name", "备用 口'九'", ("9", ifmib.NAME), id="chinese"),
        pytest.param("alias", "公安专网", ("3", ifmib.ALIAS), id="gbk"),
        pytest.param("alias", '教育专网: "主用" #1', ("2", ifmib.ALIAS), id="utf-8"),
        pytest.param(
            *("alias", "xx政务外网至市教育局专线一百兆电信承载二零", ("5", ifmib.ALIAS)),
            id="cut-in-mid-character",
        ),
        pytest.param("description", "café", ("8", ifmib.DESCRIPTION), id="latin-1"),
        pytest.param("index", "7", ("7", ifmib.INDEX), id="by-index"),
    ],
)
async def test_an_odd_name_leads_to_its_row(
    replay: Replay, client: SnmpClient, by: str, value: str, row: tuple[str, str]
) -> None:
    binding = await found(replay, client, "names", by, value)
    assert [(one.index, one.column) for one in binding.bound] == [row]


@pytest.mark.parametrize(
    ("by", "value", "said"),
    [
        pytest.param("name", "uplink", "2 interfaces with name 'uplink'", id="two-of-a-name"),
        pytest.param("name", "same", "3 interfaces with name 'same'", id="two-of-a-description"),
        pytest.param("name", "GE0/0/2", "no interface with name", id="it-has-another-name"),
        pytest.param("name", "GE0/0/11", "did you mean 'GE0/0/1'?", id="misspelt"),
    ],
)
async def test_a_name_that_leads_nowhere_or_to_several_rows_is_said(
    replay: Replay, client: SnmpClient, by: str, value: str, said: str
) -> None:
    binding = await found(replay, client, "names", by, value)
    assert not binding.bound
    assert said in binding.unbound[0]


@pytest.mark.parametrize(("by", "value"), [("name", "GE1"), ("alias", "uplink")])
async def test_phantoms_do_not_make_a_name_ambiguous(
    replay: Replay, client: SnmpClient, by: str, value: str
) -> None:
    binding = await found(replay, client, "phantoms", by, value)
    assert [one.index for one in binding.bound] == ["2"]


async def test_phantoms_alone_are_as_ambiguous_as_others(
    replay: Replay, client: SnmpClient
) -> None:
    binding = await found(replay, client, "phantoms", "name", "ghost")
    assert "2 interfaces with name 'ghost' on r1 (index 4, 5)" in binding.unbound[0]

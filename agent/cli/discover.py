"""`netfold discover`: what an SNMP device has, before or beside any configuration."""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click
from pydantic import SecretStr

from agent import clock
from agent.cli import config_option, stop
from agent.cli.advice import advised
from collectors.base import CollectError, Tools
from collectors.snmp.agent import Agent
from collectors.snmp.client import SnmpClient
from collectors.snmp.credential import Community, Credential
from collectors.snmp.inventory import Inventory, take

VARIABLE = "NETFOLD_COMMUNITY"


@click.command("discover")
@click.argument("address", metavar="ADDRESS[:PORT]")
@click.option("--json", "form", flag_value="json", help="For machines.")
@click.option("--yaml", "form", flag_value="yaml", help="To paste into a configuration.")
@click.option(
    "--community-file",
    type=click.Path(path_type=Path),
    help=f"A file with the v2c community; else it is taken from {VARIABLE}.",
)
@config_option
@click.option("--credential", "name", help="The credential of that name in the configuration.")
def command(
    address: str, form: str | None, community_file: Path | None, path: Path | None, name: str | None
) -> None:
    """Show what an SNMP device has: interfaces, processors, memory, storage."""
    credential = _credential(community_file, path, name)
    try:
        agent = Agent.at(address, credential)
    except ValueError as error:
        stop(error, 2)
    try:
        found = asyncio.run(_take(agent))
    except CollectError as error:
        stop(advised(error.reason, error.detail, snmp=True), 1)
    if form == "json":
        click.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    from agent.cli import discovered  # noqa: PLC0415 - rich is loaded when something is shown

    if form == "yaml":
        click.echo(discovered.as_yaml(found, address, name), nl=False)
    else:
        discovered.show(found)


async def _take(agent: Agent) -> Inventory:
    tools = Tools(clock.now)
    try:
        if not sys.stderr.isatty():
            return await take(tools.use(SnmpClient), agent)
        from agent.cli.discovered import progress  # noqa: PLC0415 - rich, for a terminal only

        with progress(str(agent)) as tell:
            return await take(tools.use(SnmpClient), agent, tell)
    finally:
        await tools.close()


def _credential(community_file: Path | None, path: Path | None, name: str | None) -> Credential:
    if path is not None or name is not None:
        return _named(path, name)
    if community_file is not None:
        from collectors.secrets import from_file  # noqa: PLC0415 - only where there is a file

        try:
            return Community(from_file(community_file))
        except ValueError as error:
            stop(f"--community-file: {error}", 2)
    community = os.environ.get(VARIABLE)
    if not community:
        stop(
            f"no community: set {VARIABLE}, or give --community-file FILE; "
            "for SNMPv3 give -c FILE --credential NAME",
            2,
        )
    return Community(SecretStr(community))


def _named(path: Path | None, name: str | None) -> Credential:
    if path is None or name is None:
        stop(
            "-c FILE and --credential NAME belong together: one names a credential in the other", 2
        )
    from config.load import load  # noqa: PLC0415 - only where there is a configuration
    from config.problems import ConfigError, closest  # noqa: PLC0415 - only with -c

    try:
        known = {one.name: one.credential for one in load(path).credentials}
    except ConfigError as error:
        stop(error, 2)
    if name not in known:
        near = closest(name, known)
        hint = f"did you mean {near!r}?" if near else f"it has: {', '.join(known) or 'none'}"
        stop(f"--credential {name!r} is not in {path}; {hint}", 2)
    return known[name]

"""Every server of a configuration, judged by its windows."""

from collections.abc import Iterator
from datetime import date

from agent.judge.bounds import Usage
from agent.judge.evidence import of_usage
from agent.judge.status import Status
from agent.judge.verdict import Judgement, judge
from agent.seasons import Season, earliest_s, seasons
from agent.server_windows import ServerWindows
from agent.verdict import Verdict, is_exempt
from config.agent import AgentConfig
from config.inventory import Server


def assess_servers(
    config: AgentConfig, reader: ServerWindows, end_tick: int, today: date
) -> Iterator[Verdict]:
    """Judge all by the window that ends before tick `end_tick`; `today` is in Asia/Shanghai."""
    policy = config.policy.servers
    ticks = int(policy.window_s // reader.tick_s)
    servers = {it.name: it for it in config.servers}
    end_s = end_tick * reader.tick_s
    for name, window in reader.servers(list(servers), end_tick - ticks, ticks):
        server = servers[name]
        its_seasons = {
            it.period: _during(reader, name, it)
            for it in seasons(server.busy_periods, end_s, reader.tick_s)
        }
        judgement = judge(window.usage, policy, seasons=its_seasons)
        yield Verdict(
            "server",
            name,
            _status(server, judgement, today),
            judgement,
            of_usage(window.usage, config.policy.calendar),
            earliest_s=earliest_s(window.usage, policy, judgement, end_s),
            sizes=window.sizes,
        )


def _status(server: Server, judgement: Judgement, today: date) -> Status:
    if is_exempt(today, server.exempt):
        return Status.EXEMPT
    return Status.STANDBY if server.role == "standby" else judgement.status


def _during(reader: ServerWindows, server: str, season: Season) -> Usage:
    ((_, window),) = reader.servers([server], season.first, season.ticks)
    return window.usage

"""What progress costs a centre: networks counted, held to plan and milestones, and said."""

import time
from datetime import date, timedelta

from agent.declared import Declaration, Timelines
from agent.judge.status import Status
from agent.judge.verdict import Judgement
from agent.migration import declared_only
from agent.progress import counted, progress_of
from agent.progress_json import said_of
from agent.progress_metrics import samples
from agent.verdict import Verdict
from config.agent import AgentConfig, Node
from config.inventory import Interface, Link, Network
from config.milestones import Milestone
from config.register import Phase, Plan

LINKS, DEPARTMENTS = 2_000, 200
LIMIT_S = 2.0
TODAY = date(2027, 6, 1)
STEPS: tuple[Phase, ...] = ("surveyed", "planned", "connected", "cut_over", "funding_cut")


def main() -> None:
    """Print what 2,000 links in 200 departments cost, and ten times as many."""
    print("## Progress of a centre\n")
    print("A network a line, its declarations, plan and verdict given: phases judged by what is")
    print("declared, all networks counted by department, region and level, said as JSON and as")
    print("samples. The verdicts themselves are measured above.\n")
    print("| links | departments | CPU |")
    print("|---|---|---|")
    taken = {links: cost_s(links, links // 10) for links in (LINKS, 10 * LINKS)}
    for links, cpu_s in taken.items():
        print(f"| {links:,} | {links // 10:,} | {cpu_s:.2f} s |")
    word = "PASS" if taken[LINKS] <= LIMIT_S else "over"
    print(f"\n- {LINKS:,} links: {taken[LINKS]:.2f} s CPU, {word} (at most {LIMIT_S:g})\n")


def cost_s(links: int, departments: int) -> float:
    """CPU seconds of one round, phases included."""
    config, timelines, verdicts = centre(links, departments)
    begun = time.process_time()
    found = list(declared_only(config, timelines, TODAY))
    networks = list(counted(config, timelines, found, verdicts))
    progress = progress_of(config, networks, TODAY)
    said = said_of(progress)
    assert len(said["by_department"]) == departments
    assert sum(1 for _ in samples(progress, networks)) > links
    return time.process_time() - begun


def centre(links: int, departments: int) -> tuple[AgentConfig, Timelines, list[Verdict]]:
    """A centre's configuration, what was declared of its networks, and verdicts."""
    plan = Plan(connected=TODAY - timedelta(30), cut_over=TODAY, retired=TODAY + timedelta(90))
    networks = [
        Network(
            name=f"n{it}",
            kind="dedicated",
            owner=f"department {it % departments}",
            region=f"4403{it % 97:02}",
            annual_cost_yuan=1000.0 + it,
            phase=STEPS[it % len(STEPS)],
            plan=plan,
        )
        for it in range(links)
    ]
    lines = [
        Link(
            name=f"l{it}",
            network=f"n{it}",
            interface=Interface(local=f"eth{it}"),
            bandwidth_bps=100e6,
        )
        for it in range(links)
    ]
    config = AgentConfig(
        node=Node(name="centre"),
        networks=tuple(networks),
        links=tuple(lines),
        milestones=(Milestone(name="half", by=TODAY, share=0.5),),
    )
    timelines = {
        it.name: [
            Declaration("surveyed", TODAY - timedelta(300)),
            Declaration(it.phase, TODAY - timedelta(number % 200)),
        ]
        for number, it in enumerate(networks)
    }
    idle = Judgement(Status.IDLE, ())
    verdicts = [Verdict("network", it.name, Status.IDLE, idle) for it in networks]
    return config, timelines, verdicts


if __name__ == "__main__":
    main()

"""From an overview to the detail, and from there to the agent that explains it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Where a cell of a table leads: what Grafana calls it, and the address with its variables."""

    title: str
    url: str


def to_board(uid: str, *variables: str) -> Link:
    """To a board that shows a row's labels `variables` and its node, over the same time."""
    chosen = "&".join(
        f"var-{it}=${{__data.fields.{it}:percentencode}}" for it in (*variables, "instance")
    )
    kept = "${datasource:queryparam}&${job:queryparam}&${pages:queryparam}&${__url_time_range}"
    return Link("Details", f"/d/{uid}?{chosen}&{kept}")


def to_page(kind: str) -> Link:
    """To the agent's own page of a row's link or server: what is judged, and why."""
    subject = f"{kind}/${{__data.fields.{kind}:percentencode}}"
    return Link("Explained", f"${{pages:raw}}${{__data.fields.instance}}/{subject}?lang=en")

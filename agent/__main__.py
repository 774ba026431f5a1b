"""`netfold` and `python -m agent`."""

import os
import sys

from agent.cli import netfold


def main() -> None:
    """Run the command line."""
    _open_closed_streams()
    netfold(prog_name="netfold")


def _open_closed_streams() -> None:
    """Fill the places of streams that the parent closed, or sockets and files would take them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for the process's life


if __name__ == "__main__":
    main()

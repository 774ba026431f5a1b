"""`netfold` and `python -m agent`."""

import os
import sys


def main() -> None:
    """Run the command line; whatever the streams are, no traceback."""
    _mend_streams()
    try:
        from agent.cli import netfold  # noqa: PLC0415 - so that Ctrl-C while importing is quiet too

        netfold(prog_name="netfold")
    except KeyboardInterrupt:
        os._exit(1)
    except OSError as error:  # what is printed cannot be written, as on a full disk
        os.write(2, f"netfold: cannot write the output: {error.strerror or error}\n".encode())
        os._exit(1)


def _mend_streams() -> None:
    """Fill the places of streams that the parent closed, or sockets and files would take them.

    What a terminal cannot show becomes a question mark.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - for the process's life
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are TextIOWrapper


if __name__ == "__main__":
    main()

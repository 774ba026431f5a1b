"""`netfold` and `python -m agent`."""

from agent.cli import netfold


def main() -> None:
    """Run the command line."""
    netfold(prog_name="netfold")


if __name__ == "__main__":
    main()

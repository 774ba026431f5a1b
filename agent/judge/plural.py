"""A number with its noun, as English has it."""


def counted(number: int, noun: str) -> str:
    """Such as: 1 day, 2 days; `noun` is one whose plural takes an s, as all here do."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

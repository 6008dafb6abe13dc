"""Writes docs/reasons.md from the one table: `python -m engine.cli.reasons_page > docs/reasons.md`."""

from __future__ import annotations

from engine.reasons import EXPLANATIONS


def page() -> str:
    head = (
        "# Every reason, explained\n\n"
        "The same word stands in the cockpit, in the logs, in the database and here.\n\n"
        "| reason | what it means |\n| --- | --- |\n"
    )
    return head + "".join(f"| `{reason}` | {text} |\n" for reason, text in EXPLANATIONS.items())


if __name__ == "__main__":
    print(page(), end="")

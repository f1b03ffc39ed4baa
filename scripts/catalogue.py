"""Every command of `position-ledger`, in the groups that its help shows, with the module to import it from.

Modules are named as texts, so that help imports none of them, and the commands of the cut-over can be removed.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CommandEntry(NamedTuple):
    """The module of a command, and the first line of its help."""

    module: str
    summary: str


_NAMES: Final = {"import_ledger": "import"}
"""The commands that have another name than their module."""


def _commands(folder: str, summaries: dict[str, str]) -> dict[str, CommandEntry]:
    """The commands of a folder by their names; `summaries` are by module."""
    return {
        _NAMES.get(module, module.replace("_", "-")): CommandEntry(f"{folder}.{module}", summary)
        for module, summary in summaries.items()
    }


GROUPS: Final = {
    "Daily": _commands(
        "scripts.commands.daily",
        {
            "init": "Create the ledger, or bring its schema to that of this software",
            "record": "Record commands, one JSON object on each line of stdin",
            "status": "Show what is open on one screen, the worst first",
            "serve": "Show the present state of the ledger in browsers",
            "positions": "List positions, oldest first",
            "history": "Show the history of a cycle (APTUSDT.binance#1) or of a key",
            "pnl": "Sum up the earnings of cycles that ended in a window of time",
            "stats": "Sum up a stretch of time",
            "report": "Report on a stretch of time",
        },
    ),
    "Audit": _commands(
        "scripts.commands.audit",
        {
            "projections": "Show how far each projection has come",
            "rebuild": "Compute the positions table and every other projection anew",
            "verify": "Check every hash, version, event and row",
            "anchor": "Print an anchor of everything that is recorded",
            "export": "Write out what the ledger holds at one moment",
            "import_ledger": "Import an export of a ledger, or statements of exchanges and programs",
        },
    ),
    "Operate": _commands(
        "scripts.commands.operate",
        {
            "diagnose": "Look at everything that can be wrong, say how bad it is",
            "watch": "Watch a ledger, and send alarms for what `status` and `diagnose` find",
            "metrics": "Print the metrics of a ledger in the text format of Prometheus",
            "snapshot": "Ask an exchange for positions, plain and conditional orders and balances",
            "doctor": "Ask a PostgreSQL server to prove what a ledger needs",
            "reconcile": "Compare the open positions of one account with a snapshot of the exchange",
            "recover": "List every cycle that is not done",
            "instruments": "List the definitions of instruments, and those that are missing",
        },
    ),
    "Demonstrate": _commands(
        "scripts.commands.demonstrate",
        {
            "demo": "Replay a real duplicate-position incident",
            "reproduce": "Reproduce how orders were doubled",
            "bench": "Measure the speed of the ledger",
        },
    ),
    "Legacy, until the cut-over": _commands(
        "scripts.legacy",
        {
            "import_legacy": "Import the table of positions that an old bot kept",
            "shadow": "Run a ledger in the shadow of the old bot",
            "analyze_logs": "Read the log of an old bot: duplicate errors and the race behind each",
            "cleanup": "Find what an old bot left behind",
        },
    ),
}

COMMANDS: Final = {name: entry for group in GROUPS.values() for name, entry in group.items()}

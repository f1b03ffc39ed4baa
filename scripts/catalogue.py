"""Every command of `position-ledger`, in the groups that its help shows, with the module to import it from.

Modules are named as texts, so that help imports none of them, and the commands of the cut-over can be removed.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class CommandEntry(NamedTuple):
    """The module of a command, and the first line of its help."""

    module: str
    summary: str


GROUPS: Final = {
    "Daily": {
        "init": CommandEntry(
            "scripts.commands.daily.init", "Create the ledger, or bring its schema to that of this software"
        ),
        "record": CommandEntry(
            "scripts.commands.daily.record", "Record commands, one JSON object on each line of stdin"
        ),
        "status": CommandEntry("scripts.commands.daily.status", "Show what is open on one screen, the worst first"),
        "serve": CommandEntry(
            "scripts.commands.daily.serve",
            "Show the present state of the ledger in browsers",
        ),
        "positions": CommandEntry("scripts.commands.daily.positions", "List positions, oldest first"),
        "history": CommandEntry(
            "scripts.commands.daily.history", "Show the history of a cycle (APTUSDT.binance#1) or of a key"
        ),
        "pnl": CommandEntry(
            "scripts.commands.daily.pnl", "Sum up the earnings of cycles that ended in a window of time"
        ),
        "stats": CommandEntry("scripts.commands.daily.stats", "Sum up a stretch of time"),
        "report": CommandEntry("scripts.commands.daily.report", "Report on a stretch of time"),
    },
    "Audit": {
        "projections": CommandEntry("scripts.commands.audit.projections", "Show how far each projection has come"),
        "rebuild": CommandEntry(
            "scripts.commands.audit.rebuild", "Compute the positions table and every other projection anew"
        ),
        "verify": CommandEntry("scripts.commands.audit.verify", "Check every hash, version, event and row"),
        "anchor": CommandEntry("scripts.commands.audit.anchor", "Print an anchor of everything that is recorded"),
        "export": CommandEntry("scripts.commands.audit.export", "Write out what the ledger holds at one moment"),
        "import": CommandEntry(
            "scripts.commands.audit.import_ledger",
            "Import an export of a ledger, or statements of exchanges and programs",
        ),
    },
    "Operate": {
        "diagnose": CommandEntry(
            "scripts.commands.operate.diagnose", "Look at everything that can be wrong, say how bad it is"
        ),
        "watch": CommandEntry(
            "scripts.commands.operate.watch", "Watch a ledger, and send alarms for what `status` and `diagnose` find"
        ),
        "metrics": CommandEntry(
            "scripts.commands.operate.metrics", "Print the metrics of a ledger in the text format of Prometheus"
        ),
        "snapshot": CommandEntry(
            "scripts.commands.operate.snapshot",
            "Ask an exchange for positions, plain and conditional orders and balances",
        ),
        "doctor": CommandEntry(
            "scripts.commands.operate.doctor", "Ask a PostgreSQL server to prove what a ledger needs"
        ),
        "reconcile": CommandEntry(
            "scripts.commands.operate.reconcile",
            "Compare the open positions of one account with a snapshot of the exchange",
        ),
        "recover": CommandEntry("scripts.commands.operate.recover", "List every cycle that is not done"),
        "instruments": CommandEntry(
            "scripts.commands.operate.instruments", "List the definitions of instruments, and those that are missing"
        ),
    },
    "Demonstrate": {
        "demo": CommandEntry("scripts.commands.demonstrate.demo", "Replay a real duplicate-position incident"),
        "reproduce": CommandEntry("scripts.commands.demonstrate.reproduce", "Reproduce how orders were doubled"),
        "bench": CommandEntry("scripts.commands.demonstrate.bench", "Measure the speed of the ledger"),
    },
    "Legacy, until the cut-over": {
        "import-legacy": CommandEntry(
            "scripts.legacy.import_legacy", "Import the table of positions that an old bot kept"
        ),
        "shadow": CommandEntry("scripts.legacy.shadow", "Run a ledger in the shadow of the old bot"),
        "analyze-logs": CommandEntry(
            "scripts.legacy.analyze_logs", "Read the log of an old bot: duplicate errors and the race behind each"
        ),
        "cleanup": CommandEntry("scripts.legacy.cleanup", "Find what an old bot left behind"),
    },
}

COMMANDS: Final = {name: entry for group in GROUPS.values() for name, entry in group.items()}

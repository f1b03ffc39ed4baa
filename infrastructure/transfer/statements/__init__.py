"""Files that exchanges and programs hand out about the past, read as facts, and imported as cycles.

    file ── sources/ ──▶ rows ── kinds/ ──▶ facts ── intake/sorting/ ──▶ facts of a key in order
                                                                                   │ intake/
    ledger ◀── written in bulk ── decided events ◀── commands, decided in memory ──┘

`kind_recognition` says which kind a file is of; a StatementKind, which is one constant in a module of `kinds/`, reads
its rows as the facts of `statement_facts`. `statement_import` goes the whole way, and `statement_report` says what
came of it.
"""

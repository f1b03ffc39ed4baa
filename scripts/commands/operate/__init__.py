"""Commands for operators: diagnose, reconcile, recover."""

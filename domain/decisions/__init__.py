"""The rules: what each command leads to, by what it is about."""

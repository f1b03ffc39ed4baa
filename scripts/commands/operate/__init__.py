"""Commands for operators: they find, report and correct what is wrong."""

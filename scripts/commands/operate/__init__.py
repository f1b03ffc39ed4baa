"""Commands for operators: what is wrong is found, told and mended."""

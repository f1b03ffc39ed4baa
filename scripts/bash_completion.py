"""Completion in bash, also of words that bash splits at a colon: `sqlite:///a.db`, `BTCUSDT.binance:LONG`."""

from __future__ import annotations

import os
from typing import Final

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

_SCRIPT: Final = r"""
%(complete_func)s() {
    local IFS=$'\n' completion type value line=${COMP_LINE:0:COMP_POINT}
    local word=${line##*[[:space:]]} taken=
    [[ $COMP_WORDBREAKS == *:* ]] && taken=${word%%"${word##*:}"}
    COMPREPLY=()
    for completion in $(env COMP_WORDS="$line" %(complete_var)s=bash_complete "$1"); do
        IFS=, read -r type value <<< "$completion"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$taken"}") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
"""Bash replaces only what follows the last colon of a word, so `taken`, all before it, is cut from each completion."""


class WholeWords(BashComplete):
    """Completion that gets the line up to the cursor from bash, and splits it into words itself."""

    source_template = _SCRIPT

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and the incomplete word at the cursor."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if not words or line[-1].isspace():
            return words, ""
        return words[:-1], words[-1]


def register() -> None:
    """Make click use this completion for bash."""
    add_completion_class(WholeWords)

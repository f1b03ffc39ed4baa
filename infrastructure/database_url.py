"""Parsing database URLs; messages never repeat a part that may be a password."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urlsplit

SCHEMES: Final = ("postgresql", "postgres")
SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
"""The options of libpq that are secret."""
_FORM: Final = "postgresql://USER:PASSWORD@HOST:PORT/NAME?OPTION=VALUE"
_ENCODING: Final = (
    "Percent-encode what stands for itself in user, password, name and values: %25 for %, %2F for /, %3F for ?, "
    "%23 for #, %40 for @, %5B and %5D for brackets, %20 for a blank"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HALF_ENCODED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_PASSWORD: Final = re.compile("(?<=://)([^/@:]*):.*(?=@)")
_PORT: Final = re.compile(r"(?:[^:\[\]]*|\[[^\]]*\])(?::[0-9]{0,5})?", re.ASCII)


def without_password(url: str) -> str:
    """A URL to be printed, without the secrets in it; whoever uses it gives them in another way, as in PGPASSWORD."""
    place, _, query = url.partition("?")
    options = "&".join(each for each in query.split("&") if unquote(each.partition("=")[0]) not in SECRETS)
    return _PASSWORD.sub(r"\1", place) + (f"?{options}" if options else "")


def split(text: str) -> SplitResult:
    """The parts of any URL. Refuses: ValueError, whose message repeats nothing of the URL."""
    if _CONTROL.search(text):
        raise ValueError("a control character stands in it, such as the end of a line")
    try:
        text.encode()
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"it is not a URL. {_ENCODING}") from None
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ValueError(f"what is percent-encoded in it is not UTF-8. {_ENCODING}") from None
    if parts.fragment or text.endswith("#"):
        raise ValueError(f"there is a # in it. {_ENCODING}")
    return parts


def split_postgres(text: str) -> SplitResult:
    """The parts of a URL for libpq, exactly as libpq splits it.

    Refuses: ValueError for a URL that can be read in two ways, because user or password are not encoded. Its message
    repeats nothing of the URL: what seems to be the host may be the rest of a password.
    """
    parts = split(text)
    if not text[len(parts.scheme) :].startswith("://"):
        raise ValueError(f"it does not read {_FORM}")
    authority = parts.netloc + parts.path
    if parts.netloc.count("@") > 1 or "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc):
        raise ValueError(f"there is an @ where none can be. {_ENCODING}")
    if any(letter.isspace() for letter in authority):
        raise ValueError(f"there is a blank in it. {_ENCODING}")
    if _HALF_ENCODED.search(authority + parts.query):
        raise ValueError(f"there is a % in it that two hexadecimal digits do not follow, or %00. {_ENCODING}")
    if not all(_PORT.fullmatch(host) for host in parts.netloc.rpartition("@")[2].split(",")):
        raise ValueError(f"what stands after the colon of its host is not the number of a port; it reads {_FORM}")
    return parts

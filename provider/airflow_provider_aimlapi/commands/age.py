"""Ages as people type them on the command line. Pure."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

_SECONDS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGE = re.compile(r"([0-9]{1,6})([hdw])\Z")


def parse_age_s(text: str) -> float:
    """Return the seconds of "12h", "30d" or "8w".

    Raises:
        ArgumentTypeError: the text has another form. argparse shows the message to the user.
    """
    match = _AGE.match(text.strip().lower())
    if match is None:
        raise ArgumentTypeError(f"{text!r} is not an age. Give hours, days or weeks, such as 30d")
    return int(match[1]) * _SECONDS[match[2]]

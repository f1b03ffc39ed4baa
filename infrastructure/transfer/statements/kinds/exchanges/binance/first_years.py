"""The years in which Binance began: a year of two digits that is earlier is none, but a day or a month."""

from typing import Final

OF_SPOT: Final = 2017
OF_FUTURES: Final = 2019

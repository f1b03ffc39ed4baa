"""A map says which column says what, and is refused with all that is wrong in it before a line is read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.values import plain
from infrastructure.transfer.statements.column_map import ColumnMap
from infrastructure.transfer.statements.kinds.mapped_csv import MAPPED_CSV
from infrastructure.transfer.statements.statement_facts import StatementFill
from infrastructure.transfer.statements.statement_kind import Whose
from infrastructure.transfer.transfer_errors import StatementRefused
from tests.infrastructure.transfer.statements.statement_text import fills_of, words

COLUMNS = '[columns]\ntime = "T"\nsymbol = "S"\nprice = "P"\nquantity = ["Q", "Filled"]\n'
SIDE = 'side = "Dir"\n'


def read(text: str, *lines: str) -> list[StatementFill]:
    return list(fills_of("\n".join(lines), MAPPED_CSV, Whose("okx", columns=ColumnMap.read(text))))


def refusal(text: str, *lines: str) -> str:
    with pytest.raises(StatementRefused) as refused:
        read(text, *lines)
    return refused.value.message


def test_a_quantity_below_zero_sells_where_the_map_says_so() -> None:
    fills = read(f"quantity_sign = true\n{COLUMNS}", "t,s,p,filled", "1773739452,ETH/USDT,2000,-3", "1773739453,X,2,3")
    assert [(fill.buys, str(fill.quantity)) for fill in fills] == [(False, "3"), (True, "3")]
    assert (
        refusal(COLUMNS + SIDE, "T,S,P,Q,Dir", "1773739452,ETH/USDT,2000,-3,buy")
        == "line 2: quantity '-3' is not above zero"
    )


def test_times_are_read_in_the_format_and_the_zone_of_the_map() -> None:
    said = f'time_format = "%d/%m/%y %H:%M"\nzone = "Europe/Moscow"\n{COLUMNS}{SIDE}'
    (fill,) = read(said, "T,S,P,Q,Dir", "17/03/26 12:24,ETH/USDT,2000,3,b")
    assert fill.time == datetime(2026, 3, 17, 9, 24, tzinfo=UTC)
    unsaid = refusal(COLUMNS + SIDE, "T,S,P,Q,Dir", "17/03/26 12:24,E/U,2,3,b")
    assert unsaid.endswith("with --map, a map says in time_format how a file of fills writes times")
    assert "time '2026-03-17' is not written like %d/%m/%y" in refusal(said, "T,S,P,Q,Dir", "2026-03-17,E/U,2,3,b")


@pytest.mark.parametrize("time_format", ["", 'time_format = "%Y-%m-%d %H:%M:%S"\n'])
@pytest.mark.parametrize(
    ("header", "column", "hour"),
    [
        *(("Time(UTC+8)", "Time(UTC+8)", 1), ("Time(UTC+8)", "time", 1), ("Date(UTC)", "Date(UTC)", 9)),
        *(("Time (UTC +8)", "time", 1), ("Time UTC + 08:00", "Time UTC + 08:00", 1), ("Time(GMT+8)", "time", 1)),
        *(("Time(UTC--5)", "time", 14), ("Time UTC--5", "Time UTC--5", 14)),
        *(("Time(UTC\u22125)", "time", 14), ("Time(UTC \u2212 5)", "Time(UTC \u2212 5)", 14), ("Time", "Time", 8)),
    ],
)
def test_a_column_that_says_its_zone_is_in_it_whatever_zone_is_given(
    header: str, column: str, hour: int, time_format: str
) -> None:
    said = f'{time_format}zone = "+01:00"\n{COLUMNS}{SIDE}'.replace('"T"', f'"{column}"')
    (fill,) = read(said, f"{header},S,P,Q,Dir", "2026-03-17 09:24:12,ETH/USDT,2000,3,b")
    assert fill.time == datetime(2026, 3, 17, hour, 24, 12, tzinfo=UTC)


def test_the_column_of_the_date_may_say_the_zone_and_two_columns_two_zones() -> None:
    said = f'{COLUMNS}{SIDE}date = "Day(UTC+8)"\n'
    (fill,) = read(said, "Day(UTC+8),T,S,P,Q,Dir", "2026-03-17,09:24:12,ETH/USDT,2000,3,b")
    assert fill.time == datetime(2026, 3, 17, 1, 24, 12, tzinfo=UTC)
    said = (COLUMNS + SIDE).replace('"T"', '"Closed(UTC+8)"')
    (fill,) = read(said, "Opened(UTC+7),Closed(UTC+8),S,P,Q,Dir", "x,2026-03-17 09:24:12,ETH/USDT,2000,3,b")
    assert fill.time == datetime(2026, 3, 17, 1, 24, 12, tzinfo=UTC)


def test_a_zone_that_is_written_as_a_word_is_said_in_the_map() -> None:
    said = f'time_format = "%Y-%m-%d %I:%M %p UTC"\nzone = "UTC"\n{COLUMNS}{SIDE}'
    (fill,) = read(said, "T,S,P,Q,Dir", "2026-03-17 09:24 PM UTC,ETH/USDT,2000,3,b")
    assert fill.time == datetime(2026, 3, 17, 21, 24, tzinfo=UTC)


def test_words_for_a_side_are_those_of_the_map() -> None:
    said = COLUMNS + SIDE + '[sides]\nbuy = ["Kauf ", "Long"]\nsell = "Verkauf"\n'
    fills = read(said, "T,S,P,Q,Dir", "1773739452,ETH/USDT,2000,3,kauf", "1773739453,ETH/USDT,2000,3,VERKAUF")
    assert [fill.buys for fill in fills] == [True, False]
    wrong = refusal(said, "T,S,P,Q,Dir", "1773739452,ETH/USDT,2000,3,buy")
    assert wrong == "line 2: side 'buy' is none of kauf, long, verkauf, as the map says in [sides]"


def test_an_exchange_that_is_said_is_not_another_one_than_that_of_the_map() -> None:
    said = COLUMNS + SIDE + '[constants]\nexchange = "OKEX"\n'
    (fill,) = read(said, "T,S,P,Q,Dir", "1773739452,ETH/USDT,2000,3,b")
    assert fill.key.exchange == "okx"
    said = COLUMNS + SIDE + 'exchange = "V"\n'
    assert refusal(said, "T,S,P,Q,Dir,V", "1773739452,ETH/USDT,2000,3,b,bybit") == (
        "line 2: the file says that it is of bybit, and --exchange says okx"
    )


def test_the_first_column_that_has_a_value_is_read() -> None:
    (fill,) = read(COLUMNS + SIDE, "T,S,P,Q,Filled,Dir", "1773739452000,ETH/USDT,2000,,3,SELL")
    assert words(fill).startswith("2: 2026-03-17T09:24:12.000000Z ETHUSDT.okx sells 3 at 2000, fee unknown")


@pytest.mark.parametrize("column", ["Dir,", "dir"])
def test_a_comma_within_the_quotes_of_a_name_may_be_in_the_map_or_not(column: str) -> None:
    """As KuCoin writes `"Fee Currency,"`."""
    said = COLUMNS + SIDE.replace("Dir", column)
    (fill,) = read(said, 'T,S,P,Q,"Dir,"', "1773739452,ETH/USDT,2000,3,SELL")
    assert not fill.buys


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("= 1", "the map is no TOML: "),
        ("", "it does not say where time, symbol, price, quantity, side stands, in [columns] or in [constants]"),
        (COLUMNS, "it does not say where side stands, in [columns] or in [constants]"),
        (COLUMNS + SIDE + 'colour = "x"\n', "columns.colour.[key]: Input should be 'time'"),
        (COLUMNS + SIDE + '[constants]\nside = "buy"\n', "it says side in [columns] and in [constants]"),
        (f'zone = "Mars"\n{COLUMNS}{SIDE}', "'Mars' is not a time zone"),
        (f'decimal = ","\nthousands = ","\n{COLUMNS}{SIDE}', "thousands and decimal are both ','"),
        (f'encoding = "martian"\n{COLUMNS}{SIDE}', "encoding 'martian' is none like cp1252"),
        (f'encoding = "base64"\n{COLUMNS}{SIDE}', "encoding 'base64' is none like cp1252"),
        (f"quantity_sign = true\n{COLUMNS}{SIDE}", "it says side and quantity_sign, and one of them says what buys"),
        (
            f'time_format = "%d.%m.%Y %H:%M %Z"\n{COLUMNS}{SIDE}',
            "of %Z in time_format '%d.%m.%Y %H:%M %Z' no zone is read",
        ),
        (
            f'time_format = "%d.%m.%Y %I:%M"\n{COLUMNS}{SIDE}',
            "counts to twelve, and needs %p for AM and PM; else it is %H",
        ),
        (f"contract_size = 0\n{COLUMNS}{SIDE}", "contract_size: Input should be greater than 0"),
        (COLUMNS + SIDE + 'fee = "p"\n', "it says price and fee of one column, 'P'"),
        (COLUMNS + SIDE + '[sides]\nbuy = ["B", "S"]\n', "in [sides] 'S' says both buy and sell"),
        (f'colour = "x"\n{COLUMNS}{SIDE}', "colour: is none of columns, constants, sides, symbols"),
        (COLUMNS + SIDE + '[sides]\nlong = "x"\n', "sides.long: is none of buy, sell"),
        (f"columns = 3\n{SIDE}", "columns: Input should be a valid dictionary"),
        (COLUMNS + SIDE + "[sides]\nbuy = 3\n", "sides.buy: "),
    ],
)
def test_what_is_wrong_in_a_map_is_named(text: str, says: str) -> None:
    assert says in refusal(text)


@pytest.mark.parametrize(
    ("spelled", "price", "is_read_as"),
    [
        ("", "2000.5", "2000.5"),
        ("", "2e3", "2000"),
        ('decimal = ","', "2000,5", "2000.5"),
        ('decimal = ","\nthousands = "."', "1.002.000,5", "1002000.5"),
        ('decimal = ","\nthousands = " "', "2\u202f000,5", "2000.5"),
        ('decimal = ","\nthousands = " "', "2\u00a0000", "2000"),
        ('thousands = "\'"', "2\u2019000.5", "2000.5"),
        ('thousands = ","', "2,000.50", "2000.5"),
        ('thousands = ","', "12,34,567", "1234567"),
    ],
)
def test_numbers_are_read_as_the_map_says_that_they_are_written(spelled: str, price: str, is_read_as: str) -> None:
    (fill,) = read(f'delimiter = ";"\n{spelled}\n{COLUMNS}{SIDE}', "T;S;P;Q;Dir", f"1773739452;ETH/USDT;{price};3;b")
    assert plain(fill.price) == is_read_as


@pytest.mark.parametrize(
    ("spelled", "price"),
    [
        ('decimal = ","', "2.000"),
        ('decimal = ","', "2.000,5"),
        ("", "2,5"),
        ('decimal = ","\nthousands = "."', "2.5"),
        ('decimal = ","\nthousands = "."', "2.0000"),
        ('thousands = ","', "2,5"),
        ('thousands = ","', "2,0,000"),
        ('thousands = " "', "2,000"),
        ("", "(-2)"),
        ("", "."),
    ],
)
def test_what_is_written_otherwise_is_never_read_as_another_number(spelled: str, price: str) -> None:
    said = refusal(f'delimiter = ";"\n{spelled}\n{COLUMNS}{SIDE}', "T;S;P;Q;Dir", f"1773739452;ETH/USDT;{price};3;b")
    assert said.startswith(f"line 2: price {price!r} is no number with ")
    assert said.endswith(", as the map says")


@pytest.mark.parametrize("quantity", ["3SOL", "3 SOL", "3"])
def test_a_quantity_may_have_what_is_bought_behind_it(quantity: str) -> None:
    (fill,) = read(COLUMNS + SIDE, "T,S,P,Q,Dir", f"1773739452,SOL/USDT,2,{quantity},b")
    assert (plain(fill.quantity), fill.key.symbol) == ("3", "SOLUSDT")


@pytest.mark.parametrize("quantity", ["6USDT", "3SO L", "3 cont"])
def test_a_quantity_of_something_else_is_refused(quantity: str) -> None:
    assert refusal(COLUMNS + SIDE, "T,S,P,Q,Dir", f"1773739452,SOL/USDT,2,{quantity},b").startswith(
        "line 2: quantity '"
    )


def test_what_has_its_unit_behind_it_is_no_number_of_contracts() -> None:
    counted = f'contract_size = "0.1"\n{COLUMNS}{SIDE}'
    (fill,) = read(counted, "T,S,P,Q,Dir", "1773739452,SOL/USDT,2,3,b")
    assert fill.in_contracts
    assert refusal(counted, "T,S,P,Q,Dir", "1773739452,SOL/USDT,2,3SOL,b") == (
        "line 2: quantity '3SOL' counts SOL, and the map says in contract_size that it counts contracts"
    )


def test_what_is_in_parentheses_is_below_zero() -> None:
    said = f'{COLUMNS}{SIDE}fee = "Fee"\nprofit = "PnL"\n'
    fills = read(
        said,
        "T,S,P,Q,Dir,Fee,PnL",
        "1773739452,ETH/USDT,2,3,b,0.5 BNB,0",
        "1773739453,ETH/USDT,1,3,s,(0.1),(3)",
        "1773739454,ETH/USDT,1,3,s,0,\u22123.5",
    )
    assert [(str(fill.fee), fill.fee_currency, str(fill.profit)) for fill in fills] == [
        ("0.5", "BNB", "0"),
        ("-0.1", None, "-3"),
        ("0", None, "-3.5"),
    ]


def test_lines_that_are_no_fills_are_left_out() -> None:
    said = f'{COLUMNS}{SIDE}[leave_out]\nState = ["Canceled", "Rejected"]\n'
    lines = ["1773739452,ETH/USDT,,,buy,CANCELED", "1773739453,ETH/USDT,2,3,buy,Filled", "1773739454,,,,,rejected"]
    assert [fill.line for fill in read(said, "T,S,P,Q,Dir,State", *lines)] == [3]
    assert refusal(said, "T,S,P,Q,Dir,State", "1773739453,ETH/USDT,,3,buy,new").startswith("line 2: price '' is not")
    assert "line 1: by the map what is left out by State stands in State" in refusal(said, "T,S,P,Q,Dir", "1,E/U,2,3,b")


def test_a_day_and_the_time_of_day_may_stand_apart() -> None:
    said = f'zone = "UTC"\ntime_format = "%d.%m.%Y %H:%M"\n{COLUMNS}{SIDE}date = "Day"\n'
    (fill,) = read(said, "Day,T,S,P,Q,Dir", "17.03.2026,09:24,ETH/USDT,2,3,b")
    assert fill.time == datetime(2026, 3, 17, 9, 24, tzinfo=UTC)
    (fill,) = read(
        f'zone = "UTC"\n{COLUMNS}{SIDE}date = "Day"\n', "Day,T,S,P,Q,Dir", "2026-03-17 00:00:00,09:24,E/U,2,3,b"
    )
    assert fill.time == datetime(2026, 3, 17, 9, 24, tzinfo=UTC)
    assert "time '09:24' is not written like" in refusal(said, "Day,T,S,P,Q,Dir", ",09:24,ETH/USDT,2,3,b")


def test_a_file_of_a_spreadsheet_is_read_in_its_encoding_with_lines_in_its_cells() -> None:
    text = 'T\tS\tP\tQ\tDir\tNote\n1773739452\tETH/USDT\t2\t3\tb\t"one\ntwo"\n1773739453\tETH/USDT\t2\t3\ts\t\n'
    whose = Whose("okx", columns=ColumnMap.read(f'delimiter = "\\t"\n{COLUMNS}{SIDE}'))
    fills = fills_of(text.encode("utf-16"), MAPPED_CSV, whose)
    assert [fill.buys for fill in fills] == [True, False]


def test_characters_are_read_in_the_encoding_of_the_map() -> None:
    text = "T,Währung,P,Q,Dir\n1773739452,ETH/USDT,2,3,b\n".encode("cp1252")
    said = COLUMNS.replace('"S"', '"Währung"') + SIDE
    (fill,) = fills_of(text, MAPPED_CSV, Whose("okx", columns=ColumnMap.read(f'encoding = "cp1252"\n{said}')))
    assert fill.key.symbol == "ETHUSDT"
    with pytest.raises(
        StatementRefused, match=r"line 1: is no text in UTF-8, by its byte 0xe4 .*; with --map, a map says its encoding"
    ):
        list(fills_of(text, MAPPED_CSV, Whose("okx", columns=ColumnMap.read(said))))


def test_two_columns_of_a_name_that_is_meant_are_refused() -> None:
    said = refusal(COLUMNS + SIDE, "T,S,P,Q,Dir,p", "1773739452,ETH/USDT,2,3,b,4")
    assert said == "line 1: 2 columns are called p; it is not known which is meant"
    assert read(COLUMNS + SIDE, "T,S,P,Q,Dir,Note,Note", "1773739452,ETH/USDT,2,3,b,x,y")


def test_keys_of_json_are_mapped_as_columns_are() -> None:
    said = COLUMNS.replace('"T"', '"fillTime"') + SIDE
    (fill,) = read(
        said, '[{"fillTime": 1773739452000, "S": "ETH/USDT", "P": 0.30000000000000004, "Q": 3, "Dir": "buy"}]'
    )
    assert (plain(fill.price), plain(fill.quantity)) == ("0.3", "3")
    refused = refusal(said, '{"time": 1773739452000, "S": "ETH/USDT"}')
    assert refused == "line 1: by the map time stands in fillTime; this file has time, s"
    nested = '{"fillTime": 1773739452000, "S": {"a": 1}, "P": 1, "Q": 3, "Dir": "buy"}'
    assert refusal(said, nested) == "line 1: symbol \"{'a': 1}\" is no text"


def test_keys_within_an_object_have_its_name_before_them() -> None:
    said = COLUMNS.replace('"P"', '"Fill.px"').replace('"Q"', '"fill.Size.whole"') + SIDE
    row = '{"T": 1773739452000, "S": "ETH/USDT", "fill": {"px": "2000", "size": {"whole": "3"}}, "Dir": "buy"}'
    (fill,) = read(said, row)
    assert (plain(fill.price), plain(fill.quantity)) == ("2000", "3")
    refused = refusal(said, row.replace('"px"', '"price"'))
    assert (
        refused == "line 1: by the map price stands in Fill.px; this file has t, s, fill, fill.price, fill.size, "
        "fill.size.whole, dir"
    )


def test_columns_that_are_not_there_are_named() -> None:
    said = refusal(COLUMNS + SIDE, "T,S,P,Dir", "1773739452,ETH/USDT,2000,buy")
    assert said == "line 1: by the map quantity stands in Q or Filled; this file has t, s, p, dir"


def test_a_side_that_the_map_does_not_know_is_named() -> None:
    said = refusal(COLUMNS + SIDE + '[sides]\nbuy = "Kauf"\n', "T,S,P,Q,Dir", "1773739452,ETH/USDT,2000,1,buy")
    assert said == "line 2: side 'buy' is none of kauf, sell, s, as the map says in [sides]"


def test_without_a_map_nothing_is_read() -> None:
    with pytest.raises(StatementRefused, match="give one with --map"):
        list(fills_of("a,b\n1,2\n", MAPPED_CSV, Whose("okx")))

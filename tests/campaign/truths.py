"""What all commands say of one ledger: every fact that two of them state is the same, by JSON and by text."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from domain.values import EXACT, OPEN_STATUSES, timestamp_text, utc
from projections.formatting import for_eyes
from scripts.options.filters import EVERYTHING
from scripts.serving.past import PastStatus
from scripts.serving.recent_results import ResultsReader
from tests.campaign.asked import Asked
from tests.campaign.plain_count import PlainCycle

EVER: Final = ("--since", "2020-01-01T00:00:00Z", "--until", "2040-01-01T00:00:00Z")
MIDDLE: Final = "2025-10-22T19:10:00Z"
GROUPS: Final = ("day", "week", "month", "year", "symbol", "exchange", "account", "side", "reason", "intent,side")
OF_CYCLES: Final = ("incomplete", "unprotected", "outcome_unknown", "rolling_back", "orders")
SEVERITIES: Final = ("ok", "warning", "critical")
HOUR: Final = timedelta(hours=1)
Json = dict[str, Any]
Names = set[str]


def named(found: Iterable[Json]) -> Names:
    return {each["position_id"] for each in found}


def number(text: str | None) -> Decimal:
    return Decimal(0 if text is None else text)


def total(texts: Iterable[str]) -> Decimal:
    with localcontext(EXACT):
        return sum(map(Decimal, texts), Decimal(0))


def is_open(row: Json) -> bool:
    return row["status"] in OPEN_STATUSES


class Truths:
    """The answers of all commands about one ledger."""

    def __init__(self, asked: Asked, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.rows: list[Json] = asked.json("positions")
        self.status: Json = asked.json("status")
        self.lines: dict[str, Json] = {line["position"]["position_id"]: line for line in self.status["positions"]}
        needing = asked.json("positions", "--unprotected")
        self.bare = named(row for row in needing if number(row["quantity"]))
        self.if_held = named(needing) - self.bare
        self.needy = {name for name, line in self.lines.items() if line["findings"]}

    @cached_property
    def stories(self) -> dict[str, Json]:
        asked = (self.asked.json("history", row["position_id"], "--story") for row in self.rows)
        return {row["position_id"]: story for row, (story,) in zip(self.rows, asked, strict=True)}

    @cached_property
    def sections(self) -> dict[str, Json]:
        return {section["check"]: section for section in self.asked.json("diagnose")["sections"]}

    @cached_property
    def metrics(self) -> Callable[..., Decimal]:
        path = self.folder / "metrics.prom"
        self.asked.text("metrics", "--textfile", str(path))
        lines = (
            re.fullmatch(r"position_ledger_(\w+?)(?:\{(.*)\})? (\S+)", line) for line in path.read_text().splitlines()
        )
        samples = [(line[1], dict(re.findall(r'(\w+)="([^"]*)"', line[2] or "")), line[3]) for line in lines if line]

        def summed(name: str, **labels: str) -> Decimal:
            return total(value for each, of, value in samples if each == name and labels.items() <= of.items())

        return summed

    def agree(self) -> None:
        self.the_events_say_so()
        self.the_lists_are_one()
        self.the_past_that_is_now_is_now()
        self.filters_take_parts()
        self.whoever_judges_finds_the_same()
        self.an_exchange_that_shows_the_same_says_so()
        self.the_page_says_so()
        self.the_story_says_so()
        self.times_add_up()
        self.money_adds_up()
        self.tables_for_people_say_so()
        self.copies_say_so()

    # -- what is there --------------------------------------------------------------------------------------------

    def the_events_say_so(self) -> None:
        """Status, quantity, coverage, fees and profit, counted by an oracle."""
        for row in self.rows:
            cycle = PlainCycle.of(self.asked.json("history", row["position_id"]))
            assert (row["status"], row["side"], row["stray"]) == (cycle.status, cycle.side, cycle.is_stray)
            assert Fraction(row["quantity"]) == cycle.held
            by_choice = cycle.is_open and cycle.protection == "bot"
            if cycle.held and cycle.is_covered is not None:
                assert row["protected"] == (cycle.is_open and cycle.is_covered), row
                if not (row["stray"] and row["position_id"] not in self.bare):  # unless a later cycle took it over
                    is_bare = not by_choice and not row["protected"]
                    assert (row["position_id"] in self.bare) == is_bare
            if row["stray"]:
                says = [each for each in self.asked.json("history", row["stream"]) if _says_what_is_held(each, row)]
                assert row["position_id"] in self.bare or says
                assert row["position_id"] not in self.bare or not [
                    each for each in says if each["ts_event"] >= row["updated_at"]
                ]
            if row["leg"] != "SPOT":
                assert cycle.quantity in (None, cycle.held), (cycle.quantity, row)
                fees = {row["settle_currency"]: row["fees"], **row["fees_other"]}
                paid = {currency: Fraction(fee) for currency, fee in fees.items() if number(fee)}
                assert cycle.fees(row["settle_currency"]) in (None, paid)
            if row["leg"] != "SPOT" and not row["inverse"]:
                profit = cycle.profit(Fraction(row["contract_size"]))
                assert profit is None or profit == Fraction(row["realized_pnl"])

    def the_lists_are_one(self) -> None:
        by_name = {row["position_id"]: row for row in self.rows}
        opened = self.asked.json("positions", "--open")
        assert named(opened) == {name for name, row in by_name.items() if is_open(row)} | self.bare == {*self.lines}
        for row in [*opened, *(line["position"] for line in self.lines.values())]:
            assert row == by_name[row["position_id"]]
        exported = self.asked.text("export", "--what", "positions").splitlines()
        for row, line in zip(self.rows, exported[1:-1], strict=True):
            assert json.loads(line).items() >= row.items()
        table = csv.DictReader(io.StringIO(self.asked.text("export", "--what", "positions", "--format", "csv")))
        for row, cells in zip(self.rows, table, strict=True):
            assert {name: cells[name] for name, value in row.items() if isinstance(value, str)} == {
                name: value for name, value in row.items() if isinstance(value, str)
            }

    def the_past_that_is_now_is_now(self) -> None:
        now = timestamp_text(self.asked.now)
        with self.asked.ledger() as ledger:
            end = ledger.store.last_event()
        last = 0 if end is None else end.id
        for words in ((), ("--open",), ("--unprotected",)):
            for moment in (now, f"#{last}", "1000"):
                asked = self.asked.json("positions", *words, "--as-of", moment)
                assert asked == self.asked.json("positions", *words), (words, moment)

    def filters_take_parts(self) -> None:
        """Of every account what there is of it, by each command that has filters."""
        recovered = self.asked.json("recover")["unfinished"]
        for exchange, account in {(row["exchange"], row["account"]) for row in self.rows}:
            only = ("--exchange", exchange, "--account", account or "")

            def is_of_it(row: Json, place: tuple[str, str | None] = (exchange, account)) -> bool:
                return (row["exchange"], row["account"]) == place

            assert self.asked.json("positions", *only) == [row for row in self.rows if is_of_it(row)]
            status = self.asked.json("status", *only)
            assert status["positions"] == [line for line in self.lines.values() if is_of_it(line["position"])]
            assert status["unprotected"] == self.metrics(
                "unprotected_positions", exchange=exchange, account=account or ""
            )
            assert self.asked.json("recover", *only)["unfinished"] == [*filter(is_of_it, recovered)]
            mine = [row for row in self.over() if is_of_it(row)]
            self.sums_are_of(mine, self.asked.json("pnl", *EVER, *only)["total"])

    # -- what is wrong --------------------------------------------------------------------------------------------

    def whoever_judges_finds_the_same(self) -> None:
        """Open, held, unprotected, late, in need of a person: `status`, `diagnose`, `recover`, `watch`, metrics, …"""
        status, says = self.status, self.sections["unprotected"]["says"]
        held = {name for name, line in self.lines.items() if number(line["position"]["quantity"])}
        counts = {
            "open": len(self.lines),
            "held": len(held),
            "unprotected": len(self.bare),
            "unprotected_if_held": len(self.if_held),
            "need_a_person": len(self.needy),
        }
        assert counts.items() <= status.items()
        assert self.bare == {name for name, line in self.lines.items() if line["unprotected"]}
        assert says.startswith(f"{len(self.bare)} of {len(held)} held positions")
        for words, count in {
            "unprotected if held": len(self.if_held),
            "unprotected by choice": status["unprotected_by_choice"],
        }.items():
            assert f"and {count} {words}" in says if count else words not in says
        in_time = [re.search(r"(\d+) (?:of them )?within the time", each) for each in (says, status["verdict"])]
        assert len({each and each[1] for each in in_time}) == 1, in_time
        found = {(check, each["subject"]): each for check in OF_CYCLES for each in self.sections[check]["findings"]}
        assert {subject for _, subject in found} == self.needy
        for name, line in self.lines.items():
            assert {each["message"] for each in line["findings"]} >= {
                each["message"] for (_, subject), each in found.items() if subject == name
            }
        assert not self.sections["damage"]["findings"]
        self._the_alarms_are_those()
        self._what_is_unfinished_is_that()
        statistics, report = self.asked.json("stats", *EVER), self.asked.json("report", *EVER)
        assert {*statistics["unprotected_now"]} == self.bare
        assert {*statistics["unprotected_if_held"]} == self.if_held
        assert len(statistics["unprotected_by_choice"]) == status["unprotected_by_choice"]
        assert report["statistics"] == statistics
        assert [each["position_id"] for each in report["open"]] == [*self.lines]
        assert named(each for each in report["open"] if each["unprotected_seconds"] is not None) == self.bare
        strays = self.bare & named(row for row in self.rows if not is_open(row))
        invalid = next(each for each in statistics["criteria"] if each["name"] == "invalid_states")
        assert strays <= {*invalid["offenders"]}
        for name, count in {
            "open_positions": sum(map(is_open, self.rows)),
            "held_positions": len(held),
            "unprotected_positions": len(self.bare),
            "unprotected_if_held_positions": len(self.if_held),
            "unprotected_by_choice_positions": status["unprotected_by_choice"],
            "positions_total": len(self.rows),
            "events_total": self.asked.json("anchor")["events"],
            "refusals_total": statistics["rejections"]["total"],
            "late_duplicates_total": statistics["rejections"]["late"],
        }.items():
            assert self.metrics(name) == count, name
        ages = [number(self.lines[name]["age_seconds"]) for name in self.bare]
        assert float(self.metrics("oldest_unprotected_seconds")) == float(max([Decimal(0), *ages]))
        for check in OF_CYCLES:
            for severity in SEVERITIES[1:]:
                findings = [each for each in self.sections[check]["findings"] if each["severity"] == severity]
                assert self.metrics("findings", check=check, severity=severity) == len(findings)

    def _the_alarms_are_those(self) -> None:
        """One alarm a check and position, as severe as the worst of its findings."""
        notices = [*map(json.loads, self.asked.text("watch", "--once", "--json").splitlines())]
        rung = {(each["check"], each["subject"]): each["severity"] for each in notices}
        worst: dict[tuple[str, str], str] = {}
        for check, section in self.sections.items():
            for each in section["findings"] if check != "database" else ():
                before = worst.get((check, each["subject"]), "ok")
                worst[check, each["subject"]] = max(before, each["severity"], key=SEVERITIES.index)
        assert rung == worst

    def _what_is_unfinished_is_that(self) -> None:
        recovered = self.asked.json("recover")
        unfinished = {each["position_id"]: each for each in recovered["unfinished"]}
        late = {name for name, each in unfinished.items() if each["overdue"]}
        critical = {name for name, line in self.lines.items() if line["severity"] == "critical"}
        failed = named(row for row in self.rows if row["rollback_failed"])
        assert critical - failed <= late <= self.needy <= {*unfinished} <= {*self.lines}
        assert {*recovered["need_attention"]} == late
        for name, each in unfinished.items():
            assert each["unprotected_since"] == self.lines[name]["position"]["unprotected_since"]
        with self.asked.ledger() as ledger:
            missing = {order.position_id for order in ledger.pending_orders() if order.is_missing}
            rows = ledger.positions(open=True)
            closing = {row.position_id for row in rows if row.orders.live("exit") or row.orders.live("rollback")}
            assert missing <= self.bare <= missing | closing

    def an_exchange_that_shows_the_same_says_so(self) -> None:
        """What `reconcile` finds beside an account in which all is as in the ledger: what is unprotected, and late."""
        accounts: dict[tuple[str, str | None], list[Json]] = {}
        for name in self.lines:
            row = self.lines[name]["position"]
            accounts.setdefault((row["exchange"], row["account"]), []).append(row)
        for (exchange, account), rows in accounts.items():
            if any(row["stray"] or row["leg"] == "SPOT" or row["contract_size"] != "1" for row in rows):
                continue  # strays and balances are compared otherwise, and what a unit is, no snapshot says
            if any(number(row["quantity"]) and row["avg_px_open"] is None for row in rows):
                continue  # an exchange knows the average of what it holds
            shown = self.folder / f"{exchange} {account}.json"
            shown.write_text(json.dumps(_account(exchange, account, rows, timestamp_text(self.asked.now))))
            found = self.asked.json("reconcile", "--snapshot", str(shown))
            for kind in ("quantity_mismatches", "side_mismatches", "orphans", "strays"):
                assert not found[kind], found[kind]
            assert not [each for each in found["phantoms"] if number(each["ledger"]["quantity"])]
            if found["protection_judged"]:
                bare = named(rows) & self.bare
                late = named(each for each in self.asked.json("recover")["unfinished"] if each["overdue"])
                assert bare & late <= named(found["unprotected"] + found["unjudged"])
                assert named(found["unprotected"]) <= bare

    def the_page_says_so(self) -> None:
        """How the live page shows it now, and as of a moment that is now; and what was earned."""
        with self.asked.ledger() as ledger:
            for at in (None, timestamp_text(self.asked.now)):
                page = PastStatus.read(
                    ledger, EVERYTHING, HOUR, now=self.asked.now, at=at, by=None, beside=lambda _: ()
                )
                shown = json.loads(json.dumps([line.as_json() for line in page.status.lines], default=str))
                assert [(each["state"], each["severity"], each["since"]) for each in shown] == [
                    (line["state"], line["severity"], line["since"]) for line in self.lines.values()
                ]
            lately = ResultsReader(ledger, EVERYTHING)._seen(self.asked.now)
        since = timestamp_text(lately.window.since)
        sums = {each["currency"]: each for each in self.asked.json("pnl", "--since", since)["total"]}
        assert {each.currency for each in lately.earnings} == {*sums}
        for each in lately.earnings:
            earned, summed = each.since(lately.window.since), sums[each.currency]
            assert (earned.cycles, earned.unknown) == (summed["cycles"], summed["net_unknown"])
            assert earned.net == number(summed["net_known"])

    def the_story_says_so(self) -> None:
        for row in self.rows:
            name, story = row["position_id"], self.stories[row["position_id"]]
            facts = dict(story["facts"])
            assert ("UNPROTECTED" in story["headline"]) == (name in self.bare)
            assert any(gap["to"] is None for gap in story["gaps"]) == (name in self.bare)
            assert facts["Events"] == str(len(self.asked.json("history", name)))
            assert facts["Rivals refused"] == str(story["refused"])
            held = facts.get("Open now", facts.get("Held after its end", "0"))
            assert held.split(",")[0].split()[0] == row["quantity"]
            if "Entered" in facts:
                assert facts["Entered"].split()[0].rstrip(",") == row["filled_qty"]
            if "Earned" in facts:
                currency = "" if row["settle_currency"] is None else f" {row['settle_currency']}"
                known = row["realized_pnl"]
                assert facts["Earned"].startswith(f"profit {'unknown' if known is None else known + currency}")
            else:
                assert not number(row["realized_pnl"])

    def times_add_up(self) -> None:
        """How long it was unprotected: by story, statistics and report, in one window and in the two that make it."""
        known = [gap for story in self.stories.values() for gap in story["gaps"]]
        everything = self.asked.json("stats", *EVER)
        assert number(everything["unprotected_seconds"]) == total(gap["seconds"] for gap in known)
        longest = next(each for each in everything["criteria"] if each["name"] == "unprotected_longest_seconds")
        assert number(longest["value"]) == max([Decimal(0), *(number(gap["seconds"]) for gap in known)])
        before = self.asked.json("stats", *EVER[:2], "--until", MIDDLE)
        after = self.asked.json("stats", "--since", MIDDLE, *EVER[2:])
        parts = (before["unprotected_seconds"], after["unprotected_seconds"])
        assert total(parts) == number(everything["unprotected_seconds"])
        for count in ("opened", "imported"):
            assert before[count] + after[count] == everything[count]
        own = [row for row in self.rows if row["source"] != "import"]
        for status, count in everything["by_status"].items():
            assert count == sum(row["status"] == status for row in own)
        report = self.asked.json("report", *EVER)
        assert report["cycles"] == len(self.rows)
        for each in report["longest_unprotected"]:
            gaps = [gap for gap in self.stories[each["position_id"]]["gaps"] if number(gap["seconds"])]
            assert (each["times"], number(each["seconds_in_all"])) == (
                len(gaps),
                total(gap["seconds"] for gap in gaps),
            )
        for each in report["open"]:
            line, events = self.lines[each["position_id"]], self.asked.json("history", each["position_id"])
            times = [utc(event["ts_event"]) for event in events]
            if line["unprotected"] and times == sorted(times) and times[-1] <= self.asked.now:
                assert each["unprotected_seconds"] == line["age_seconds"]  # by a clock that never ran back
        day = self.asked.json("diagnose", "--mode", "report")["last_24_hours"]
        statistics = self.asked.json("stats")
        assert {*day["by_status"].items()} == {item for item in statistics["by_status"].items() if item[1]}
        assert (day["criteria"], day["rejections"]) == (statistics["criteria"], statistics["rejections"])

    # -- what it earned -------------------------------------------------------------------------------------------

    def over(self) -> list[Json]:
        """The rows whose money `pnl` and `stats` count."""
        return [
            row
            for row in self.rows
            if not is_open(row)
            and row["position_id"] not in self.bare
            and row["source"] != "import"
            and (number(row["filled_qty"]) or row["cash"])
        ]

    def sums_are_of(self, rows: list[Json], sums: list[Json]) -> None:
        assert {each["currency"] for each in sums} == {row["settle_currency"] for row in rows}
        for each in sums:
            mine = [row for row in rows if row["settle_currency"] == each["currency"]]
            for name, known, unknown in (
                ("realized_pnl", "realized_pnl", "unknown"),
                ("net_pnl", "net_known", "net_unknown"),
            ):
                told = [row[name] for row in mine if row[name] is not None]
                assert (number(each[known]), each[unknown]) == (total(told), len(mine) - len(told)), name
            assert (each["cycles"], number(each["fees"])) == (len(mine), total(row["fees"] for row in mine))

    def money_adds_up(self) -> None:
        found = self.asked.json("pnl", *EVER)
        self.sums_are_of(self.over(), found["total"])
        assert found["total"] == self.asked.json("stats", *EVER)["profit"]
        for by in GROUPS:
            grouped = self.asked.json("pnl", *EVER, "--by", by)
            assert grouped["total"] == found["total"]
            for group in grouped["groups"] if by in ("symbol", "exchange", "account", "side") else ():
                mine = [
                    row
                    for row in self.over()
                    if [row[by], row["settle_currency"]] == [*group["names"], group["currency"]]
                ]
                assert group["cycles"] == len(mine)
            table = [*csv.DictReader(io.StringIO(self.asked.text("pnl", *EVER, "--by", by, "--csv")))]
            for name in ("realized_pnl", "net_known", "fees"):
                assert [line[name] for line in table] == [group[name] for group in grouped["groups"]]
                for each in found["total"]:
                    parts = [group for group in grouped["groups"] if group["currency"] == each["currency"]]
                    assert total(part[name] for part in parts) == number(each[name])
        for place in {(row["exchange"], row["account"], row["settle_currency"]) for row in self.rows}:
            mine = [row for row in self.rows if (row["exchange"], row["account"], row["settle_currency"]) == place]
            labels = dict(zip(("exchange", "account", "currency"), (each or "" for each in place), strict=True))
            for name in ("realized_pnl", "net_pnl", "fees"):
                summed = total(row[name] for row in mine if row[name] is not None)
                assert float(self.metrics(name, **labels)) == float(summed), name
            unknown = sum(row["realized_pnl"] is None for row in mine)
            assert self.metrics("unknown_pnl_positions", **labels) == unknown

    # -- for people, and elsewhere --------------------------------------------------------------------------------

    def tables_for_people_say_so(self) -> None:
        text = self.asked.text("status", "--wide", "--limit", "99")
        assert self.status["verdict"].partition(": position-ledger")[0] in text
        for name, line in self.lines.items():
            assert re.search(rf"^{line['severity']} +{re.escape(name)} +{line['state']} ", text, re.MULTILINE), text
        for row in self.asked.text("positions", "--wide").splitlines()[2:]:
            name = row.partition(" ")[0]
            assert ("UNPROTECTED" in row, "unprotected if held" in row) == (name in self.bare, name in self.if_held)
        report = self.asked.json("report", *EVER)
        assert f"{len(report['open'])} of them open now" in self.asked.text("report", *EVER)
        recovered = self.asked.json("recover")
        counts = f"{len(recovered['unfinished'])} unfinished, {len(recovered['need_attention'])} in need of attention"
        assert self.asked.text("recover").startswith(counts)
        now = re.search(r"; now: (.*)", self.asked.text("stats", *EVER))
        assert now is not None and {*now[1].split(", ")} == (self.bare or {"none"})
        earned = self.asked.text("pnl", *EVER, "--wide")
        for each in self.asked.json("pnl", *EVER)["total"]:
            (shown,) = re.findall(rf"^total +{each['currency'] or ''} .*", earned, re.MULTILINE)
            assert for_eyes(number(each["realized_pnl"])) in shown.split()

    def copies_say_so(self) -> None:
        """Rebuilt, and exported and imported, it is the same ledger."""
        self.asked.text("export", "--output", str(self.folder / "ledger.jsonl"))
        copy = Asked(f"sqlite:///{self.folder}/copy.db", self.asked.now)
        copy.text("import", str(self.folder / "ledger.jsonl"))
        assert "; 0 rows were wrong" in self.asked.text("rebuild")
        self.is_said_of(copy)
        self.is_said_of(Asked(self.asked.url, self.asked.now))

    def is_said_of(self, other: Asked) -> None:
        """Another ledger, of the same events, is told of by the same words."""
        for words in (
            *(("positions",), ("positions", "--unprotected"), ("recover",), ("anchor",)),
            *(("report", *EVER), ("pnl", *EVER), ("diagnose", "--mode", "report", "--skip-verify")),
        ):
            mine, theirs = self.asked.json(*words), other.json(*words)
            for each in (mine, theirs):
                if words[0] == "anchor":  # there may be gaps between places of PostgreSQL
                    del each["nid"]
                if words[0] == "diagnose":  # the database, and how far its statistics have come, are its own
                    each["sections"] = [one for one in each["sections"] if one["check"] in OF_CYCLES]
                    del each["severity"], each["ok"]
                    for finding in (found for section in each["sections"] for found in section["findings"]):
                        del finding["advice"]  # it names the ledger
            assert mine == theirs, words


def _says_what_is_held(event: Json, stray: Json) -> bool:
    """Whether a later cycle records what the exchange holds of the key, and so may take a stray over."""
    is_word = {
        "PositionAdjusted": not event.get("price_only"),
        "PositionAdopted": event.get("trade_id") is None,
        "RolledBack": (event.get("evidence") or {}).get("position_quantity") == "0",
    }
    return event["cycle"] > stray["cycle"] and is_word.get(event["type"], False)


def _account(exchange: str, account: str | None, rows: Iterable[Json], at: str) -> Json:
    """An account that holds what these rows say, with their stops."""
    positions, orders = [], []
    for place, row in enumerate(row for row in rows if number(row["quantity"])):
        symbol = row["symbol"] if "/" in row["symbol"] else f"{row['symbol'].removesuffix('USDT')}/USDT:USDT"
        leg = {} if row["leg"] == "BOTH" else {"hedged": True, "positionSide": row["leg"]}
        price = {"contracts": row["quantity"], "entry_price": row["avg_px_open"]}
        positions.append({"symbol": symbol, "side": row["side"], **price, **leg})
        for order in row["orders"]:
            if order["role"] != "stop" or order["ended"]:
                continue
            stop = {"order_id": order["exchange_order_id"] or f"stop {place}", "stopPrice": order["price"]}
            if order["requested_qty"] is not None:
                stop["amount"] = str(number(order["requested_qty"]) - number(order["filled_qty"]))
            side = "sell" if row["side"] == "long" else "buy"
            orders.append({"symbol": symbol, "type": "stop_market", "side": side, "reduceOnly": True, **stop, **leg})
    named_so: Json = {"exchange": exchange, "account": account, "timestamp": at, "conditional_orders": []}
    return {**named_so, "positions": positions, "orders": orders}

"""Limits: use of each window, exact by the log's own clock, whatever the order of lines and the time of a look."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from exporter.clock import Clock
from exporter.limits.calendar import WINDOWS
from exporter.limits.usage import Limits
from exporter.limits.use import UNITS, Limit, Use
from exporter.metrics.exposition import render
from exporter.metrics.series import Series
from exporter.metrics.store import Store

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = (Limit(unit="requests", window="1m", amount=60),)


def at(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()


NOON = at("2026-03-03T12:00:00+01:00")


def spend(use: Use, unit: str, amount: float) -> None:
    """Add an amount that is not yet assigned to windows, as a fold does."""
    if not use.waiting:
        use.wait()
    setattr(use, unit, getattr(use, unit) + amount)


class Key:
    """Limits of one key, `acme`, counted and looked at as the pipeline does it."""

    def __init__(self, *limits: Limit, grace: float = 5, zone: ZoneInfo = BERLIN) -> None:
        self.store = Store()
        # The wall clock: late enough for all times that are not tried against it.
        self.wall = at("2100-01-01T00:00:00Z")
        self.limits = Limits(self.store, Clock(lambda: self.wall))
        self.configure(*limits, grace=grace, zone=zone)

    def configure(self, *limits: Limit, grace: float = 5, zone: ZoneInfo = BERLIN) -> None:
        self.limits.configure(plans={"plan": limits}, zone=zone, grace=grace)
        self.limits.register({"acme": "plan"})

    def spend(self, time: float, unit: str = "requests", amount: float = 1, refused: bool = False) -> None:
        use = self.limits.use("acme", refused)
        assert use
        spend(use, unit, amount)
        self.limits.assign_to(self.limits.calendar.period(time))

    def gauge(self, name: str, window: str, unit: str = "requests") -> float | None:
        family = self.store.families[name]
        if found := family.series.get(("acme", unit, window)):
            assert isinstance(found, Series)
            return found.value
        assert family.sheet
        start = f'{name}{{key="acme",unit="{unit}",window="{window}"}} '.encode()
        lines = b"".join(family.sheet.render()).splitlines()
        return next((float(line.removeprefix(start)) for line in lines if line.startswith(start)), None)

    def used(self, window: str, now: float | None = None, unit: str = "requests") -> tuple[float | None, float | None]:
        """Use of the running and of the last whole window."""
        self.limits.update_gauges(now)
        return self.gauge("gateway_limit_used", window, unit), self.gauge("gateway_limit_used_last", window, unit)

    def reset(self, window: str) -> float | None:
        return self.gauge("gateway_limit_reset_timestamp_seconds", window)


def test_a_window_ends_with_the_first_line_of_the_next() -> None:
    """By the log's clock: no wall clock is needed."""
    key = Key(*MINUTE)
    key.spend(NOON)
    key.spend(NOON + 59.999)
    assert (key.used("1m"), key.reset("1m")) == ((2, 0), NOON + 60)
    key.spend(NOON + 60)
    assert (key.used("1m"), key.reset("1m")) == ((1, 2), NOON + 120)
    key.spend(NOON + 180)
    assert key.used("1m") == (1, 0)


def test_the_window_of_an_idle_key_ends_by_the_wall_clock_after_the_grace() -> None:
    """Only while all that was logged is counted, and never before the grace is over."""
    key = Key(*MINUTE, grace=5)
    key.spend(NOON + 10)
    assert key.used("1m", now=NOON + 64.9) == (1, 0)
    assert key.used("1m", now=None) == (1, 0)
    assert (key.used("1m", now=NOON + 65), key.reset("1m")) == ((0, 1), NOON + 120)
    assert key.used("1m", now=NOON + 125) == (0, 0)
    assert key.used("1m", now=None) == (0, 0)


def test_a_late_line_counts_in_its_own_window() -> None:
    """In the last whole one it is shown; what is older is in windows that nobody sees, but in its month."""
    key = Key(*MINUTE)
    key.spend(NOON + 60)
    key.spend(NOON + 59)
    assert key.used("1m") == (1, 1)
    key.spend(NOON - 1)
    assert key.used("1m") == (1, 1)
    key.spend(NOON + 58)
    assert key.used("1m") == (1, 2)
    assert key.used("1mo") == (4, 0)
    key.used("1m", now=NOON + 125)
    key.spend(NOON + 119)
    assert key.used("1m") == (0, 2)


def test_what_no_gauge_can_show_is_not_kept() -> None:
    """A day of minutes, and late lines, take no room."""
    key = Key(*MINUTE)
    use = key.limits.use("acme", False)
    assert use
    for minute in range(1440):
        key.spend(NOON + 60 * minute)
        key.spend(NOON + 60 * minute - 600)
        assert {name: len(starts) for name, starts in use.windows.items() if len(starts) > 3} == {}
    assert len(use.windows["1m"]) == 2


@pytest.mark.parametrize("count_refused", [False, True])
def test_refused_requests_use_up_a_limit_only_where_the_plan_says_so(count_refused: bool) -> None:
    """For each unit and window of the plan; what has no limit leaves them out."""
    key = Key(Limit(unit="requests", window="1m", amount=60, count_refused=count_refused))
    key.spend(NOON, amount=3)
    key.spend(NOON, amount=4, refused=True)
    assert key.used("1m") == (7 if count_refused else 3, 0)
    assert key.used("1d") == (3, 0)


def test_the_month_is_right_on_its_first_and_last_day_and_where_clocks_are_set() -> None:
    """March 2026 in Berlin: from winter to summer."""
    key = Key(Limit(unit="requests", window="1mo", amount=20_000))
    key.spend(at("2026-02-28T23:59:59.999+01:00"))
    for moment in ("2026-03-01T00:00:00+01:00", "2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"):
        key.spend(at(moment))
    assert (key.used("1mo"), key.reset("1mo")) == ((3, 1), at("2026-04-01T00:00:00+02:00"))
    key.spend(at("2026-03-31T23:59:59.999+02:00"))
    assert key.used("1mo", now=at("2026-04-01T00:00:04+02:00")) == (4, 1)
    assert (key.used("1d"), key.reset("1d")) == ((1, 0), at("2026-04-01T00:00:00+02:00"))
    assert key.used("1mo", now=at("2026-04-01T00:00:05+02:00")) == (0, 4)
    key.spend(at("2026-04-01T00:00:00+02:00"))
    assert (key.used("1mo"), key.reset("1mo")) == ((1, 4), at("2026-05-01T00:00:00+02:00"))


def test_what_is_shown_of_keys_with_and_without_a_plan() -> None:
    """Requests of a day and a month of every registered key; limits as the plan has them; nobody else."""
    store = Store()
    plan = (
        Limit(unit="requests", window="1mo", amount=20_000, scope="gateway"),
        Limit(unit="cost", window="1h", amount=2.5),
    )
    limits = Limits(store, Clock())
    limits.configure(plans={"pro": plan}, zone=BERLIN, grace=5)
    limits.register({"acme": "pro", "zeta": ""})
    assert limits.user("unknown", "eta") == ""
    limits.update_gauges(NOON + 5)
    shown = [line for line in b"".join(render(store)[0]).decode().splitlines() if not line.startswith("#")]
    day, month = int(at("2026-03-04T00:00:00+01:00")), int(at("2026-04-01T00:00:00+02:00"))
    assert shown == [
        'gateway_limit{key="acme",unit="requests",window="1mo",scope="gateway"} 20000',
        'gateway_limit{key="acme",unit="cost",window="1h",scope="global"} 2.5',
        *(
            f'{name}{{key="{key}",unit="{unit}",window="{window}"}} {0 if "used" in name else reset}'
            for name in ("gateway_limit_used", "gateway_limit_used_last", "gateway_limit_reset_timestamp_seconds")
            for key, unit, window, reset in (
                ("acme", "requests", "1mo", month),
                ("acme", "cost", "1h", int(NOON) + 3600),
                ("acme", "requests", "1d", day),
                ("zeta", "requests", "1d", day),
                ("zeta", "requests", "1mo", month),
            )
        ),
    ]


def test_without_a_registry_nothing_is_divided_and_nothing_shown() -> None:
    """It costs nothing, then; other boundaries divide, and a registry may come later."""
    store = Store()
    limits = Limits(store, Clock())
    limits.configure(plans={}, zone=BERLIN, grace=5, windows=())
    limits.update_gauges(NOON)
    assert (limits.calendar.divides, render(store)[0]) == (False, [])
    limits.configure(plans={}, zone=BERLIN, grace=5, windows=(), boundaries=[NOON])
    assert limits.calendar.divides
    limits.assign_to(limits.calendar.period(NOON - 1))
    limits.configure(plans={}, zone=BERLIN, grace=5)
    limits.update_gauges(None)


def test_another_config_keeps_the_use_and_shows_its_own_limits_only() -> None:
    """A plan that was changed, a limit raised, a unit and a window more: what was used stays used."""
    key = Key(*MINUTE)
    key.spend(NOON, amount=40)
    key.spend(NOON, amount=2, refused=True)
    key.spend(NOON, "tokens", 500)
    key.used("1m")
    key.configure(
        Limit(unit="requests", window="1m", amount=600, count_refused=True),
        Limit(unit="tokens", window="1h", amount=1000),
    )
    assert key.used("1m") == (42, 0)
    assert key.used("1h", unit="tokens") == (500, 0)
    assert key.gauge("gateway_limit_used", "1h") is None
    key.configure()
    assert key.used("1d") == (40, 0)
    assert key.gauge("gateway_limit_used", "1m") is None
    assert not key.store.families["gateway_limit"].series


def test_the_last_lines_of_an_input_that_a_reload_took_away_still_count() -> None:
    """They were read by the calendar before; also if there are no keys any more."""
    key = Key(*MINUTE)
    use, before = key.limits.use("acme", False), key.limits.calendar.period(NOON)
    assert use
    key.limits.assign_to(before)
    key.configure(*MINUTE, zone=ZoneInfo("UTC"))
    spend(use, "requests", 2)
    key.limits.assign_to(before)
    assert (key.used("1m"), key.used("1d")) == ((2, 0), (2, 0))
    key.limits.configure(plans={}, zone=BERLIN, grace=5, windows=())
    key.limits.register({})
    spend(use, "requests", 1)
    key.limits.assign_to(before)
    assert key.used("1m") == (None, None)


def test_the_last_lines_before_there_was_a_registry_use_up_nothing() -> None:
    """The calendar had no windows then: it was divided by prices with dates only."""
    limits = Limits(Store(), Clock())
    limits.configure(plans={}, zone=BERLIN, grace=5, windows=(), boundaries=[NOON - 86400])
    before = limits.calendar.period(NOON)
    limits.assign_to(before)
    limits.configure(plans={}, zone=BERLIN, grace=5)
    limits.register({"acme": ""})
    use = limits.use("acme", False)
    assert use
    spend(use, "requests", 1)
    limits.assign_to(before)
    assert {name: starts for name, starts in use.windows.items() if starts} == {}


def test_a_key_that_leaves_the_registry_and_comes_back_has_used_what_it_had() -> None:
    """While its windows last."""
    key = Key(*MINUTE)
    key.spend(NOON, amount=40)
    key.limits.register({"zeta": "plan"})
    assert key.used("1d") == (None, None)
    key.limits.register({"acme": "plan"})
    assert key.used("1d") == (40, 0)
    key.limits.register({})
    for moment in ("04-01T00:00:05", "05-01T00:00:05", "05-01T00:01:05", "05-01T01:00:05", "05-02T00:00:05"):
        key.limits.update_gauges(at(f"2026-{moment}+02:00"))
    key.limits.register({})
    assert key.limits.snapshot()[1] == []


def test_an_unknown_plan_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A registry that changes while it runs may be wrong; the key has no limit then."""
    key = Key(*MINUTE)
    key.limits.register({"acme": "paln", "zeta": "plan", "eta": ""})
    assert caplog.messages == ["the key registry names plans that the config does not have: paln"]


def test_what_is_remembered_goes_on_where_it_was() -> None:
    """Through msgpack; a window that ended meanwhile is the last one, and late lines find their place."""
    key = Key(*MINUTE)
    key.spend(NOON - 1, amount=7)
    key.spend(NOON, amount=3)
    key.spend(NOON, "cost", 0.25)
    stored = msgspec.msgpack.encode(key.limits.snapshot())
    again = Key(*MINUTE)
    again.limits.restore(msgspec.msgpack.decode(stored))
    assert again.limits.snapshot() == key.limits.snapshot()
    assert again.used("1m") == (3, 7)
    again.spend(NOON + 1)
    assert again.used("1m", now=NOON + 65) == (0, 4)
    assert again.used("1d") == (11, 0)


def test_what_is_remembered_of_another_zone_or_key_does_no_harm() -> None:
    """A day of Berlin is none of New York's; a key may be registered later."""
    key = Key(*MINUTE)
    key.spend(NOON, amount=3)
    state = key.limits.snapshot()
    elsewhere = Key(zone=ZoneInfo("America/New_York"))
    elsewhere.limits.restore(state)
    assert elsewhere.used("1d") == (0, 0)
    elsewhere.configure()
    assert elsewhere.used("1d") == (3, 0)
    later = Limits(Store(), Clock())
    later.configure(plans={}, zone=BERLIN, grace=5)
    later.restore(state)
    later.register({"acme": ""})
    assert later.snapshot() == state
    later.restore(None)
    nothing = Key()
    nothing.limits.restore(Key().limits.snapshot())
    assert nothing.used("1d") == (None, None)


def test_what_is_remembered_is_the_same_while_nothing_changes() -> None:
    """So that what is unchanged is not written again."""
    key = Key(*MINUTE)
    key.spend(NOON)
    key.used("1m", now=NOON + 30)
    remembered = key.limits.snapshot()
    key.limits.assign_to(key.limits.calendar.period(NOON + 1))
    key.used("1m", now=NOON + 31)
    assert key.limits.snapshot() == remembered
    key.spend(NOON + 1)
    assert key.limits.snapshot() != remembered


class Model:
    """Use as one would count it by hand: every event kept, and added up at each look."""

    def __init__(self, limits: Limits, grace: float) -> None:
        self.calendar, self.grace = limits.calendar, grace
        self.clock = 0.0
        self.events: list[tuple[float, str, float, bool]] = []

    def used(self, limit: Limit, latest: float, before: bool = False) -> float:
        window = self.calendar.window(limit.window, latest)
        if before:
            window = self.calendar.window(limit.window, window.start - 1)
        return sum(
            amount
            for time, unit, amount, refused in self.events
            if unit == limit.unit and window.start <= time < window.end and (limit.count_refused or not refused)
        )


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_any_order_of_lines_and_looks_gives_what_counting_by_hand_gives(zone: str) -> None:
    """Lines up to two windows late, idle times, restarts, about a month's end or a night when clocks are set."""
    borders = ["2026-04-01T00:00:00+02:00", "2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]
    borders += ["2026-04-04T15:00:00+00:00", "2010-11-07T02:31:00+00:00", "2028-03-01T00:00:00+05:45"]
    for seed in range(20):
        chance = random.Random(seed)
        plan = tuple(
            Limit(unit=unit, window=window, amount=1, count_refused=chance.random() < 0.5)
            for unit in UNITS
            for window in WINDOWS
        )
        key = Key(*plan, grace=7, zone=ZoneInfo(zone))
        model = Model(key.limits, 7)
        wall = at(chance.choice(borders)) + chance.uniform(-9_000, 0)
        for _ in range(150):
            wall += chance.choice((0.1, 5, 60, 1_800))
            time = wall - chance.choice((0, 0, 0, 3, 70, 5_000))
            event = (time, chance.choice(UNITS), chance.randrange(1, 9), chance.random() < 0.3)
            if chance.random() < 0.8:
                model.events.append(event)
                model.clock = max(model.clock, time)
                key.spend(*event)
            if chance.random() < 0.1:
                state = key.limits.snapshot()
                key = Key(*plan, grace=7, zone=ZoneInfo(zone))
                key.limits.restore(state)
            caught_up = chance.random() < 0.5
            if caught_up:
                model.clock = max(model.clock, wall - 7)
            key.limits.update_gauges(wall if caught_up else None)
            for limit in chance.sample(plan, 3) if model.clock else ():
                by_hand = (model.used(limit, model.clock), model.used(limit, model.clock, before=True))
                found = (
                    key.gauge("gateway_limit_used", limit.window, limit.unit),
                    key.gauge("gateway_limit_used_last", limit.window, limit.unit),
                )
                assert found == by_hand, f"seed {seed}, {limit}"

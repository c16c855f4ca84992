"""Parts of a panel's field config: colours, links, columns, words for values."""

from typing import Any

from dashboards.grafana import Json

GREEN, BLUE, YELLOW, RED = "green", "blue", "yellow", "red"  # red stands for failures
ORANGE, GREY = "orange", "#8e8e8e"  # limits; and the rest
_NEVER = 1e12
# Numbers that people compare: 1,800 rather than 2 K.
WHOLE: Json = {"unit": "locale", "decimals": 0}
# What classes of statuses look like, everywhere.
STATUS_COLOURS = {"^2": GREEN, "^(1|3)": BLUE, "^4": YELLOW, "^5": RED, "^other$": GREY}


def link(title: str, uid: str, *, passes: str = "", value: str = "", **variables: str) -> Json:
    """A link to another dashboard that keeps data source and time.

    `passes` are variables that go along as they are, separated by blanks. A variable gets the `value` of a table's
    cell, or the series' label.
    """
    kept = [f"${{{name}:queryparam}}" for name in ("datasource", *passes.split())]
    given = [f"var-{name}=${{__field.labels.{label}:percentencode}}" for name, label in variables.items()]
    if value:
        given.append(f"var-{value}=${{__value.raw:percentencode}}")
    return {"title": title, "url": f"/d/{uid}?{'&'.join([*kept, *given])}&${{__url_time_range}}"}


def column(
    unit: str = "",
    *,
    links: list[Json] | None = None,
    steps: dict[float, str] | None = None,
    first: str = "transparent",
    **more: Any,
) -> Json:
    """A table's column: its unit, links, and colours from bounds up."""
    found: Json = {"unit": unit} if unit else {}
    if links:
        found["links"] = links
    if steps:
        found["thresholds"] = thresholds(steps, first)
        found["custom.cellOptions"] = {"type": "color-background", "mode": "basic"}
    return found | more


def value_map(words: dict[float, tuple[str, str]]) -> list[Json]:
    """Words and colours for single values."""
    options = {
        str(value): {"text": text, "color": colour, "index": n}
        for n, (value, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}]


def range_map(words: list[tuple[float | None, float | None, str, str]]) -> list[Json]:
    """Words and colours for ranges of values: from, to, word, colour.

    An open end is a number that is never reached: Grafana before 12 takes a null for 0.
    """
    return [
        {
            "type": "range",
            "options": {
                "from": -_NEVER if low is None else low,
                "to": _NEVER if high is None else high,
                "result": {"text": text, "color": colour, "index": n},
            },
        }
        for n, (low, high, text, colour) in enumerate(words)
    ]


def thresholds(steps: dict[float, str], first: str) -> Json:
    """Colours from bounds up; `first` is the one below all of them."""
    below: list[Json] = [{"color": first, "value": None}]
    return {"mode": "absolute", "steps": below + [{"color": colour, "value": at} for at, colour in steps.items()]}


def fixed(colour: str) -> Json:
    """One colour, whatever the value."""
    return {"mode": "fixed", "fixedColor": colour}


def coloured(colours: dict[str, str] | None) -> list[Json]:
    """Overrides for series whose name matches a pattern."""
    every = {"^others$": GREY} | (colours or {})
    return [override("byRegexp", f"/{pattern}/", {"color": fixed(colour)}) for pattern, colour in every.items()]


def override(matcher: str, of: str, properties: Json) -> Json:
    """Properties for the fields that a matcher finds."""
    return {
        "matcher": {"id": matcher, "options": of},
        "properties": [{"id": name, "value": value} for name, value in properties.items()],
    }

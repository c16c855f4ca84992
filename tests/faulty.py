"""An exporter with a mistake: `python -m tests.faulty STAGE run …` raises there for each line that is marked.

A mark is the word `marked` among what the stage is given: the line, its words, its record, its cell.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from exporter.cli import main
from exporter.counting import meter
from exporter.counting.cells import Cells
from exporter.counting.kinds import RequestKinds
from exporter.counting.origins import OriginCounts
from exporter.formats import measures
from exporter.formats.decoders.json_lines import JsonLines
from exporter.formats.row_reader import RowReader
from exporter.limits.usage import Limits
from exporter.limits.use import Use
from exporter.pricing import price
from exporter.pricing.pricing import Pricing
from exporter.requests import canonical
from exporter.requests.enrich import Enricher
from exporter.requests.routes import Routes
from exporter.service import input_journal

SECRET = "sk-secret-in-a-message"
# When marked lines were logged.
MARKED_TIME = 1772546709.777


class Stage(NamedTuple):
    """Where to raise: a function of a module or a class, and whether its arguments are of a marked line. If it
    `compiles`, the function that it returns raises instead.
    """

    owner: Any
    function: str
    marked: Callable[..., bool] = lambda *given: "marked" in str(given)
    compiles: bool = False


def _caller(cell: Any) -> bool:
    return cell.targets.caller is not None and cell.targets.caller.label == "marked"


STAGES = {
    "decode": Stage(JsonLines, "_decode"),
    "rescue": Stage(JsonLines, "_rescue"),
    "number": Stage(measures, "seconds"),
    "origin": Stage(canonical, "origin_host"),
    "path": Stage(Routes, "target"),
    "period": Stage(RowReader, "seconds_since_epoch", lambda _, raw: raw == MARKED_TIME),
    "enrich": Stage(Enricher, "record"),
    "kind": Stage(RequestKinds, "resolve"),
    "quote": Stage(Pricing, "quote"),
    "use": Stage(Limits, "use"),
    "birth": Stage(Cells, "_connected"),
    "new origin": Stage(OriginCounts, "_label"),
    "journal": Stage(input_journal, "shape"),
    "fold": Stage(meter, "compile_fold", lambda cell, *_: _caller(cell), compiles=True),
    "price": Stage(price, "price_at", lambda prices, start: start is not None and prices[0].request == 7),
    "limits": Stage(Use, "wait", lambda use: use.key == "marked"),
}
# Where a whole cell is at stake, not a line.
FOLDING = ("fold", "price", "limits")
# Where a line is no record as it is.
BROKEN = ("rescue", "journal")


def command(stage: str) -> list[str]:
    """What starts such an exporter, in any folder."""
    return ["env", f"PYTHONPATH={Path(__file__).parents[1]}", sys.executable, "-m", "tests.faulty", stage]


def break_at(stage: Stage) -> None:
    """Make the function raise for what is marked, before it does anything."""
    good = getattr(stage.owner, stage.function)

    def broken(good: Callable[..., Any]) -> Callable[..., Any]:
        def bad(*given: Any) -> Any:
            if stage.marked(*given):
                raise KeyError(f"a message with {SECRET}")
            return good(*given)

        return bad

    bad = (lambda *given: broken(good(*given))) if stage.compiles else broken(good)
    is_static = isinstance(stage.owner.__dict__.get(stage.function), staticmethod)
    setattr(stage.owner, stage.function, staticmethod(bad) if is_static else bad)


if __name__ == "__main__":
    break_at(STAGES[sys.argv[1]])
    sys.exit(main(sys.argv[2:]))

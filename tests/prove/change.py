"""The changer: gives the exporter's input other paths and names, splits it, takes it out and adds it again; and it
sets the exporter's clock.
"""

import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.prove.kill import Victim
from tests.prove.truth import INPUT

# Inputs that read the log together, whose rotated copies the patterns match, too. In the first one it is out for
# a while; the last ones have no name of their own.
LAYOUTS: tuple[tuple[dict[str, str], ...], ...] = (
    ({"path": "nothing.log", "name": "other"},),
    ({"path": "access.log", "name": INPUT},),
    ({"path": "access.log*", "name": INPUT},),
    ({"path": "access.*", "name": "edge"},),
    ({"path": "access.log*", "name": INPUT}, {"path": "access.log", "name": "edge"}),
    ({"path": "access.l*"}, {"path": "acc*.log"}),
)
LAYOUTS_OF_MANY: tuple[tuple[dict[str, str], ...], ...] = (
    ({"path": "nothing.log", "name": "other"},),
    ({"path": "*access.log", "name": INPUT},),
    ({"path": "*access.log*", "name": INPUT},),
    ({"path": "*access.*", "name": "edge"},),
    ({"path": "*access.log*", "name": INPUT}, {"path": "access.log", "name": "edge"}),
    ({"path": "*access.l*"}, {"path": "acc*.log"}),
)
# How far the exporter's clock is ahead, or behind.
_CLOCKS = (0, 0, -400 * 86400, -3600, 3600, 400 * 86400)
_MEAN_SECONDS = 0.3


class Changer(threading.Thread):
    """Changes the config until `stop`, whether the exporter is there or not; at the end the log has an input."""

    def __init__(self, folder: Path, port: int, victim: Victim, rng: random.Random, many: bool = False) -> None:
        super().__init__(name="changer", daemon=True)
        self.error: BaseException | None = None
        self.done: Counter[str] = Counter()
        # Where there are `many` logs, whose names end as the log's does, all are read in each layout but the first.
        self._layouts = LAYOUTS_OF_MANY if many else LAYOUTS
        self._config = folder / "config.yaml"
        self._url = f"http://127.0.0.1:{port}/-/reload"
        self._victim = victim
        self._rng = rng
        self._enough = threading.Event()

    def run(self) -> None:
        """The thread."""
        try:
            while not self._enough.wait(self._rng.expovariate(1 / _MEAN_SECONDS)):
                self._change(self._rng.choice(self._layouts))
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        """End. An exporter that runs by then has to be told, or started again."""
        self._enough.set()
        self.join()
        self.write(self._layouts[-1])

    def _change(self, layout: tuple[dict[str, str], ...]) -> None:
        self.write(layout)
        self._replace("clock", str(self._rng.choice(_CLOCKS)))
        how = self._rng.choice(("SIGHUP", "POST", "at the next start"))
        if how == "SIGHUP":
            self._victim.tell(signal.SIGHUP)
        elif how == "POST":
            self.post()
        self.done[how] += 1

    def post(self) -> None:
        """Reload."""
        try:
            answer = requests.post(self._url, timeout=60)
        except requests.RequestException:
            return  # it is not there, or was killed meanwhile
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"

    def write(self, layout: tuple[dict[str, str], ...]) -> None:
        """Whole at any moment: the exporter may be starting."""
        config: dict[str, Any] = yaml.safe_load(self._config.read_text(encoding="utf-8"))
        config["inputs"] = [{"format": "nginx-json", **input_} for input_ in layout]
        self._replace(self._config.name, yaml.safe_dump(config))

    def _replace(self, name: str, text: str) -> None:
        new = self._config.with_name(name + ".new")
        new.write_text(text, encoding="utf-8")
        new.replace(new.with_name(name))

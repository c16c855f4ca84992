"""The sample for logrotate: run by the real one, no line is lost, whether or not the gateway has reopened its log."""

import getpass
import grp
import json
import os
import re
import subprocess
from pathlib import Path

from tests.beside import Beside
from tests.real.gateways import program
from tests.test_first_start import LINE

SAMPLE = Path(__file__).parents[2] / "deploy" / "logrotate" / "gateway-exporter"
LINES = json.dumps(LINE) + "\n"


def test_no_line_is_lost_in_two_rotations(tmp_path: Path) -> None:
    """Renamed, then compressed; what a gateway writes into the renamed log before it reopens counts, too."""
    beside = Beside(tmp_path)
    text = SAMPLE.read_text(encoding="utf-8")
    owner = f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"
    text = re.sub(r"^/\S+", str(beside.log), text, flags=re.MULTILINE).replace("www-data adm", owner)
    (tmp_path / "logrotate.conf").write_text(text, encoding="utf-8")
    (tmp_path / "logrotate.conf").chmod(0o644)
    rotate = [program("logrotate"), "-f", "-s", str(tmp_path / "status"), str(tmp_path / "logrotate.conf")]
    beside.configure(start_at="beginning")
    beside.write(LINES)
    parsed = 'gateway_exporter_lines_total{input="access.json",result="parsed"}'
    with beside.exporter() as exporter:
        exporter.eventually(parsed, 1)
        for counted in (3, 5):
            with beside.log.open("a", encoding="utf-8") as gateway:
                subprocess.run(rotate, check=True, timeout=60)
                gateway.write(LINES)
            beside.write(LINES)
            exporter.eventually(parsed, counted)
    assert {path.name for path in tmp_path.glob("access.json*")} == {"access.json", "access.json.1", "access.json.2.gz"}

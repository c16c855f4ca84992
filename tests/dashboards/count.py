"""What stands in the logs, counted line by line with nothing of the product's."""

import json
from collections import Counter

from tests.dashboards.traffic import LOGS


def requests(written: dict[str, list[str]], since: float, until: float) -> Counter[str]:
    """Requests, failures, calls, tokens and so on of the lines that were logged in (since, until]."""
    found: Counter[str] = Counter()
    for log, add in zip(LOGS, (_rpc, _llm), strict=True):
        for line in written[log]:
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            ended = fields.get("msec") or fields.get("endTime")
            if isinstance(ended, int | float) and since < ended <= until:
                add(found, fields)
    return found


def _rpc(found: Counter[str], fields: dict[str, object]) -> None:
    status = int(str(fields["status"]))
    body = str(fields.get("request_body") or "null")
    asked = json.loads(body) if body[:1] in "[{" else None
    calls = len(asked) if isinstance(asked, list) else 1
    found.update(requests=1, calls=calls, failed=status == 0 or status >= 400, sent=int(str(fields["bytes_sent"])))
    found[f"status {status}"] += 1


def _llm(found: Counter[str], fields: dict[str, object]) -> None:
    found.update(requests=1, models=1, calls=1, failed=fields["status"] != "success")
    found["tokens"] += int(str(fields["prompt_tokens"])) + int(str(fields["completion_tokens"]))
    found["cost in micros"] += round(1e6 * float(str(fields["response_cost"] or 0)))

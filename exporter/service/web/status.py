"""What the status page shows, taken in the pipeline's thread."""

import time

from msgspec import Struct

from exporter import descriptors
from exporter.metrics.series import Series
from exporter.model import catalog
from exporter.request_log.outbox.settings import Sending
from exporter.service.feed import Feed
from exporter.service.input_journal import Rejected
from exporter.service.pipeline import Pipeline


class InputStatus(Struct):
    """One input. `pace` is in lines per second now, `lag` in seconds; `last_record` in epoch seconds. `unreadable` are
    logs with the reason. `losses` are a reason, how often, and the bytes that are known.
    """

    name: str
    files: list[str]
    readable: bool
    unreadable: dict[str, str]
    parsed: int
    ignored: int
    rejected: int
    pace: float
    lag_bytes: int
    lag: float
    last_record: float | None
    rejects: list[Rejected]
    losses: list[tuple[str, int, int]]


class Snapshot(Struct):
    """The exporter at a moment."""

    up_seconds: float
    ready: bool
    version: str
    # The state file, "" if there is none; whether the last commit succeeded; the time of the last successful one.
    state: str
    healthy: bool
    committed_at: float
    # New series that are held at 0.
    held: int
    # Number of logs that no file descriptor is left for, and the limit of descriptors.
    unopened: int
    descriptors: int
    inputs: list[InputStatus]
    # Name, number of series, their limit, description.
    families: list[tuple[str, int, int, str]]
    # Input, field, number of implausible values.
    implausible: list[tuple[str, str, int]]
    # For each label with a budget, how many values it has admitted, and the budget.
    budgets: dict[str, tuple[int, int]]
    # How single requests are sent on, if they are.
    sending: Sending | None
    # See `Pipeline.refused`.
    refused: dict[str, tuple[float, str]]


def snapshot(pipeline: Pipeline) -> Snapshot:
    """The state of the pipeline now."""
    pipeline.fold()
    now = time.time()
    store = pipeline.store
    families = [
        (name, len(family.series), family.limit, family.family.help)
        for name, family in store.families.items()
        if family.family.adds and family.series
    ]
    version = next(iter(store.families[catalog.BUILD_INFO.name].series))[0]
    checkpoint = pipeline.checkpoint
    committed_at = store.series(catalog.CHECKPOINT_LAST_SUCCESS_TIMESTAMP_SECONDS).value if checkpoint else 0
    return Snapshot(
        up_seconds=now - pipeline.started_at,
        ready=pipeline.ready,
        version=version,
        state=str(checkpoint.path) if checkpoint else "",
        healthy=not checkpoint or checkpoint.healthy,
        committed_at=committed_at,
        held=pipeline.zero_hold.held,
        unopened=sum(feed.input.unopened for feed in pipeline.feeds),
        descriptors=descriptors.limit(),
        inputs=[_input(pipeline, feed, now) for feed in pipeline.feeds],
        families=families,
        implausible=[
            (name, field, int(series.value))
            for (name, field), series in store.families[catalog.IMPLAUSIBLE_VALUES.name].series.items()
            if isinstance(series, Series) and series.value
        ],
        budgets=pipeline.expiry.places.admissions.used,
        sending=_sending(pipeline),
        refused=dict(pipeline.refused),
    )


def _sending(pipeline: Pipeline) -> Sending | None:
    follower = pipeline.request_log.follower if pipeline.request_log else None
    return follower.sending if follower else None


def _input(pipeline: Pipeline, feed: Feed, now: float) -> InputStatus:
    counts = feed.lines(pipeline.store)
    families = pipeline.store.families
    lost = families[catalog.LOST_BYTES.name].series
    losses = [
        (reason, int(series.value), int(getattr(lost.get((name, reason)), "value", 0)))
        for (name, reason), series in families[catalog.LOSSES.name].series.items()
        if name == feed.name and isinstance(series, Series) and series.value
    ]
    return InputStatus(
        name=feed.name,
        files=feed.input.files,
        readable=feed.input.readable,
        unreadable=feed.input.unreadable,
        parsed=counts[0],
        ignored=counts[1],
        rejected=counts[2],
        pace=feed.pace.value(sum(counts)),
        lag_bytes=feed.input.lag_bytes(),
        lag=feed.lag_seconds(now),
        last_record=feed.meter.last_time,
        rejects=list(reversed(feed.journal.samples)),
        losses=losses,
    )

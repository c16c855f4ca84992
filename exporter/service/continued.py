"""Which input of a config continues one that was stored, or that was removed from the config, and where."""

import logging

from exporter.config.inputs import InputConfig
from exporter.inputs.disk.names import covers, matching
from exporter.inputs.elsewhere import StoredInput, identity
from exporter.inputs.factory import Inputs
from exporter.metrics.store import Store
from exporter.service.feed import Feed, fingerprint
from exporter.service.input_journal import InputJournal

log = logging.getLogger(__name__)


def place(input_: InputConfig) -> tuple[str, str]:
    """Where an input reads: an input that is renamed and has the same place is the same one."""
    return input_.path, input_.rotated


def in_place_of(input_: InputConfig, before: list[StoredInput]) -> StoredInput | None:
    """What was stored of an input. If several had its place, the one with its name."""
    here = [stored for stored in before if stored.place == place(input_)]
    return next((stored for stored in here if stored.name == input_.name), here[0] if here else None)


def follows(input_: InputConfig, before: StoredInput) -> bool:
    """Whether an input continues one that is gone: it has the same format, and the same name or one of its logs."""
    if before.format != fingerprint(input_.spec):
        return False
    files = {position.identity for position in before.positions}
    return (
        before.name == input_.name
        or any(covers(input_.path, position.path) for position in before.positions)
        or any(identity(path) in files for path in matching(input_.path))
    )


def assign_positions(
    inputs: Inputs, store: Store, feeds: list[Feed], new: list[InputConfig], gone: list[StoredInput]
) -> None:
    """Let each input continue where its logs were read to. `gone` are the inputs that were just removed, `new` those
    that were just added.
    """
    by_name = {feed.name: feed for feed in feeds}
    for input_ in new:
        before = [stored for stored in (*gone, *inputs.elsewhere.former) if follows(input_, stored)]
        by_name[input_.name].follow(before)
    patterns = {feed.place[0] for feed in feeds} - {input_.path for input_ in new}
    patterns |= {stored.pattern for stored in gone}
    forgotten = inputs.arrange({feed.name: feed.input for feed in feeds}, gone, patterns)
    _report_unread(store, forgotten, gone)


def _report_unread(store: Store, forgotten: list[StoredInput], gone: list[StoredInput]) -> None:
    """Report what removed inputs left uncounted: lost if their files are gone, else still there to be read."""
    for former in forgotten:
        if former.unread:
            InputJournal(former.name, store).lost(former.pattern, "removed", former.unread)
    for former in gone:
        if former.unread:
            text = "%s was removed from the config; %d bytes of %s are not counted unless an input reads them again"
            log.warning(text, former.name, former.unread, former.pattern)

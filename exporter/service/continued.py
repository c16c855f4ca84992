"""Which input of a config continues one that was stored, or that was removed from the config."""

from exporter.config.inputs import InputConfig
from exporter.inputs.disk.names import covers, matching
from exporter.inputs.elsewhere import StoredInput, identity
from exporter.service.feed import fingerprint


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

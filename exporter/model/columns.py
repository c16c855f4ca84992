"""The columns of a log whose first line names them."""


class Columns:
    """`names` are the cells of a log's last header, () where it had none. `sought` once one was looked for."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names
        self.sought = False

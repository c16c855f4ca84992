"""The memo: answers are kept, within bounds."""

from exporter.memo import Memo


def test_an_answer_is_asked_for_once_until_the_memo_is_full() -> None:
    """Full, it is emptied, and answers are still right."""
    asked: list[str] = []

    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    memo = Memo(length, 2)
    assert [memo[text] for text in ("a", "a", "bb", "ccc", "a")] == [1, 1, 2, 3, 1]
    assert asked == ["a", "bb", "ccc", "a"]
    assert len(memo) == 2


def test_long_texts_are_answered_and_not_kept() -> None:
    """A log of megabyte values takes no memory."""
    memo: Memo[str | bytes, int] = Memo(len, 10)
    assert memo["x" * 5000] == 5000
    assert memo[b"x" * 1000] == 1000
    assert list(memo) == [b"x" * 1000]

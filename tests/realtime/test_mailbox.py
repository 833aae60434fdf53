from __future__ import annotations

import threading

from mien.realtime.mailbox import Mailbox


def test_the_newest_value_wins_and_the_loss_is_counted() -> None:
    box: Mailbox[int] = Mailbox()
    for value in range(1, 5):
        box.put(value)
    assert box.take(0) == 4
    assert box.dropped == 3
    assert box.take(0) is None


def test_a_close_wakes_the_reader_and_the_last_value_is_still_there() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    reader = threading.Thread(target=lambda: taken.extend([box.take(5.0), box.take(5.0)]))
    reader.start()
    box.put(7)
    box.close()
    reader.join(5.0)
    assert taken == [7, None]
    box.put(8)
    assert box.take(0) is None


def test_put_wait_loses_nothing_between_two_threads() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def read() -> None:
        while (value := box.take(5.0)) is not None:
            taken.append(value)

    reader = threading.Thread(target=read)
    reader.start()
    assert all(box.put_wait(value, 5.0) for value in range(1, 201))
    box.close()
    reader.join(5.0)
    assert taken == list(range(1, 201))
    assert box.dropped == 0


def test_put_wait_gives_up_when_nobody_takes() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    assert not box.put_wait(2, 0.01)
    assert box.take(0) == 1

from __future__ import annotations

import threading

from mien.realtime.source.lease import Lease


def test_close_releases_once_when_nobody_is_inside() -> None:
    released: list[int] = []
    lease = Lease(lambda: released.append(1))
    lease.close()
    lease.close()
    assert released == [1]


def test_a_closed_device_is_not_touched() -> None:
    lease = Lease(lambda: None)
    with lease.hold() as usable:
        assert usable
    lease.close()
    with lease.hold() as usable:
        assert not usable


def test_a_reader_inside_releases_on_its_way_out() -> None:
    released: list[str] = []
    lease = Lease(lambda: released.append(threading.current_thread().name))
    inside, leave = threading.Event(), threading.Event()

    def read() -> None:
        with lease.hold():
            inside.set()
            leave.wait(5)

    reader = threading.Thread(target=read, name="reader")
    reader.start()
    inside.wait(5)
    lease.close(timeout_s=0.01)
    assert released == []  # the reader is inside: freeing now would crash it
    assert lease.stop.is_set()
    leave.set()
    reader.join(5)
    assert released == ["reader"]

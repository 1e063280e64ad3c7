"""Locks between processes."""

import fcntl
import threading
import time
from pathlib import Path

from fhir_server.store.sqlite.lock import Slot, WriteLock, open_lock_file, slots_taken


def test_who_waits_is_not_overtaken_by_who_has_just_written(tmp_path: Path) -> None:
    greedy, patient = WriteLock(tmp_path / "x"), WriteLock(tmp_path / "x")
    order: list[str] = []
    stop = threading.Event()

    def write(lock: WriteLock, name: str) -> None:
        while not stop.is_set():
            with lock:
                order.append(name)
                time.sleep(0.001)

    threads = [threading.Thread(target=write, args=pair) for pair in ((greedy, "g"), (patient, "p"))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 30
    while min(order.count("g"), order.count("p")) < 20 and time.monotonic() < end:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    greedy.close()
    patient.close()
    changes = sum(one != other for one, other in zip(order, order[1:], strict=False))
    assert min(order.count("g"), order.count("p")) >= 20
    assert changes > len(order) / 4


def test_who_waits_keeps_the_next_one_in_the_queue(tmp_path: Path) -> None:
    holder, waiter = WriteLock(tmp_path / "x"), WriteLock(tmp_path / "x")
    queue = open_lock_file(tmp_path / "x.queue.lock")

    def wait() -> None:
        with waiter:
            pass

    with holder:
        thread = threading.Thread(target=wait)
        thread.start()
        end = time.monotonic() + 10
        while not _is_locked(queue) and time.monotonic() < end:
            time.sleep(0.001)
        assert _is_locked(queue)
    thread.join()
    assert not _is_locked(queue)
    holder.close()
    waiter.close()


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def test_one_at_a_time(tmp_path: Path) -> None:
    locks = [WriteLock(tmp_path / "x") for _ in range(4)]
    inside, most = 0, 0
    guard = threading.Lock()

    def work(lock: WriteLock) -> None:
        nonlocal inside, most
        for _ in range(50):
            with lock:
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lock in locks:
        lock.close()
    assert most == 1


def test_the_lowest_free_slot_is_taken(tmp_path: Path) -> None:
    assert not slots_taken(tmp_path)
    slots = [Slot(tmp_path) for _ in range(3)]
    assert [slot.number for slot in slots] == [0, 1, 2]
    slots[1].close()
    assert Slot(tmp_path).number == 1
    assert slots_taken(tmp_path)

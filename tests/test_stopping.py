"""A stop by signal: seen at once by whoever waits, never waiting for itself, and raised where that is wanted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from collector.errors import Stopped
from collector.stopping import StopOnSignal, at_once


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_it_and_afterwards_all_is_as_before(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopOnSignal() as stop:
        assert not stop.is_set()
        assert not stop.wait(0)
        signal.raise_signal(number)
        assert stop.is_set()
        assert stop.wait(600)
    assert signal.getsignal(number) is before


def test_whoever_waits_in_another_thread_goes_on_at_once() -> None:
    with StopOnSignal() as stop:
        waiting = threading.Thread(target=stop.wait, args=(600,))
        waiting.start()
        signal.raise_signal(signal.SIGTERM)
        waiting.join(timeout=120)
        assert not waiting.is_alive()


def test_a_second_interrupt_acts_as_without_it() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with StopOnSignal():
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_can_be_broken_off_is_broken_off() -> None:
    with StopOnSignal() as stop:
        with pytest.raises(Stopped), at_once(stop):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped), at_once(stop):
            pytest.fail("a stop that is set already lets nothing begin")


def test_any_other_stop_is_left_to_whoever_was_given_it() -> None:
    with at_once(threading.Event()):
        pass


# The module that loads longest interrupts the process, as a user who changed their mind would.
HASTY = """
import signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "collector.cli":
            signal.raise_signal(signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupt())
from collector.__main__ import main
main()
"""


def test_an_interrupt_while_the_program_loads_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", HASTY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")

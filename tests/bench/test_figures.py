"""How figures are made: processor seconds of trees, rounds side by side, packets, streams."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import count

import pytest

from bench.cost import Spent, clock, forget_memory, most_memory, spent
from bench.machine import facts
from bench.producer import packets, publish
from bench.profile import functions
from bench.rounds import Round, alternate, costs, ratio, report, share
from bench.stream import Message, Stream
from bench.whole import hit
from devices.payloads import balise_v1

BURN = "import time\nwhile time.process_time() < {}: pass"


def burn(seconds: float) -> list[str]:
    return [sys.executable, "-c", BURN.format(seconds)]


def test_a_tree_has_the_seconds_of_what_it_started_even_of_what_has_ended():
    nested = f"import subprocess; subprocess.run({burn(0.3)!r}); input()"
    with subprocess.Popen([sys.executable, "-c", nested], stdin=subprocess.PIPE) as parent:
        roots = {"parent": parent.pid}
        before = clock(roots)
        while clock(roots).trees["parent"] < 0.3:
            pass
        took = spent(before, clock(roots))
        parent.communicate(b"\n")
    assert 0.2 < took.processor["parent"] < 3


def test_what_we_start_is_no_stranger():
    before = clock({"us": os.getpid()})
    subprocess.run(burn(0.5), check=True)
    took = spent(before, clock({"us": os.getpid()}))
    assert took.processor["us"] > 0.4
    assert took.bench < 0.3
    # Had it been a stranger, it would have taken a whole core.
    assert took.strangers + took.processor["us"] / took.seconds < os.cpu_count() + 0.2


def test_the_peak_of_memory_begins_anew():
    big = bytearray(64 << 20)
    assert most_memory(os.getpid()) > 64
    before = most_memory(os.getpid())
    del big
    forget_memory(os.getpid())
    assert most_memory(os.getpid()) < before - 32


def of(seconds: float, strangers: float = 0.0) -> Round:
    return Round(1000, Spent(seconds, {"postgres": seconds / 2}, 0.0, strangers))


def test_the_processor_time_of_one_way_is_told_as_times_the_others():
    ours = [Round(1000, Spent(1, {"postgres": each, "ours": 2.0}, 0.0, 0.0)) for each in (1, 2, 3)]
    measured = {"ours": ours, "copy": [of(2.0), of(4.0), of(2.0)]}
    assert costs(measured, "ours", "copy") == {
        "ours / copy": {"median": 3.0, "least": 2.0, "most": 5.0}
    }


def test_what_took_no_tick_of_the_clock_counts_as_one():
    assert costs({"a": [of(2.0)], "b": [of(0.0)]}, "a", "b")["a / b"]["median"] == CLOCK_TICKS


CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def test_ways_take_turns_so_that_what_slows_the_machine_slows_all():
    turns = count()
    order: list[tuple[str, int]] = []

    def way(name: str) -> Round:
        order.append((name, next(turns)))
        return of(1)

    alternate({"copy": lambda: way("copy"), "line": lambda: way("line")}, 2)
    assert order == [("copy", 0), ("line", 1), ("copy", 2), ("line", 3)]


def test_a_ratio_is_that_of_each_round_and_then_their_median():
    # The machine was three times as slow in the last round, for both.
    measured = {"copy": [of(1), of(1), of(3)], "line": [of(2), of(4), of(6)]}
    assert ratio(measured, "line", "copy") == {"median": 0.5, "least": 0.25, "most": 0.5}


def test_a_round_that_strangers_disturbed_is_marked():
    told = report({"line": [of(1), of(2, strangers=0.2), of(4)]})
    assert told == {
        "line": {
            "a_second": 500,
            "processor_seconds_a_million": {"postgres": 1000.0, "all": 1000.0},
            "of_the_bench": 0.0,
            "rounds": ["1000", "~500", "250"],
        }
    }


def test_a_share_is_what_so_many_do_not_exceed():
    assert share([4.0, 1.0, 3.0, 2.0, 5.0], 0.5) == 3.0
    assert share([1.0], 0.95) == 1.0


@pytest.mark.parametrize(
    ("size", "length"),
    [(120, "7f"), (121, "8001"), (16376, "ff7f"), (16377, "808001")],  # MQTT 3.1.1, table 2.4
)
def test_a_packet_says_its_length_as_the_standard_does(size: int, length: str):
    packet = publish("a/b", bytes(size), 7)
    assert packet.hex().startswith(f"32{length}0003612f620007")
    assert packet.endswith(bytes(size))


def test_packets_are_numbered_from_one():
    assert [packet[7:9] for packet in packets([("a/b", b"x")] * 2)] == [b"\x00\x01", b"\x00\x02"]


STREAM = Stream(homes=3, readings=60, per_message=5)


def test_homes_take_turns_with_their_readings_in_order():
    messages = list(STREAM.messages())
    assert messages[:4] == [Message(0, 0, 5), Message(1, 0, 5), Message(2, 0, 5), Message(0, 5, 5)]
    assert STREAM.count == sum(one.count for one in messages) == 60


def test_a_stream_is_what_gateways_send():
    topic, payload = next(iter(STREAM.encoded(STREAM.messages())))
    numbers = balise_v1.numbers(payload)
    assert topic == "balise/v1/bench-0000/frames"
    assert numbers is not None
    assert numbers.spans == [(1, 5)]
    assert not numbers.backlog


def test_a_tenth_of_the_batches_is_hit_by_a_message_of_the_one_before():
    stream = Stream(homes=2, readings=400, per_message=5)
    messages = list(hit(stream, batch=20))
    again = [place for place, one in enumerate(messages) if one in messages[:place]]
    assert len(messages) == 80 + 2
    assert again == [36, 77]
    assert messages[36] == messages[32]


def test_a_profile_counts_a_function_once_a_stack():
    found = functions("main;land;copy 3\nmain;land 1\nmain;land;land 1\n")
    assert found == {
        "samples": 5,
        "own": {"copy": 0.6, "land": 0.4},
        "with_what_they_call": {"main": 1.0, "land": 1.0, "copy": 0.6},
    }


@pytest.mark.stack
def test_a_figure_comes_with_its_machine(database_url: str):
    found = facts(database_url)
    postgres = found["postgres"]
    assert isinstance(postgres, dict)
    assert postgres["fsync"] == "on"
    assert found["cores"]

"""What the envelope refuses although it is JSON."""

from __future__ import annotations

from uuid import UUID

import pytest

from balise.errors import PayloadError, Reason
from devices.payloads import balise_v1
from devices.payloads.balise_v1 import Item, encode_item, encode_message

EPOCH = UUID(int=7)
ITEM = encode_item(Item(device="D", service="180D", characteristic="2A37", data="0050"))
WHOLE = encode_message(EPOCH, [(1, ITEM), (2, ITEM)])


def test_a_message_is_read_as_it_was_written():
    message = balise_v1.read(WHOLE)
    assert [(one.seq, one.device, one.data) for one in message.items] == [
        (1, "D", "0050"),
        (2, "D", "0050"),
    ]


@pytest.mark.parametrize(
    "twice",
    [
        WHOLE.replace(b'"data":"0050"', b'"data":"0050","data":"0051"', 1),
        WHOLE[:-1] + b',"items":[]}',
        WHOLE.replace(b'"v":1,', b'"v":1,"x":{"a":1,"a":1},'),
    ],
    ids=["in an item", "all items", "in what nobody knows"],
)
def test_what_is_said_twice_is_refused_although_a_parser_would_take_the_last(twice: bytes):
    with pytest.raises(PayloadError) as refused:
        balise_v1.read(twice)
    assert refused.value.reason is Reason.PAYLOAD_INVALID


def test_what_a_newer_gateway_says_beside_it_is_left_unread():
    newer = WHOLE.replace(b'"v":1,', b'"v": 1, "mood": {"fine": true},')
    assert balise_v1.read(newer) == balise_v1.read(WHOLE)


@pytest.mark.parametrize("seq", [b"0", b"-1", b"18446744073709551616", b"9" * 5000])
def test_a_number_that_no_receipt_can_name_makes_no_reading(seq: bytes):
    odd = WHOLE.replace(b'"seq":2', b'"seq":' + seq)
    assert balise_v1.numbers(odd) is None
    with pytest.raises(PayloadError):
        balise_v1.read(odd)

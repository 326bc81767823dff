from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base.errors import Invalid
from loyalty.members.identifiers import Ref, parse_ref


@pytest.mark.parametrize(
    ("written", "ref"),
    [
        ("ext:4711", Ref("external", "4711")),
        ("ext: A:b ", Ref("external", "A:b")),
        ("email:Ana@Example.ORG", Ref("email", "ana@example.org")),
        ("phone:+34 600 111 222", Ref("phone", "+34600111222")),
        ("phone:600 111 222", Ref("phone", "+34600111222")),
        ("card:9400-123 456", Ref("card", "9400123456")),
        ("card:ab12", Ref("card", "AB12")),
        (
            "01980A2B-0000-7000-8000-000000000001",
            Ref("member", "01980a2b-0000-7000-8000-000000000001"),
        ),
    ],
)
def test_one_person_is_one_reference_however_it_is_written(written: str, ref: Ref) -> None:
    assert parse_ref(written, "ES") == ref


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("4711", "member_reference_invalid"),
        ("", "member_reference_invalid"),
        (4711, "member_reference_invalid"),
        (None, "member_reference_invalid"),
        ({"ext": "4711"}, "member_reference_invalid"),
        ("external:4711", "member_reference_invalid"),
        ("EXT:4711", "member_reference_invalid"),
        ("ext:", "text_required"),
        ("ext:a\x00b", "text_nul"),
        ("ext:\udc00", "text_surrogate"),
        ("ext:" + "x" * 201, "text_too_long"),
        ("email:ana", "email_invalid"),
        ("email:a@b@c.d", "email_invalid"),
        ("phone:12", "phone_invalid"),
        ("card:12", "card_invalid"),
        ("card:1234\n", "card_invalid"),
        ("01980a2b00007000800000000000000f", "member_reference_invalid"),
    ],
)
def test_what_names_nobody_is_refused(written: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_ref(written, "ES")
    assert refused.value.code == code


@given(st.sampled_from(["ext:", "email:", "phone:", "card:", ""]), st.text(max_size=60))
def test_a_reference_is_read_or_refused_and_reading_is_stable(prefix: str, rest: str) -> None:
    try:
        ref = parse_ref(prefix + rest)
    except Invalid:
        return
    short = {"external": "ext", "email": "email", "phone": "phone", "card": "card"}
    again = ref.value if ref.kind == "member" else f"{short[ref.kind]}:{ref.value}"
    assert parse_ref(again) == ref

"""Rates: limits that hold whatever is asked of them, and a share that only critical customers may use."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.rates import Limits, Rates, grant

ASKED = st.lists(
    st.tuples(st.sampled_from(["sms", "voice"]), st.booleans(), st.integers(1, 40), st.integers(0, 30)), max_size=60
)


@given(asked=ASKED, per_minute=st.integers(1, 100))
def test_no_minute_has_more_messages_than_the_cap(asked, per_minute):
    rates, now, spent = Rates(), 0, {}
    for sender, critical, wanted, later in asked:
        now += later
        rates, granted = grant(rates, Limits(per_minute), sender, critical=critical, wanted=wanted, now=now)
        assert 0 <= granted <= wanted
        spent[now // 60] = spent.get(now // 60, 0) + granted
        assert spent[now // 60] <= per_minute


@given(asked=ASKED, rate=st.floats(0.1, 5))
def test_no_sender_is_faster_than_its_rate_beyond_a_minutes_depth(asked, rate):
    rates, now, spent = Rates(), 0, {"sms": 0, "voice": 0}
    for sender, critical, wanted, later in asked:
        now += later
        rates, granted = grant(rates, Limits(0, rate), sender, critical=critical, wanted=wanted, now=now)
        spent[sender] += granted
        assert spent[sender] <= rate * (60 + now) + 1e-6


def test_the_last_tenth_is_for_critical_customers():
    rates, granted = grant(Rates(), Limits(100, 10), "sms", critical=False, wanted=1_000, now=0)
    assert granted == 90
    assert grant(rates, Limits(100, 10), "sms", critical=False, wanted=1, now=1)[1] == 0
    assert grant(rates, Limits(100, 10), "sms", critical=True, wanted=50, now=1)[1] == 10


def test_while_others_wait_new_messages_line_up_behind_them():
    rates, limits = Rates(backlog_until=100), Limits(1_000)
    assert grant(rates, limits, "sms", critical=False, wanted=5, now=99)[1] == 0
    assert grant(rates, limits, "sms", critical=False, wanted=5, now=99, waited=True)[1] == 5
    assert grant(rates, limits, "sms", critical=True, wanted=5, now=99)[1] == 5
    assert grant(rates, limits, "sms", critical=False, wanted=5, now=100)[1] == 5


def test_a_clock_that_runs_back_refills_nothing():
    rates, _ = grant(Rates(), Limits(0, 1), "sms", critical=True, wanted=60, now=1_000)
    assert grant(rates, Limits(0, 1), "sms", critical=True, wanted=60, now=900)[1] == 0

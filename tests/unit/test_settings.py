"""Settings: what the environment may say, and which variable is named when it says nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.domain.errors import SettingError
from functions.settings import Settings


def test_an_empty_environment_gives_the_usual_settings() -> None:
    assert Settings.of({}) == Settings()


def test_an_empty_value_is_as_good_as_none() -> None:
    names = ("METERSENTRY_STORE", "METERSENTRY_OUT", "ANOMALY_THRESHOLD", "PLANNED_OUTAGE_BUFFER_MIN")
    assert Settings.of(dict.fromkeys(names, "")) == Settings()


def test_every_setting_is_read() -> None:
    settings = Settings.of(
        {
            "METERSENTRY_STORE": "sqlite:////data/store.db",
            "METERSENTRY_OUT": "/data/out",
            "ALERT_BUDGET_PER_1000_METERS_DAY": "0.5",
            "ANOMALY_THRESHOLD": "4.5",
            "PLANNED_OUTAGE_BUFFER_MIN": "7.5",
            "CONTEXT_WEIGHT_MAX": "1.5",
            "NO_READS_GRACE_MIN": "0",
        }
    )
    assert settings.sqlite_path == Path("/data/store.db")
    assert settings.output == Path("/data/out")
    assert (settings.alert_budget, settings.anomaly_threshold) == (0.5, 4.5)
    assert settings.context_weight_max == 1.5
    assert (settings.planned_outage_buffer_s, settings.no_reads_grace_s) == (450, 0)


@pytest.mark.parametrize("value", ["many", "-1", "nan", "inf", "1,5", "0x10"])
@pytest.mark.parametrize(
    "name",
    [
        *("ALERT_BUDGET_PER_1000_METERS_DAY", "ANOMALY_THRESHOLD", "PLANNED_OUTAGE_BUFFER_MIN"),
        *("CONTEXT_WEIGHT_MAX", "NO_READS_GRACE_MIN"),
    ],
)
def test_a_bad_number_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"^{name} is .*set a number") as caught:
        Settings.of({name: value})
    assert value in str(caught.value)


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(SettingError, match="ALERT_BUDGET"):
        Settings.of({"ALERT_BUDGET_PER_1000_METERS_DAY": "0"})


def test_context_never_asks_for_less_than_the_usual_at_most() -> None:
    with pytest.raises(SettingError, match=r"CONTEXT_WEIGHT_MAX is 0\.5; set a number of at least 1"):
        Settings.of({"CONTEXT_WEIGHT_MAX": "0.5"})


@pytest.mark.parametrize("store", ["sqlite:///", "store.db", "postgres://x", "sqlite://store.db"])
def test_a_store_of_another_sort_is_named_with_what_would_do(store: str) -> None:
    with pytest.raises(SettingError, match="sqlite:///PATH") as caught:
        _ = Settings.of({"METERSENTRY_STORE": store}).sqlite_path
    assert repr(store) in str(caught.value)


def test_the_principal_is_trusted_only_where_the_platform_says_so() -> None:
    assert not Settings.of({}).platform_authentication
    assert not Settings.of({"WEBSITE_AUTH_ENABLED": "False"}).platform_authentication
    assert Settings.of({"WEBSITE_AUTH_ENABLED": "True"}).platform_authentication

"""Settings: bounds, one line per problem, and documentation that can't drift from the code."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.settings import GROUPS, Settings, configuration_table
from signals_pipeline.settings.choices import Deployment, SignalGenerator
from signals_pipeline.settings.strategy import Knobs, SettingsError

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_defaults_of_the_knobs_do_not_change() -> None:
    assert Knobs().stored() == {
        "news_lookback_hours": 6.0,
        "news_strict_lookback": False,
        "news_max_age_days": 3.0,
        "min_sentiment_confidence": 0.6,
        "min_combined_score": 0.3,
        "signal_expiry_days": 7.0,
        "flip_cooldown_days": 2.0,
        "max_signals": 25,
        "sentiment_weight": 0.6,
        "tone_half_life_hours": 6.0,
        "tone_events": "results,guidance,rating,mna,legal,product,capital,people,other",
        "sentiment_model": "auto",
        "signal_generator": "news_driven",
    }


def test_tone_events_are_stored_in_one_order_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONE_EVENTS", "mna, results,,mna")

    knobs = Settings.checked().knobs

    assert knobs.tone_events == "results,mna"
    assert knobs.tone_event_types == ("results", "mna")


@pytest.mark.parametrize(
    ("value", "reason"),
    [("results,earnings", "unknown event type 'earnings'; use any of results, "), (",", "no event")],
)
def test_an_unknown_event_type_is_one_line_that_names_it(value: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=f"^TONE_EVENTS='{value}': {reason}") as raised:
        Knobs.checked(tone_events=value)
    assert "\n" not in str(raised.value)


def test_the_environment_sets_a_knob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIN_COMBINED_SCORE", "0.45")
    monkeypatch.setenv("SIGNAL_GENERATOR", "technical")

    knobs = Settings.checked().knobs

    assert (knobs.min_combined_score, knobs.signal_generator) == (0.45, SignalGenerator.TECHNICAL)


def test_dot_env_sets_a_knob_but_the_environment_takes_precedence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("MAX_SIGNALS=7\nSENTIMENT_WEIGHT=0.5\n")
    monkeypatch.setenv("MAX_SIGNALS", "9")

    settings = Settings.checked()

    assert (settings.max_signals, settings.sentiment_weight) == (9, 0.5)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MAX_SIGNALS", "0"),
        ("MAX_SIGNALS", "many"),
        ("SENTIMENT_WEIGHT", "1.01"),
        ("MIN_COMBINED_SCORE", "-0.1"),
        ("TONE_EVENTS", "results;mna"),
        ("FLIP_COOLDOWN_DAYS", "-1"),
        ("NEWS_LOOKBACK_HOURS", "0"),
        ("SENTIMENT_MODEL", "Fin/BERT"),
        ("SIGNALS_DEPLOYMENT", "prodution"),
        ("NEWS_TIMEZONE", "Nowhere/City"),
        ("NEWS_TIMEZONE", "America"),
        ("NEWS_TIMEZONE", "../UTC"),
        ("NEWS_TIMEZONE", "-04:00"),
        ("SIGNALS_FIRST_WINDOW_DATE", None),
    ],
)
def test_an_invalid_value_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None
) -> None:
    if value is None:
        with pytest.raises(SettingsError, match=f"^{variable}="):
            Knobs.checked(**{variable.lower(): 1})
        return
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as raised:
        Settings.checked()

    message = str(raised.value)
    assert message.startswith(f"{variable}='{value}': ")
    assert "\n" not in message
    assert message.endswith("see the configuration table in README.md")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("DIGEST_RECIPIENTS", f"{'a' * 243}@example.org", "an address has more than 254 characters"),
        ("OPERATOR_RECIPIENTS", f"a@b.org, {'a' * 243}@example.org", "an address has more than 254 characters"),
        ("MAIL_FROM", f"Signals <a@{'b.' * 100}b>", "the domain has more than 200 characters"),
        ("DIGEST_RECIPIENTS", "a@b.org,,c@d.org", "separate addresses with single commas"),
        ("DIGEST_RECIPIENTS", "a@b.org\x0b", "a domain consists of"),
        ("OPERATOR_RECIPIENTS", "a@b.org\u2028", "ASCII characters only"),
        ("MAIL_FROM", "=?utf-8?q?Signals?= <a@b.org>", "write it in plain letters"),
        ("SIGNALS_BASE_URL", "https://desk.example/\xe9", "use an http or https URL in ASCII"),
        ("SIGNALS_BASE_URL", "https://", "use an http or https URL in ASCII"),
        ("SIGNALS_BASE_URL", f"https://desk.example/{'x' * 480}", "more than 500 characters"),
    ],
)
def test_an_address_that_would_break_a_mail_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=reason) as refused:
        Settings.checked()

    assert str(refused.value).isprintable()


def test_a_list_of_addresses_may_have_several_lines() -> None:
    settings = Settings.checked(digest_recipients="ann@example.org,\n  bob@example.org\n")

    assert settings.recipients == ("ann@example.org", "bob@example.org")


def test_two_invalid_values_are_two_lines() -> None:
    with pytest.raises(SettingsError) as raised:
        Knobs.checked(max_signals=0, sentiment_weight=2)

    assert len(str(raised.value).splitlines()) == 2


@given(weight=st.floats(allow_nan=True, allow_infinity=True))
def test_no_weight_outside_its_bounds_is_accepted(weight: float) -> None:
    if 0 <= weight <= 1:
        assert Knobs.checked(sentiment_weight=weight).sentiment_weight == weight
    else:
        with pytest.raises(SettingsError):
            Knobs.checked(sentiment_weight=weight)


def test_paths_are_in_the_data_folder_by_default(tmp_path: Path) -> None:
    settings = Settings.checked(signals_data_dir=tmp_path / "data")

    assert settings.database_url == f"sqlite:///{tmp_path}/data/signals.db"
    assert settings.frames_url == f"{tmp_path}/data/frames"
    assert settings.digests_dir == tmp_path / "data" / "digests"
    assert settings.signals_deployment is Deployment.DEMO


def test_the_demo_has_a_data_folder_of_its_own_and_relative_ones_are_in_dagster_home(tmp_path: Path) -> None:
    assert Settings.checked().signals_data_dir == Path("var/demo")
    assert Settings.checked(signals_deployment="local").signals_data_dir == Path("var")
    home = {"signals_deployment": "local", "dagster_home": tmp_path}
    assert Settings.checked(**home).signals_data_dir == tmp_path / "var"
    assert Settings.checked(**home, signals_data_dir="live").signals_data_dir == tmp_path / "live"
    assert Settings.checked(**home, signals_data_dir="/live").signals_data_dir == Path("/live")


def test_a_shell_s_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    named = {"signals_data_dir": "~/live", "signals_news_path": "~/news.csv", "dagster_home": "~"}
    settings = Settings.checked(**named, signals_frames_url="~/frames")
    assert (settings.signals_data_dir, settings.signals_news_path) == (tmp_path / "live", tmp_path / "news.csv")
    assert (settings.dagster_home, settings.frames_url) == (tmp_path, str(tmp_path / "frames"))
    with pytest.raises(SettingsError, match=r"^SIGNALS_DATA_DIR='~nobody-has-it/x': no such user"):
        Settings.checked(signals_data_dir="~nobody-has-it/x")


def test_database_and_frames_can_be_elsewhere() -> None:
    settings = Settings.checked(
        signals_database_url="postgresql+psycopg2://h/d", signals_frames_url="s3://bucket/frames"
    )

    assert (settings.database_url, settings.frames_url) == ("postgresql+psycopg2://h/d", "s3://bucket/frames")


def test_the_readme_contains_the_configuration_table() -> None:
    text = (ROOT / "README.md").read_text()
    table = text.split("<!-- configuration -->")[1].split("<!-- /configuration -->")[0]

    assert table.strip() == configuration_table()


def test_the_example_environment_has_every_variable_with_its_description_and_default() -> None:
    entries = []
    for row in configuration_table().splitlines()[2:]:
        name, default, _bounds, description = (cell.strip(" `") for cell in row.strip("|").split("|"))
        entries.append(f"# {description}\n# {name}={default}")

    _introduction, _, variables = (ROOT / ".env.example").read_text().partition("\n\n")

    assert variables == "\n\n".join(entries) + "\n"


def test_every_setting_is_in_one_group_and_in_the_table() -> None:
    names = [name for group in GROUPS for name in group.model_fields]

    assert sorted(names) == sorted(Settings.model_fields)


def test_a_secret_is_not_shown_in_a_message() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.checked(signals_link_key="too short")

    message = str(raised.value)
    assert message.startswith("SIGNALS_LINK_KEY=(hidden): ")
    assert "too short" not in message


def test_an_address_list_ignores_duplicates_regardless_of_case() -> None:
    settings = Settings.checked(digest_recipients="Ann@example.org, bob@example.org, ann@example.org")

    assert settings.recipients == ("Ann@example.org", "bob@example.org")

"""Settings: which source wins, and that every fault is named at once."""

from pathlib import Path

import pytest

from fhir_server.settings import Settings, SettingsFault, is_loopback, load_settings


def test_the_option_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "fhir.toml"
    file.write_text('port = 1\nhost = "::1"\nworkers = 3\n')
    environment = {"FHIR_CONFIG": str(file), "FHIR_PORT": "2", "FHIR_HOST": "127.0.0.2", "HOME": "/"}
    settings = load_settings({"port": 4, "host": None}, environment=environment)
    assert (settings.port, settings.host, settings.workers) == (4, "127.0.0.2", 3)


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "fhir.toml"
    file.write_text("prot = 1\n")
    environment = {"FHIR_WORKERS": "many", "FHIR_COLOUR": "blue", "FHIR_TEST_DATA": "x", "FHIR_STORE": "mysql://"}
    with pytest.raises(SettingsFault) as caught:
        load_settings({"port": 70000, "timezone": "Europe/Atlantis"}, environment=environment, config=file)
    text = "\n".join(caught.value.faults)
    for part in ("prot", "colour", "workers", "port", "timezone", "store"):
        assert part in text
    assert len(caught.value.faults) == 6


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    for name, content in (("absent.toml", None), ("broken.toml", "port =")):
        file = tmp_path / name
        if content is not None:
            file.write_text(content)
        with pytest.raises(SettingsFault, match=name):
            load_settings({}, environment={}, config=file)


@pytest.mark.parametrize(
    ("host", "safe"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
    ],
)
def test_without_sign_in_only_loopback_is_safe(host: str, safe: bool) -> None:
    assert is_loopback(host) == safe
    assert (Settings(host=host, auth="off").unsafe() == []) == safe
    assert Settings(host=host).unsafe() != []


def test_the_base_is_made_of_host_and_port_unless_set() -> None:
    assert Settings().base == "http://127.0.0.1:8080/fhir"
    assert Settings(host="::1", port=9).base == "http://[::1]:9/fhir"
    assert Settings(base_url="https://a.example/fhir/").base == "https://a.example/fhir"

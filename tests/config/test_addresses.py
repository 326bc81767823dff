import pytest

from loyalty.config.addresses import AddressError, broker_address, database_address


def test_a_database_url_may_be_percent_encoded_throughout() -> None:
    found = database_address(
        "postgresql://la%40urel:p%2Fw%3A%C3%A9@db.example.org:6432/loy%20alty?sslmode=require"
    )
    assert found.user == "la@urel"
    assert found.password == "p/w:é"
    assert (found.host, found.port, found.name) == ("db.example.org", "6432", "loy alty")
    assert found.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://laurel@%2FTmp%2FMy%20Sockets/laurel",
        "postgres://laurel@/laurel?host=%2FTmp%2FMy%20Sockets",
    ],
)
def test_a_socket_directory_is_found_in_the_host_and_in_the_query_with_its_capitals(url: str) -> None:
    found = database_address(url)
    assert (found.host, found.port, found.user, found.name) == ("/Tmp/My Sockets", "", "laurel", "laurel")


def test_an_ipv6_host_loses_its_brackets() -> None:
    found = database_address("postgresql://laurel@[::1]:5433/laurel")
    assert (found.host, found.port) == ("::1", "5433")


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "postgresql://u:secret@h", "postgresql://u:secret@h:port/d"]
)
def test_a_bad_database_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(AddressError) as refused:
        database_address(url)
    assert "secret" not in str(refused.value)


def test_a_broker_on_a_socket_is_spelled_for_each_of_its_readers() -> None:
    found = broker_address("unix:///tmp/a%20b/valkey.sock?db=3")
    assert found.client == "unix:///tmp/a%20b/valkey.sock?db=3"
    assert found.celery == "redis+socket:///tmp/a%20b/valkey.sock?virtual_host=3"
    assert found.limits == "redis+unix:///tmp/a%20b/valkey.sock?db=3"


def test_a_broker_on_the_network_is_taken_as_it_is() -> None:
    url = "rediss://:p%40ss@redis.example.org:6380/1"
    assert set(broker_address(url)) == {url}


@pytest.mark.parametrize("url", ["amqp://u:secret@h", "redis://", "unix://", "unix:///s.sock?db=secret"])
def test_a_bad_broker_url_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(AddressError) as refused:
        broker_address(url)
    assert "secret" not in str(refused.value)

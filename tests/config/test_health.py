import pytest
from django.test import Client


def test_a_living_process_says_so_without_the_database(client: Client) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.django_db
def test_readiness_names_every_part(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    parts = answer.json()["parts"]
    assert set(parts) == {"database", "broker", "migrations", "events", "scheduler"}
    assert parts["database"]["status"] == parts["broker"]["status"] == "ok"
    assert parts["migrations"] == {"status": "ok", "pending": 0}

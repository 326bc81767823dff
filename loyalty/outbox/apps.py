from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "loyalty.outbox"
    verbose_name = "Facts"
    label = "outbox"

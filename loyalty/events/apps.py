from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "loyalty.events"
    label = "events"

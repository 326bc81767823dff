from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "loyalty.console"
    label = "console"

from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "loyalty.base"
    label = "base"

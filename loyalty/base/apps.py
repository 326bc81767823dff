from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "loyalty.base"
    verbose_name = "Jobs"
    label = "base"

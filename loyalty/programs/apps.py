from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    name = "loyalty.programs"
    label = "programs"

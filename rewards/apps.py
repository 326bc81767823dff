from django.apps import AppConfig
from django.utils.module_loading import import_string


class RewardsConfig(AppConfig):
    name = "rewards"
    label = "rewards"

    def ready(self) -> None:
        # By its name, because what is plugged in reads the models, which are not there when this file is imported.
        import_string("rewards.plugs.plug_in")()

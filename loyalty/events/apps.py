from django.apps import AppConfig
from django.utils.module_loading import import_string


class EventsConfig(AppConfig):
    name = "loyalty.events"
    label = "events"

    def ready(self) -> None:
        # By its name, because what is plugged in reads the models, which are not there when this file is imported.
        import_string("loyalty.events.plugs.plug_in")()

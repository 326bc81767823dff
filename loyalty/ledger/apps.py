from django.apps import AppConfig
from django.utils.module_loading import import_string


class LedgerConfig(AppConfig):
    name = "loyalty.ledger"
    verbose_name = "Books"
    label = "ledger"

    def ready(self) -> None:
        # By its name, because what is plugged in reads the models, which are not there when this file is imported.
        import_string("loyalty.ledger.plugs.plug_in")()

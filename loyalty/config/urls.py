"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from loyalty.config import health
from loyalty.config.api import api
from rewards.screens.picture_views import picture

handler403 = "loyalty.console.access.denied"

urlpatterns = [
    path("api/v1/", api.urls),  # first: looking through all the others costs a call a twentieth of its time
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("admin/", admin.site.urls),
    path("console/campaigns/", include("campaigns.urls")),
    path("console/rewards/", include("rewards.screens.urls")),
    path("console/tiers/", include("tiers.urls")),
    path("console/imports/", include("tiers.imports.urls")),
    path("console/", include("loyalty.console.urls")),
    path("pictures/<str:digest>.webp", picture, name="reward-picture"),
]

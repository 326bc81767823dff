"""Addresses of the campaigns' screens, below /console/campaigns/."""

from __future__ import annotations

from django.urls import path

from campaigns import views, why_views
from campaigns.builder import views as builder_views

app_name = "campaigns"
urlpatterns = [
    path("", views.campaign_list, name="list"),
    path("new/", builder_views.choose, name="choose"),
    path("new/<slug:recipe>/", builder_views.new, name="new"),
    path("<int:campaign_id>/", views.campaign_page, name="campaign"),
    path("<int:campaign_id>/edit/", builder_views.edit, name="edit"),
    path("<int:campaign_id>/publish/", views.publish, name="publish"),
    path("<int:campaign_id>/versions/<int:number>/", views.version_page, name="version"),
    path("<int:campaign_id>/versions/<int:number>/restore/", builder_views.restore, name="restore"),
    path("<int:campaign_id>/<str:act>/", views.campaign_state, name="state"),
    path("events/<uuid:event_id>/why/", why_views.why, name="why"),
    path("events/<uuid:event_id>/retry/", why_views.retry_event, name="retry"),
]

"""Addresses of the tiers' screens, below /console/tiers/."""

from __future__ import annotations

from django.urls import path

from tiers.screens import editing, publishing, views

app_name = "tiers"
urlpatterns = [
    path("", views.ladder_list, name="list"),
    path("new/", editing.choose, name="choose"),
    path("new/<slug:recipe>/", editing.new, name="new"),
    path("<int:set_id>/", views.ladder_page, name="ladder"),
    path("<int:set_id>/members/", views.members_by_tier, name="members"),
    path("<int:set_id>/edit/", editing.edit, name="edit"),
    path("<int:set_id>/publish/", publishing.publish, name="publish"),
    path("<int:set_id>/versions/<int:number>/", views.version_page, name="version"),
    path("<int:set_id>/versions/<int:number>/restore/", editing.restore, name="restore"),
]

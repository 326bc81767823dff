"""Addresses of the tiers' screens, below /console/tiers/."""

from __future__ import annotations

from django.urls import path

from tiers.screens import editing, foreseeing, member_views, publishing, views, withdrawing

app_name = "tiers"
urlpatterns = [
    path("", views.ladder_list, name="list"),
    path("new/", editing.choose, name="choose"),
    path("new/<slug:recipe>/", editing.new, name="new"),
    path("<int:set_id>/", views.ladder_page, name="ladder"),
    path("<int:set_id>/members/", views.members_by_tier, name="members"),
    path("<int:set_id>/edit/", editing.edit, name="edit"),
    path("<int:set_id>/publish/", publishing.publish, name="publish"),
    path("<int:set_id>/preview/", foreseeing.foresee, name="foresee"),
    path("<int:set_id>/moves/", foreseeing.movers, name="movers"),
    path("<int:set_id>/recalculate/", publishing.recalculate, name="recalculate"),
    path("<int:set_id>/versions/<int:number>/", views.version_page, name="version"),
    path("<int:set_id>/versions/<int:number>/restore/", editing.restore, name="restore"),
    path("<int:set_id>/versions/<int:number>/withdraw/", withdrawing.withdraw, name="withdraw"),
    path("members/<uuid:member_id>/", member_views.member_tier, name="member"),
    path("members/<uuid:member_id>/panel/", member_views.panel, name="panel"),
    path("members/<uuid:member_id>/set/", member_views.set_by_hand, name="set"),
    path("members/<uuid:member_id>/set/preview/", member_views.set_preview, name="set-preview"),
    path("members/<uuid:member_id>/remove/", member_views.remove_manual, name="remove"),
    path("members/<uuid:member_id>/evaluate/", member_views.evaluate, name="evaluate"),
]

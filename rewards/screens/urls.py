"""Addresses of the rewards' screens, below /console/rewards/."""

from __future__ import annotations

from django.urls import path

from rewards.screens import catalogue_views, editor_views, stock_views

app_name = "rewards"
urlpatterns = [
    path("", catalogue_views.reward_list, name="list"),
    path("new/", catalogue_views.choose, name="choose"),
    path("new/<slug:kind>/", editor_views.new, name="new"),
    path("reach/", editor_views.reach, name="reach"),
    path("<int:reward_id>/", catalogue_views.reward_page, name="reward"),
    path("<int:reward_id>/edit/", editor_views.edit, name="edit"),
    path("<int:reward_id>/stock/new/", stock_views.add_stock, name="add-stock"),
    path("<int:reward_id>/stock/<int:stock_id>/", stock_views.stock_page, name="stock"),
    path("<int:reward_id>/<slug:act>/", catalogue_views.stage, name="stage"),
]

"""Addresses of the rewards' screens, below /console/rewards/."""

from __future__ import annotations

from django.urls import path

from rewards.screens import (
    catalogue_views,
    code_views,
    editor_views,
    member_views,
    queue_views,
    redemption_views,
    settlement_views,
    stock_views,
)

app_name = "rewards"
urlpatterns = [
    path("", catalogue_views.reward_list, name="list"),
    path("new/", catalogue_views.choose, name="choose"),
    path("new/<slug:kind>/", editor_views.new, name="new"),
    path("reach/", editor_views.reach, name="reach"),
    path("settlement/", settlement_views.settle, name="settlement"),
    path("queue/", queue_views.queue_page, name="queue"),
    path("queue/bulk/", queue_views.bulk, name="bulk"),
    path("queue/print/", queue_views.print_list, name="print"),
    path("queue/receipts/<uuid:token>/", queue_views.receipt, name="receipt"),
    path("pickup/", queue_views.scan, name="pickup"),
    path("redemptions/<uuid:redemption_id>/", redemption_views.redemption_page, name="redemption"),
    path("redemptions/<uuid:redemption_id>/lock/", redemption_views.lock, name="lock"),
    path("redemptions/<uuid:redemption_id>/reveal/", redemption_views.reveal, name="reveal"),
    path("redemptions/<uuid:redemption_id>/<slug:name>/", redemption_views.act, name="act"),
    path("members/<uuid:member_id>/", member_views.of_member, name="member"),
    path("members/<uuid:member_id>/give/", member_views.choose, name="give"),
    path("members/<uuid:member_id>/give/<int:reward_id>/", member_views.give, name="give-one"),
    path("<int:reward_id>/", catalogue_views.reward_page, name="reward"),
    path("<int:reward_id>/codes/", code_views.codes, name="codes"),
    path("<int:reward_id>/codes/<uuid:batch_id>/", code_views.batch, name="batch"),
    path("<int:reward_id>/edit/", editor_views.edit, name="edit"),
    path("<int:reward_id>/stock/new/", stock_views.add_stock, name="add-stock"),
    path("<int:reward_id>/stock/<int:stock_id>/", stock_views.stock_page, name="stock"),
    path("<int:reward_id>/<slug:act>/", catalogue_views.stage, name="stage"),
]

"""Addresses of the screens, below /console/."""

from __future__ import annotations

from django.urls import path

from loyalty.console import (
    adjust_views,
    event_views,
    held_views,
    history_views,
    job_views,
    key_views,
    member_edit_views,
    member_views,
    switch_views,
)

app_name = "console"
urlpatterns = [
    path("switch/", switch_views.switch, name="switch"),
    path("held/", held_views.held, name="held"),
    path("numbers/", switch_views.numbers, name="numbers"),
    path("members/", member_views.member_list, name="members"),
    path("members/new/", member_edit_views.add_member, name="add-member"),
    path("members/<uuid:member_id>/edit/", member_edit_views.edit_member, name="edit-member"),
    path("members/<uuid:member_id>/", member_views.member_page, name="member"),
    path("members/<uuid:member_id>/timeline/", member_views.member_timeline, name="timeline"),
    path("members/<uuid:member_id>/order/", member_views.missing_order, name="order"),
    path("members/<uuid:member_id>/adjust/", adjust_views.adjust, name="adjust"),
    path("members/<uuid:member_id>/adjust/preview/", adjust_views.adjust_preview, name="adjust-preview"),
    path("members/<uuid:member_id>/receipts/<uuid:transaction_id>/", adjust_views.receipt, name="receipt"),
    path("members/<uuid:member_id>/state/", member_views.member_state, name="member-state"),
    path("members/<uuid:member_id>/state/<str:act>/", member_views.member_state_ask, name="member-state-ask"),
    path("events/<uuid:event_id>/", event_views.event_page, name="event"),
    path("events/<uuid:event_id>/link/", event_views.link_event, name="link-event"),
    path("channels/<int:channel_id>/keys/", key_views.keys, name="keys"),
    path("channels/<int:channel_id>/keys/new/", key_views.make_key, name="make-key"),
    path("keys/<int:key_id>/roll/", key_views.roll_key, name="roll-key"),
    path("keys/<int:key_id>/revoke/", key_views.revoke_key, name="revoke-key"),
    path("history/<str:label>/<int:pk>/", history_views.history, name="history"),
    path("jobs/", job_views.job_list_page, name="jobs"),
    path("jobs/tray/", job_views.job_tray, name="job-tray"),
    path("jobs/<uuid:job_id>/", job_views.job_page, name="job"),
    path("jobs/<uuid:job_id>/stop/", job_views.stop_job, name="stop-job"),
    path("jobs/<uuid:job_id>/resume/", job_views.resume_job, name="resume-job"),
    path("jobs/<uuid:job_id>/errors/", job_views.job_errors, name="job-errors"),
]

"""Addresses of the imports' screens, below /console/imports/."""

from __future__ import annotations

from django.urls import path

from tiers.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.imports_page, name="list"),
    path("<uuid:job_id>/", views.import_page, name="import"),
    path("<uuid:job_id>/confirm/", views.confirm, name="confirm"),
    path("<uuid:job_id>/undo/", views.undo_import, name="undo"),
]

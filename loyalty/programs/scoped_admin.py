"""Lists that show one program: the one that the member of staff works in."""

from __future__ import annotations

from typing import Any

from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from unfold.paginator import InfinitePaginator

from loyalty.base.admin import ListAdmin, ReadOnlyAdmin
from loyalty.programs.models import Program
from loyalty.programs.scope import current_program


class _OfProgram:
    """Form mixin: a new row is checked as one of the chosen program, so that codes are unique within it."""

    current: Program | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:  # type: ignore[attr-defined]
            self.instance.program = self.current  # type: ignore[attr-defined]

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() - {"program"}  # type: ignore[misc,no-any-return]


class InProgram:
    """Mixin: rows of the chosen program only; `program_path` is the way from the row to its program."""

    program_path = "program"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset(request)  # type: ignore[misc]
        program = current_program(request)
        return rows.filter(**{self.program_path: program}) if program else rows.none()

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Choices of a foreign key are those of the program too."""
        related = db_field.remote_field.model
        if any(field.name == "program" for field in related._meta.fields):
            kwargs["queryset"] = related._default_manager.filter(program=current_program(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc,no-any-return]

    def get_form(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]
        program = current_program(request)
        return (
            type(form.__name__, (_OfProgram, form), {"current": program})
            if self.program_path == "program"
            else form
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new row belongs to the chosen program."""
        if not change and self.program_path == "program":
            obj.program = current_program(request)
        super().save_model(request, obj, form, change)  # type: ignore[misc]


class ScopedAdmin(InProgram, ListAdmin):
    """Editable rows of the chosen program, which are few: that a filter is on can be told by their number."""

    show_full_result_count = True


class LongListAdmin(InProgram, ReadOnlyAdmin):
    """Rows of the chosen program that nobody edits. They may be millions, so pages are turned without counting."""

    paginator = InfinitePaginator

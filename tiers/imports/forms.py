"""The forms of imports: a file with what its columns mean, and how to undo."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty.base import job_files
from loyalty.base.errors import LaurelError
from loyalty.base.imports import reading
from loyalty.base.job_files import Upload
from loyalty.base.words import Words
from loyalty.programs.models import Program
from tiers.imports import mapping, work

FIELDS: dict[str, Words] = {
    "member": gettext_lazy("Member"),
    "point_type": gettext_lazy("Kind of points"),
    "amount": gettext_lazy("Amount"),
    "earned_on": gettext_lazy("Earned on"),
    "expires_on": gettext_lazy("Last day of the points"),
    "tier": gettext_lazy("Tier"),
    "tier_since": gettext_lazy("Tier since"),
    "tier_until": gettext_lazy("Last day of the tier"),
}
KINDS: dict[str, Words] = {
    "ext": gettext_lazy("External id"),
    "email": gettext_lazy("E-mail"),
    "phone": gettext_lazy("Phone"),
    "card": gettext_lazy("Card"),
}
DATES: dict[str, Words] = {
    "": gettext_lazy("2026-11-30"),
    "%d.%m.%Y": gettext_lazy("30.11.2026"),
    "%d/%m/%Y": gettext_lazy("30/11/2026"),
    "%m/%d/%Y": gettext_lazy("11/30/2026"),
}
DELIMITERS: dict[str, Words] = {
    ",": gettext_lazy("Comma"),
    ";": gettext_lazy("Semicolon"),
    "\t": gettext_lazy("Tab"),
}
ENCODINGS: dict[str, Words] = {
    "utf-8-sig": gettext_lazy("UTF-8"),
    "cp1252": gettext_lazy("Windows (Western Europe)"),
    "utf-16": gettext_lazy("UTF-16"),
}


class UploadForm(forms.Form):
    """A file, and how to read it. Its first row is read at once, so that a wrong one is told before anything runs."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    file = forms.FileField(label=gettext_lazy("File"))
    enrol = forms.BooleanField(required=False, label=gettext_lazy("Make members of those who are not yet"))
    keep_duplicates = forms.BooleanField(
        required=False, label=gettext_lazy("Rows that are alike are lots of their own")
    )
    member_kind = forms.ChoiceField(
        choices=list(KINDS.items()), label=gettext_lazy("Members are named by"), required=False
    )
    date_format = forms.ChoiceField(
        choices=list(DATES.items()), label=gettext_lazy("Days look like"), required=False
    )
    delimiter = forms.ChoiceField(
        choices=list(DELIMITERS.items()), label=gettext_lazy("Between the cells"), required=False
    )
    encoding = forms.ChoiceField(
        choices=list(ENCODINGS.items()), label=gettext_lazy("Encoding"), required=False
    )

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.program = program
        self.upload: Upload | None = None
        self.digest = ""
        for name, label in FIELDS.items():
            self.fields[f"column_{name}"] = forms.CharField(max_length=200, required=False, label=label)

    @property
    def columns(self) -> list[forms.BoundField]:
        return [self[f"column_{name}"] for name in FIELDS]

    @property
    def said(self) -> dict[str, Any]:
        """The mapping as an operator would say it."""
        data = self.cleaned_data
        options = ("enrol", "keep_duplicates", "member_kind", "date_format", "delimiter", "encoding")
        columns = {name: data[f"column_{name}"] for name in FIELDS if data.get(f"column_{name}")}
        return {"columns": columns} | {name: data[name] for name in options if data.get(name)}

    def clean_file(self) -> Any:
        sent = self.cleaned_data["file"]
        if sent.size > job_files.MAX_UPLOAD:
            most = job_files.MAX_UPLOAD // 1024 // 1024
            raise ValidationError(
                _("Send a file of at most %(most)d MB; pack it, if need be.") % {"most": most}
            )
        self.upload = Upload(sent.name, sent.read())
        return sent

    def clean(self) -> dict[str, Any] | None:
        if self.upload and not self.errors:
            with work.on_disk(self.upload) as path:
                try:
                    reading.measure(path, most_bytes=work.MOST_BYTES, longest_line=work.LONGEST_LINE)
                    mapping.of_said(self.program, self.said, path=path)
                    self.digest = reading.fingerprint(path)
                except LaurelError as wrong:
                    self.add_error("file", wrong.detail)
                except reading.UNREADABLE:
                    self.add_error("file", _("This file cannot be read: it is damaged, or of another kind."))
        return self.cleaned_data


class UndoForm(forms.Form):
    """How to take an import back."""

    SPENT: tuple[tuple[str, Words, Words], ...] = (
        ("left", gettext_lazy("Leave them spent"), gettext_lazy("They are listed, member by member.")),
        (
            "owed",
            gettext_lazy("Take them all the same"),
            gettext_lazy("From other points of the member; the rest is owed."),
        ),
    )
    token = forms.UUIDField(widget=forms.HiddenInput)
    spent = forms.ChoiceField(
        choices=[(code, words) for code, words, _help in SPENT],
        label=gettext_lazy("Points that were spent meanwhile"),
    )
    close = forms.BooleanField(
        required=False,
        label=gettext_lazy("Close members whom the import enrolled and who have done nothing since"),
    )

"""The pool of a voucher reward: how full it is, uploading codes as a job, what became of each upload."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django import forms
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from loyalty.base import clock
from loyalty.base.errors import LaurelError
from loyalty.base.job_files import MAX_UPLOAD
from loyalty.base.words import Words
from loyalty.console.access import ScreenRequest, actor_name, may, refuse, screen, show
from loyalty.console.fields import LocalMomentField
from rewards import vouchers
from rewards.code_files import WHY
from rewards.models import Code, CodeBatch, VoucherReward
from rewards.screens import levels
from rewards.screens.common import UPLOAD, VIEW, reward_of

SHOWN: Final = 50
STATES: Final = {
    "free": ("good", gettext_lazy("Free")),
    "reserved": ("warn", gettext_lazy("Reserved")),
    "issued": ("info", gettext_lazy("Issued")),
    "used": ("quiet", gettext_lazy("Used")),
    "revoked": ("quiet", gettext_lazy("Revoked")),
    "expired": ("quiet", gettext_lazy("Expired")),
}
GIVEN_OUT: Final = ("issued", "used", "expired", "revoked")


class UploadForm(forms.Form):
    """A file or a paste, not both."""

    file = forms.FileField(
        required=False, label=gettext_lazy("CSV file"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=gettext_lazy("One code a line, or columns named code and expires. UTF-8, at most 20 MB."),
    )  # fmt: skip
    pasted = forms.CharField(
        required=False, label=gettext_lazy("Or paste the codes"), widget=forms.Textarea, strip=False,
        help_text=gettext_lazy("One a line. The same codes twice change nothing."),
    )  # fmt: skip
    expires_at = LocalMomentField(
        label=gettext_lazy("They can be used until"),
        help_text=gettext_lazy(
            "For codes that name no expiry of their own. Empty: as long as the reward says."
        ),
    )

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data.get("file") and data.get("pasted", "").strip():
            self.add_error("pasted", _("Choose a file or paste codes, not both."))
        elif not data.get("file") and not data.get("pasted", "").strip() and "file" in data:
            self.add_error("file", _("Choose a file, or paste codes."))
        if data.get("file") and data["file"].size > MAX_UPLOAD:
            self.add_error("file", _("Send a file of at most 20 MB."))
        return data

    def sent(self) -> tuple[str, bytes]:
        """The name and the content of what was sent."""
        data = self.cleaned_data
        if data["file"]:
            return str(data["file"].name), data["file"].read()
        return "", data["pasted"].encode("utf-8", "surrogatepass")


@require_http_methods(["GET", "POST"])
@screen(VIEW)
def codes(request: ScreenRequest, reward_id: int) -> HttpResponse:
    """The pool; and a new upload, which a worker carries out."""
    reward = reward_of(request, reward_id)
    if not isinstance(reward, VoucherReward):
        raise Http404
    if request.method == "POST" and not may(request, UPLOAD):
        return refuse(request, [UPLOAD])
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        name, content = form.sent()
        try:
            job = vouchers.start(
                reward, content, name=name, by=actor_name(request), at=clock.now(),
                expires_at=form.cleaned_data["expires_at"],
            )  # fmt: skip
        except LaurelError as refused:
            form.add_error("file" if name else "pasted", refused.detail)
        else:
            return redirect("console:job", job.pk)
    return _page(request, reward, form)


def _form(request: ScreenRequest) -> UploadForm:
    form = UploadForm(request.POST or None, request.FILES or None)
    form.fields["expires_at"].program = request.program  # type: ignore[attr-defined]
    return form


def _page(request: ScreenRequest, reward: VoucherReward, form: UploadForm) -> HttpResponse:
    state = request.GET.get("state", "")
    rows = Code.objects.filter(reward=reward).select_related("redemption")
    if state in STATES:
        rows = rows.filter(state=state)
    pool = vouchers.pool_of(reward)
    counts = [(code, label, getattr(pool, code)) for code, (_tone, label) in STATES.items()]
    context = {
        "title": _("Codes of %(name)s") % {"name": reward.name},
        "reward": reward,
        "pool": pool,
        "gauge": replace(levels.together(reward.stocks.all(), reward.low_stock_at), given_out=True),
        "given_out": _given_out(reward),
        "counts": [one for one in counts if one[2]],
        "state": state if state in STATES else "",
        "rows": [(row, *STATES[row.state]) for row in rows.order_by("-pk")[:SHOWN]],
        "shown": SHOWN,
        "batches": CodeBatch.objects.filter(reward=reward).order_by("-created_at")[:20],
        "form": form,
        "may_upload": may(request, UPLOAD) and reward.status != "ended",
        "zone": request.program.timezone,
    }
    return show(request, "rewards/codes.html", context, status=422 if form.errors else 200)


def _given_out(reward: VoucherReward) -> list[tuple[Words, int]]:
    """What became of the codes that members have, by state. One that was taken back is out of the pool."""
    own = Code.objects.filter(reward=reward, redemption__holds_stock=True, state__in=GIVEN_OUT)
    counts = dict(own.order_by().values_list("state").annotate(Count("pk")))
    return [(STATES[state][1], counts[state]) for state in GIVEN_OUT if state in counts]


@require_http_methods(["GET"])
@screen(VIEW)
def batch(request: ScreenRequest, reward_id: int, batch_id: Any) -> HttpResponse:
    """What became of one upload, with the first lines that were not loaded."""
    reward = reward_of(request, reward_id)
    found = CodeBatch.objects.filter(reward=reward, pk=batch_id).first()
    if found is None:
        raise Http404
    lines = [{**one, "told": WHY.get(one["why"], one["why"])} for one in found.report]
    context = {
        "title": _("Upload of codes"),
        "reward": reward,
        "batch": found,
        "lines": lines[:500],
        "more": max(0, found.lines - found.added - len(lines[:500])),
    }
    return show(request, "rewards/batch.html", context)

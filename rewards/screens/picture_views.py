"""Pictures for anybody: an app shows them to members, so nobody signs in for them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from rewards.models import RewardPicture

FOR_EVER = "public, max-age=31536000, immutable"


@require_GET
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    """The picture with this digest. It never changes, so browsers and proxies keep it."""
    found = RewardPicture.objects.filter(digest=digest).first()
    if found is None:
        raise Http404
    answer = HttpResponse(bytes(found.content), content_type="image/webp")
    answer.headers["Cache-Control"] = FOR_EVER
    answer.headers["ETag"] = f'"{digest}"'
    return answer

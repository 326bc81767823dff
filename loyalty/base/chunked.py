"""Bodies that come in chunks, without a Content-Length (RFC 9112, 7.1). Django takes them for empty; here they
are read, as long as the web server says where they end."""

from __future__ import annotations

from django.http import HttpRequest

from loyalty.base.errors import LengthRequired, TooLarge

_PIECE = 1 << 16


def take(request: HttpRequest, *, most: int) -> None:
    """Read such a body, so that `request.body` holds it; of any other request nothing is touched.

    Raises TooLarge beyond `most` bytes, LengthRequired when the server does not tell where the body ends.
    """
    if request.META.get("CONTENT_LENGTH") or not request.META.get("HTTP_TRANSFER_ENCODING"):
        return
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired("Send the body with a Content-Length: this server cannot read it in chunks.")
    stream, body = request.META["wsgi.input"], bytearray()
    while piece := stream.read(_PIECE):
        body += piece
        if len(body) > most:
            raise TooLarge(f"The body may have at most {most} bytes.")
    request._body = bytes(body)  # where Django keeps what was read

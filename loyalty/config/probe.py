"""Asks the web server beside it whether it lives, for a container's health check."""

import http.client
import os
import sys


def main() -> int:
    """0 when it answers. With one of the allowed host names, since any other is refused."""
    host = os.environ.get("LAUREL_ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8000), timeout=4)
    connection.request("GET", "/healthz", headers={"Host": host})
    return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main())

"""Docker's health check of the image: whether the exporter on this port of this container answers that it is healthy.

A web config may ask for more than a check has. With TLS no certificate is verified, as the container asks itself. An
exporter that asks for a password, or ends a connection without a client certificate after the handshake (TLS 1.3), is
alive, but says no more.
"""

import http.client
import ssl
import sys
from contextlib import closing

_ALIVE = (200, 401, 403)


def _answers(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/-/healthy")
    return connection.getresponse().status in _ALIVE


def is_healthy(port: int) -> bool:
    """Whether the exporter answers in time."""
    context = ssl._create_unverified_context()
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=4, context=context)) as tls:
        try:
            tls.connect()
        except OSError:
            pass  # it has no TLS, as one without a web config
        else:
            try:
                return _answers(tls)
            except TimeoutError:
                return False
            except (OSError, http.client.HTTPException):
                return True
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=4)) as plain:
        try:
            return _answers(plain)
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    sys.exit(not is_healthy(int(sys.argv[1])))

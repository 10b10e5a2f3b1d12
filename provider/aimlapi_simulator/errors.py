"""Error answers in both envelopes that are in the wild; when one is due is decided elsewhere."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from aimlapi_simulator.clock import iso
from aimlapi_simulator.message import JSON, Response, json_response

Envelope = Literal["legacy", "problem"]
ENVELOPES: tuple[Envelope, ...] = ("legacy", "problem")
PROBLEM_JSON = "application/problem+json; charset=utf-8"
HTML_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


def error_response(
    envelope: Envelope,
    *,
    status: int,
    message: str,
    path: str,
    request_id: str,
    now_s: float,
) -> Response:
    """An error as the documentation shows it (`legacy`), or as the live API sends it (`problem`)."""
    if envelope == "legacy":
        body: dict[str, object] = {
            "message": message,
            "path": path,
            "requestId": request_id,
            "statusCode": status,
            "timestamp": iso(now_s),
        }
        return json_response(body, status=status)
    title = _title(status)
    body = {
        "title": title,
        "status": status,
        "message": message,
        "instance": path,
        "requestId": request_id,
        "timestamp": iso(now_s),
        "error": {"name": title.replace(" ", "") + "Exception", "message": message},
    }
    response = json_response(body, status=status)
    response.content_type = PROBLEM_JSON
    return response


def page_response(status: int) -> Response:
    """A gateway's page of HTML."""
    return Response(status=status, content_type="text/html", body=HTML_PAGE)


def empty_response(status: int, location: str = "") -> Response:
    """Nothing but a status, and where to go if it is a redirect."""
    headers = f"location: {location}\r\n" if location else ""
    return Response(status=status, content_type=JSON, headers=headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"

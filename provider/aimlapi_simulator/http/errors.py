"""Error answers, in the two envelopes that the API uses."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from aimlapi_simulator.clock import iso_time
from aimlapi_simulator.http.message import JSON, Response, json_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aimlapi_simulator.schema.hints import Complaint

Envelope = Literal["legacy", "problem"]
ENVELOPES: tuple[Envelope, ...] = ("legacy", "problem")
PROBLEM_JSON = "application/problem+json; charset=utf-8"
VALIDATION_FAILED = "Validation failed"
HTML_PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
    b"</body>\r\n</html>\r\n"
)


class Problem(msgspec.Struct, kw_only=True, frozen=True):
    """What is wrong with a request; `details` lists the faulty fields of its body."""

    status: int
    message: str
    details: Sequence[Complaint] = ()


def error_response(
    envelope: Envelope, problem: Problem, *, path: str, request_id: str, now_s: float
) -> Response:
    """Return an error as the documentation shows it (`legacy`), or as the live API sends it (`problem`)."""
    status, message, details = problem.status, problem.message, problem.details
    if envelope == "legacy":
        body: dict[str, object] = {
            "message": message,
            "path": path,
            "requestId": request_id,
            "statusCode": status,
            "timestamp": iso_time(now_s),
        }
        return json_response(body, status=status)
    # The live API's message of an error with details is always the same. The reason is in the details.
    title = _status_title(status)
    message = VALIDATION_FAILED if details else message
    error: dict[str, Any] = {"name": title.replace(" ", "") + "Exception", "message": message}
    if details:
        error["details"] = [{"path": one.path, "reason": one.reason} for one in details]
    body = {
        "title": title,
        "status": status,
        "message": message,
        "instance": path,
        "requestId": request_id,
        "timestamp": iso_time(now_s),
        "error": error,
    }
    response = json_response(body, status=status)
    response.content_type = PROBLEM_JSON
    return response


def vendor_words(status: int, message: str) -> str:
    """Return an error of the vendor behind the API, as the API passes it on: a text with JSON in it."""
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return f"{status} {msgspec.json.encode(error).decode()}"


def page_response(status: int) -> Response:
    """Return a gateway's HTML page."""
    return Response(status=status, content_type="text/html", body=HTML_PAGE)


def empty_response(status: int, location: str = "") -> Response:
    """Return a status without a body, with the target if it is a redirect."""
    headers = f"location: {location}\r\n" if location else ""
    return Response(status=status, content_type=JSON, headers=headers)


def _status_title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"

"""Why there is no response. Their face is `wasmload.http`."""

from componentize_py_types import Err
from wit_world.imports import http as _contract

from .given import case_of


class Error(Exception):
    """Why there is no response. A response with a status of 400 or more is a response and not an error."""


class InvalidRequest(Error):
    """The URL, the method or a header cannot be sent; nothing was."""


class NameNotResolved(Error):
    """The host's name has no address."""


class ConnectionRefused(Error):
    """Nobody listens at the address."""


class ConnectionReset(Error):
    """The peer, or something on the way, broke the connection."""


class ClosedEarly(Error):
    """The peer ended the connection before the response was complete."""


class Timeout(Error):
    """The request's time was over before the response was complete."""


class MalformedResponse(Error):
    """What came back is not HTTP."""


class BodyTooLarge(Error):
    """The response's body is larger than the engine keeps."""


class NotAllowed(Error):
    """The engine or its user does not allow this request."""


class Other(Error):
    """Anything else, in words for people."""


def error_of(case: _contract.Error) -> Error:
    """The exception of a case of the contract."""
    match case:
        case _contract.Error_InvalidRequest(why):
            return InvalidRequest(f"invalid request: {why}")
        case _contract.Error_NameNotResolved():
            return NameNotResolved("name not resolved")
        case _contract.Error_ConnectionRefused():
            return ConnectionRefused("connection refused")
        case _contract.Error_ConnectionReset():
            return ConnectionReset("connection reset")
        case _contract.Error_ClosedEarly():
            return ClosedEarly("connection closed before the response was complete")
        case _contract.Error_TimedOut():
            return Timeout("timed out")
        case _contract.Error_MalformedResponse(what):
            return MalformedResponse(f"malformed response: {what}")
        case _contract.Error_BodyTooLarge():
            return BodyTooLarge("response body too large")
        case _contract.Error_NotAllowed(what):
            return NotAllowed(f"not allowed: {what}")
        case _contract.Error_Other(what):
            return Other(what)


def raised(error: Err[_contract.Error]) -> Error:
    """The exception of a failed result."""
    return error_of(case_of(error))

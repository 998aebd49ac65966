"""Pages for what went wrong.  They touch no database, so that they stand when it does not."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def _say(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    words = {"status": status, "title": title, "sentence": sentence}
    return render(request, "workbench/error.html", words, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _say(request, 400, "That request made no sense", "The address or the form was damaged on its way.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _say(
        request,
        403,
        "Your account may not do this",
        "Ask an admin if you need it: the groups annotator, engineer and admin carry the rights.",
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _say(
        request,
        404,
        "There is nothing at this address",
        "It may have been deleted, or the address was mistyped.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return _say(
        request,
        500,
        "Something broke on our side",
        "The error is in the server's log with the time of this request. What you had saved is safe.",
    )


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _say(
        request,
        403,
        "This form is out of date",
        "You signed in or out since it was opened. Go back, reload the page and send it again.",
    )

"""Hands out tasks, and takes labels in, for one person at a time.

On SQLite Label Studio looks for an unlocked task and locks it in two steps without a transaction, so people who
ask at once are given the same task (three at once: 134 annotations for 120 tasks that wanted one, measured; 120
with this).  And it stores an annotation before it releases its author's lock; who asks in between is told that
no task is left, for both count (6 of 14 runs of 4 tasks at overlap 3; none with this).  The embedded server is
one process, so a lock in it is enough.
"""

import re
import threading

NEXT = re.compile(r"/api/projects/\d+/next/?")
ANNOTATIONS = re.compile(r"/api/tasks/\d+/annotations/?")
TURN = threading.RLock()  # their slash middleware runs a request again from within itself


class OneAtATime:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if not moves_the_queue(request):
            return self.get_response(request)
        with TURN:
            return self.get_response(request)


def moves_the_queue(request):
    stream = request.path.startswith("/api/dm/actions") and request.GET.get("id") == "next_task"
    submits = request.method == "POST" and ANNOTATIONS.fullmatch(request.path)
    return bool(stream or submits or NEXT.fullmatch(request.path))

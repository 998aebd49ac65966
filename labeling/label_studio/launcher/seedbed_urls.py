"""Our routes before Label Studio's own."""

import seedbed_views
from core.urls import urlpatterns as their_urls
from django.urls import path

urlpatterns = [
    path("heidi-tips/", seedbed_views.no_tips),
    path("seedbed/open", seedbed_views.open_queue),
    *their_urls,
]

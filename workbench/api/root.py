"""The JSON API's root."""

from ninja import NinjaAPI
from ninja.security import django_auth

api = NinjaAPI(title="Seedbed", version="1", auth=django_auth)

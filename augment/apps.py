from django.apps import AppConfig


class AugmentConfig(AppConfig):
    name = "augment"
    default_auto_field = "django.db.models.BigAutoField"

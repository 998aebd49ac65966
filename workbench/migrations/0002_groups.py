"""The three groups of people, each holding all that the one before it holds."""

from django.apps.registry import Apps
from django.db import migrations

ANNOTATOR = {"labeling": {"view": ["dataset", "sample", "annotation", "annotator"]}}
ENGINEER = {
    "labeling": {
        "view": ["importreport", "labelproject", "labeltask", "predictionset", "selectionround"],
    },
    "augment": {"view": ["preview"]},
    "trainer": {"view": ["run", "comparison", "curve", "curvecell", "forecast"]},
    "workbench": {"view": ["advice"]},
    "ledger": {"view": ["job"]},
}
ADMIN = {
    "labeling": {
        "add": ["dataset", "labelproject", "selectionround"],
        "change": ["dataset", "labelproject"],
        "delete": ["dataset", "sample"],
    },
    "augment": {"add": ["preview"]},
    "trainer": {"add": ["run", "curve"], "delete": ["run", "curve"]},
    "workbench": {"change": ["advice"]},
    "ledger": {"add": ["job"], "change": ["job"]},
}


def make_groups(apps: Apps, schema_editor: object) -> None:
    """Django makes permissions only after all migrations, so those that we hand out are made here."""
    content_types = apps.get_model("contenttypes", "ContentType")
    permissions = apps.get_model("auth", "Permission")
    held = []
    for name, rights in [("annotator", ANNOTATOR), ("engineer", ENGINEER), ("admin", ADMIN)]:
        for label, verbs in rights.items():
            for verb, models in verbs.items():
                for model in models:
                    about, _ = content_types.objects.get_or_create(app_label=label, model=model)
                    permission, _ = permissions.objects.get_or_create(
                        content_type=about,
                        codename=f"{verb}_{model}",
                        defaults={"name": f"Can {verb} {apps.get_model(label, model)._meta.verbose_name}"},
                    )
                    held.append(permission)
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        group.permissions.set(held)


def drop_groups(apps: Apps, schema_editor: object) -> None:
    apps.get_model("auth", "Group").objects.filter(name__in=["annotator", "engineer", "admin"]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("workbench", "0001_initial"),
        ("ledger", "__first__"),
        ("trainer", "__first__"),
        ("augment", "__first__"),
        ("labeling", "__first__"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]
    operations = [migrations.RunPython(make_groups, drop_groups)]

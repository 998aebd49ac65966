"""Fills a fresh state folder, as a process of its own: people, a real dataset, and a row of everything.

`python -m tests.workbench.web_seed`, with SEEDBED_STATE in the environment.
"""

import os
from pathlib import Path

import django
import numpy as np

PASSWORD = "correct horse battery"
SHAPES = "Shapes"


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.utils import timezone

    from labeling.models import Dataset
    from labeling.services import pictures
    from tests import toys
    from tests.workbench import web_curves, web_quality, web_rows

    call_command("migrate", verbosity=0)
    for group in Group.objects.all():
        User.objects.create_user(group.name, password=PASSWORD).groups.add(group)
    User.objects.create_superuser("root", password=PASSWORD)
    folder = Path(settings.STATE_DIR, "shapes")
    toys.shape_folder(folder, dict(zip(toys.SHAPES, (70, 60, 40), strict=True)), np.random.default_rng(0))
    (folder / "circle" / "broken.png").write_bytes(b"\x89PNG and nothing more")
    shapes = Dataset.objects.create(name=SHAPES, created_at=timezone.now())
    pictures.import_images(shapes, folder, test_share=0.3, now=timezone.now())
    web_quality.make(shapes, timezone.now())
    web_rows.make(settings.STATE_DIR, timezone.now())
    web_curves.make(web_curves.parts(timezone.now()), timezone.now())


if __name__ == "__main__":
    main()

"""What we have: pictures, and people's and models' opinions of them."""

from __future__ import annotations

from django.db import models

# Django finds models through this file alone
from labeling.classes.models import ClassChange as ClassChange
from labeling.classes.models import ClassGuide as ClassGuide
from labeling.quality.models import PictureIssue as PictureIssue
from labeling.sync.models import AnnotationEvent as AnnotationEvent
from labeling.sync.models import StudioServer as StudioServer


class Dataset(models.Model):
    """Pictures of one question, with the classes that answer it."""

    name = models.CharField(max_length=50, unique=True)  # also a Label Studio title: 3 to 50 characters
    classes = models.JSONField(default=list)  # class names; their order numbers the classes everywhere
    note = models.TextField(blank=True)  # shown on the dataset's page, e.g. the rule that made it imbalanced
    label_price = models.FloatField(null=True)  # of one label, in `currency`; null where nobody said
    currency = models.CharField(max_length=3, default="USD")  # ISO 4217
    # what picked labels gain over as many random ones, written only by services.chance; {} while untold
    against_chance = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class SampleQuerySet(models.QuerySet["Sample"]):
    def labeled(self) -> SampleQuerySet:
        return self.exclude(label="")

    def unlabeled(self) -> SampleQuerySet:
        return self.filter(label="")

    def testing(self) -> SampleQuerySet:
        return self.filter(split=Sample.Split.TEST)

    def pool(self) -> SampleQuerySet:
        """Everything that may be labeled and trained on: all but the test split."""
        return self.exclude(split=Sample.Split.TEST)

    def queued(self) -> SampleQuerySet:
        """Samples that stand in a queue; a task that was deleted in Label Studio no longer does."""
        return self.filter(_has_task())

    def waiting(self) -> SampleQuerySet:
        """Pool samples that nobody has labeled and that stand in no annotator's queue."""
        return self.pool().unlabeled().exclude(_has_task())


def _has_task() -> models.Exists:
    return models.Exists(LabelTask.objects.filter(sample=models.OuterRef("pk"), removed_at=None))


class Sample(models.Model):
    """One picture of a dataset, known by the SHA-256 of the file that was imported."""

    class Split(models.TextChoices):
        TRAIN = "train"
        TEST = "test"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="samples")
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=500)  # path below the folder of the first import
    file = models.CharField(max_length=200)  # path below the media folder
    width = models.PositiveIntegerField()  # pixels, as stored (EXIF turned)
    height = models.PositiveIntegerField()
    split = models.CharField(max_length=5, choices=Split.choices, default=Split.TRAIN)
    difference_hash = models.CharField(max_length=16, blank=True)  # see labeling.duplicates
    wide_hash = models.CharField(max_length=64, blank=True)  # likewise; blank where it would say nothing
    # one key for all near-equal pictures, a lone one's own; blank until the import that brought it is through
    duplicate_group = models.CharField(max_length=64, blank=True)
    label = models.CharField(
        max_length=100, blank=True
    )  # consensus of the annotations; written only by services
    # Where a method weighed the opinions (see Settlement) these say which one, how sure it is in [0, 1], and
    # which opinions it knew (opinions.mark).  Else the majority decided, and they are empty.
    label_method = models.CharField(max_length=12, blank=True)
    label_confidence = models.FloatField(null=True)
    label_votes = models.CharField(max_length=16, blank=True)
    predicted = models.CharField(
        max_length=100, blank=True
    )  # these two are written only by record_predictions
    doubt = models.FloatField(null=True)  # 1 - (p1 - p2), in [0, 1]; up is more doubtful
    # of the picture's light and sharpness, see labeling.quality.pictures; null until it was inspected
    measures = models.JSONField(null=True)
    added_at = models.DateTimeField()

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["dataset", "key"], name="one_sample_per_file")]
        indexes = [models.Index(fields=["dataset", "split", "label"])]

    def __str__(self) -> str:
        return self.name


class ImportReport(models.Model):
    """What one import took, knew already and refused, file by file."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="imports")
    folder = models.CharField(max_length=500)
    taken = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    refused = models.JSONField(default=list)  # [{"file", "reason"}]
    noted = models.JSONField(default=list)  # [{"file", "note"}]: taken, but changed or worth a look
    # [{"key", "said": {class: file}}]: one picture in files of several classes, taken without a label
    conflicts = models.JSONField(default=list)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


class Annotator(models.Model):
    """A person who labels in Label Studio, or a simulated one, which says so wherever it shows."""

    email = models.EmailField(unique=True)  # lower case, as Label Studio keeps it
    ls_user_id = models.PositiveIntegerField(null=True)
    simulated = models.BooleanField(default=False)
    note = models.CharField(max_length=200, blank=True)  # a simulated one states its error rate here

    def __str__(self) -> str:
        return f"{self.email} (simulated)" if self.simulated else self.email


class PredictionSet(models.Model):
    """One model's probabilities for many samples; the (N, K) array lies in an .npz file."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="prediction_sets")
    source = models.CharField(max_length=50)  # names the run above us, e.g. "run:42"
    model_version = models.CharField(max_length=50)  # as Label Studio shows it
    path = models.CharField(max_length=200)  # below the state folder; arrays sample_ids (N,), probs (N, K)
    count = models.PositiveIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


class Settlement(models.Model):
    """One time that a method settled the labels of samples with several opinions; the newest one holds."""

    class Method(models.TextChoices):
        MAJORITY = "majority", "majority"
        DAWID_SKENE = "dawid-skene", "Dawid-Skene"
        CROWDLAB = "crowdlab", "CROWDLAB"

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="settlements")
    asked = models.CharField(max_length=12)  # a method, or "best": CROWDLAB where it can run
    method = models.CharField(max_length=12, choices=Method.choices)  # what ran
    note = models.CharField(max_length=300, blank=True)  # why it was not the one asked for
    source = models.CharField(max_length=50, blank=True)  # of the predictions that had a say
    samples = models.PositiveIntegerField()  # that it settled
    changed = models.PositiveIntegerField()  # labels that became others
    quality = models.JSONField(default=dict)  # annotator's id -> how far it trusts him, in [0, 1]
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_method_display()} of {self.samples} samples"


class EmbeddingSet(models.Model):
    """One vector for each of many samples; the (N, D) array lies in an .npz file."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="embedding_sets")
    source = models.CharField(max_length=200)  # what gave them, e.g. "pixels", "pretraining:3", "run:42"
    fingerprint = models.CharField(max_length=64)  # of what gave them: equal ones give equal vectors
    dim = models.PositiveIntegerField()  # D
    count = models.PositiveIntegerField()  # N
    path = models.CharField(max_length=200)  # below the state folder; sample_ids (N,), vectors (N, D)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.source} ({self.dim} numbers of {self.count} pictures)"


class LabelProject(models.Model):
    """A Label Studio project of ours; overlap is kept per project there, so it is here."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="projects")
    server_url = models.URLField(blank=True)  # "" is the embedded server, on whatever port
    ls_id = models.PositiveIntegerField()
    title = models.CharField(max_length=50)
    overlap = models.PositiveSmallIntegerField(default=1)  # annotations wanted per task
    blind = models.BooleanField(default=False)  # for reviews: shows neither labels nor a model's proposals
    model_version = models.CharField(max_length=50, blank=True)
    reranked_at = models.DateTimeField(null=True)  # when a newer model last put its open tasks in order
    cursor_at = models.DateTimeField(null=True)  # largest task.updated_at that Label Studio gave us
    synced_at = models.DateTimeField(null=True)
    hook_id = models.PositiveIntegerField(null=True)  # of our webhook there
    heard_at = models.DateTimeField(null=True)  # the webhook's last call: a wake-up and nothing more
    # Counts the syncs that brought something, here and in the project's description there: where theirs is
    # behind, that server was restored from an old copy, and the exchange stands still until people decide.
    mark = models.PositiveBigIntegerField(default=0)
    held_at = models.DateTimeField(null=True)
    seen = models.JSONField(default=dict)  # its counts at synced_at: {"tasks", "annotations", "skipped"}
    closed_at = models.DateTimeField(null=True)  # when it was found deleted in Label Studio
    error = models.TextField(blank=True)  # the last exchange's failure, "" when it went well
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["server_url", "ls_id"], name="one_row_per_ls_project")]

    def __str__(self) -> str:
        return self.title


class SelectionRound(models.Model):
    """One choice of samples to label next, and how it was made."""

    class Strategy(models.TextChoices):
        """The names of labeling.strategies.book, and what is looked at again."""

        RANDOM = "random", "random"
        MARGIN = "margin", "margin"
        ENTROPY = "entropy", "entropy"
        LEAST_CONFIDENCE = "least_confidence", "least confidence"
        K_CENTER = "k_center", "k-center"
        TYPICAL = "typical", "typical"
        BADGE = "badge", "BADGE"
        CLUSTER_MARGIN = "cluster_margin", "cluster-margin"
        REVIEW = "review", "review"  # labeled samples whose labels are in doubt, judged blind; see LabelIssue
        SECOND = "second", "second opinions"  # labeled samples drawn at random, judged again, blind
        ADJUDICATION = "adjudication", "adjudication"  # samples on which people differ; the answer decides

    LOOKS_AGAIN = frozenset({Strategy.REVIEW, Strategy.SECOND, Strategy.ADJUDICATION})  # at labeled samples

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="rounds")
    strategy = models.CharField(max_length=20, choices=Strategy.choices)
    overlap = models.PositiveSmallIntegerField(default=1)
    blind = models.BooleanField(default=False)  # shows no proposals; has a Label Studio project of its own
    random_share = models.FloatField()  # share of audit samples, drawn at random, in [0, 1]
    gold_share = models.FloatField(default=0)  # gold tasks mixed in, for each other one, in [0, 1]
    mix = models.JSONField(default=dict)  # class -> samples wanted of it; empty: as they come
    expected = models.JSONField(default=dict)  # class -> how many there are if the model's word holds
    seed = models.PositiveBigIntegerField()
    prediction_set = models.ForeignKey(PredictionSet, models.SET_NULL, null=True)
    vectors = models.CharField(max_length=200, blank=True)  # EmbeddingSet.source, "" where none was asked
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


class TaskQuerySet(models.QuerySet["LabelTask"]):
    def unsent(self) -> TaskQuerySet:
        return self.filter(ls_task_id=None, removed_at=None)

    def standing(self) -> TaskQuerySet:
        """Tasks that Label Studio holds, as far as we know."""
        return self.exclude(ls_task_id=None)


class LabelTask(models.Model):
    """A sample's place in a round; the outbox row until ls_task_id is known."""

    round = models.ForeignKey(SelectionRound, models.CASCADE, related_name="tasks")
    sample = models.ForeignKey(Sample, models.CASCADE, related_name="tasks")
    project = models.ForeignKey(LabelProject, models.CASCADE, null=True, related_name="tasks")
    rank = models.PositiveIntegerField()  # 0 is labeled first
    score = models.FloatField()  # 1 - informativeness, in [0, 1]; Label Studio serves the lowest first
    audit = models.BooleanField(default=False)  # drawn at random: keeps evaluation unbiased
    gold = models.BooleanField(default=False)  # its label is known: the answer measures who gives it
    reason = models.CharField(max_length=200)  # one sentence: why this sample
    # the class that the model proposed when it was sent, "" where it proposed none
    proposed = models.CharField(max_length=100, blank=True)
    model_version = models.CharField(max_length=50, blank=True)  # whose doubt rank and score are, "" is none
    ls_task_id = models.PositiveIntegerField(null=True)
    pushed_at = models.DateTimeField(null=True)
    # found deleted in Label Studio: never sent again, but a later round may ask for the sample
    removed_at = models.DateTimeField(null=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ["round", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["round", "sample"], name="sample_once_per_round"),
            models.UniqueConstraint(fields=["project", "ls_task_id"], name="one_row_per_ls_task"),
        ]


class AnnotationQuerySet(models.QuerySet["Annotation"]):
    def standing(self) -> AnnotationQuerySet:
        """Opinions that count: not deleted, no skips, the newest of its person, a class that we know."""
        return self.filter(deleted_at=None, skipped=False, superseded=False).exclude(label="")


class Annotation(models.Model):
    """One person's opinion of one sample."""

    class Source(models.TextChoices):
        IMPORT = "import"  # a class folder or a CSV; annotator is null
        LABEL_STUDIO = "label_studio"
        SEEDBED = "seedbed"  # the review grid

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="annotations")
    source = models.CharField(max_length=12, choices=Source.choices)
    annotator = models.ForeignKey(Annotator, models.PROTECT, null=True, related_name="annotations")
    label = models.CharField(max_length=100, blank=True)  # "" when skipped, or when it names no class of ours
    skipped = models.BooleanField(default=False)
    superseded = models.BooleanField(default=False)  # the same person judged the task again
    lead_time_s = models.FloatField(null=True)
    from_proposal = models.BooleanField(default=False)  # it began as a copy of a model's proposal
    proposal_changed = models.BooleanField(
        null=True
    )  # and says something else; null where it began from none
    parent_prediction = models.PositiveBigIntegerField(null=True)  # Label Studio's id of that proposal
    # an adjudication or a correction: the newest of these is the label, whatever others say
    decides = models.BooleanField(default=False)
    # its unique constraint below is its index
    task = models.ForeignKey(
        LabelTask, models.SET_NULL, null=True, related_name="annotations", db_index=False
    )
    ls_annotation_id = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True)

    objects = AnnotationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["task", "ls_annotation_id"], name="one_row_per_ls_annotation"),
        ]


class GoldItem(models.Model):
    """A sample whose label is known for sure: mixed into batches, it measures who answers."""

    class Origin(models.TextChoices):
        PERSON = "person"  # somebody vouches for it
        AGREED = "agreed"  # several people said the same

    sample = models.OneToOneField(Sample, models.CASCADE, related_name="gold")
    label = models.CharField(max_length=100)
    origin = models.CharField(max_length=6, choices=Origin.choices)
    by = models.CharField(max_length=150, blank=True)  # who vouches
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.sample}: {self.label}"


class LabelIssue(models.Model):
    """A label that is likely wrong: a proposal to look again, which changes and deletes nothing by itself."""

    class State(models.TextChoices):
        OPEN = "open"  # nobody looked again
        SENT = "sent"  # stands in a blind review
        CONFIRMED = "confirmed"  # the reviewers say another class than the given one
        DISMISSED = "dismissed"  # they say the given one

    sample = models.ForeignKey(Sample, models.CASCADE, related_name="issues")
    given = models.CharField(max_length=100)  # the label in doubt
    proposed = models.CharField(max_length=100)
    score = models.FloatField()  # in [0, 1]: the lower, the likelier the given label is wrong
    confidence = models.FloatField()  # the model's probability of the proposed class
    reason = models.CharField(max_length=300)  # one sentence
    source = models.CharField(max_length=50)  # of the predictions, e.g. "run:42:oof"
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    # the blind task that asked people, and what they said; written only by services.reviews
    task = models.OneToOneField(LabelTask, models.SET_NULL, null=True, related_name="issue")
    verdict = models.CharField(max_length=100, blank=True)
    judged_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["score", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["sample", "given"], name="one_issue_per_sample_and_label")
        ]

    def __str__(self) -> str:
        return f"{self.sample}: {self.given}, perhaps {self.proposed}"

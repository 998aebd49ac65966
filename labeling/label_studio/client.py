"""Label Studio through its SDK: our verbs, its answers checked, its failures in words for people."""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

# Not label_studio_sdk.client: that one adds export helpers, and with them pandas and 3 s of import.
from label_studio_sdk.base_client import LabelStudioBase
from label_studio_sdk.core.api_error import ApiError

from labeling.label_studio import config
from labeling.label_studio.shapes import (
    ChangedTask,
    Counts,
    FoundTask,
    NewTask,
    Ranked,
    Standing,
    StudioError,
    Vote,
)

TIMEOUT_S = 120.0
PAGE = 200  # tasks with their annotations a request
ID_PAGE = 1000  # tasks without
# A third of the server's CPU for all fields.  The names hold for tasks and for the annotations in them.
CHANGED = (
    "id,data,updated_at,annotations,result,completed_by,was_cancelled,lead_time,created_at,parent_prediction"
)
UPLOADS = 50  # files a request; Label Studio refuses more than 100
STAMP = "%Y-%m-%dT%H:%M:%S.%fZ"  # the one form of time that its filters read


class Studio:
    """One Label Studio server.

    `embedded` is our own server on this machine: it reads the media folder; any other gets the pictures
    uploaded.
    """

    def __init__(self, base_url: str, api_key: str, *, embedded: bool = False) -> None:
        self.base_url = base_url.rstrip("/")
        self.embedded = embedded
        if not api_key:
            raise StudioError("No key for Label Studio is set. Set LABEL_STUDIO_API_KEY.", permanent=True)
        self._http = httpx.Client(timeout=TIMEOUT_S)
        with self._words("signing in"):
            self._sdk = LabelStudioBase(
                base_url=self.base_url,
                api_key=api_key,
                httpx_client=self._http,
                timeout=TIMEOUT_S,
                max_retries=0,  # an import that is sent again makes its tasks twice
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._http.close()

    @contextmanager
    def _words(self, doing: str) -> Iterator[None]:
        """Turn the SDK's and the network's failures into StudioError."""
        where = f"Label Studio at {self.base_url}"
        try:
            yield
        except ApiError as error:
            raise _refused(where, doing, error) from error
        except httpx.HTTPError as error:
            text = (
                f"{where} does not answer (while {doing}: {error}). Is it running? The next sync tries again."
            )
            raise StudioError(text, permanent=False) from error

    def whoami(self) -> str:
        """Return the e-mail address behind our key."""
        with self._words("asking who we are"):
            return str(self._sdk.users.whoami().email)

    def version(self) -> str:
        """Return the server's release, such as "1.23.2"."""
        with self._words("asking for the version"):
            return str(self._sdk.versions.get().release)

    def emails(self) -> dict[int, str]:
        """Return the address of each account, in lower case."""
        with self._words("listing accounts"):
            return {user.id: user.email.lower() for user in self._sdk.users.list()}

    def create_project(
        self,
        title: str,
        classes: Sequence[str],
        overlap: int,
        folder: Path | None,
        *,
        proposals: bool = True,
    ) -> int:
        """Make a project and return its id; without `proposals` it never shows a model's.

        `folder`, for the embedded server, is where the pictures lie: strictly below the media folder.
        """
        with self._words("making a project"):
            project = self._sdk.projects.create(
                title=title,
                label_config=config.labeling_config(classes),
                maximum_annotations=overlap,
                sampling="Sequential sampling",  # until a model's scores are there: then by_model
                show_collab_predictions=proposals,
                enable_empty_annotation=False,
            )
        if folder is not None:
            self._serve_folder(project.id, folder)
        return int(project.id)

    def _serve_folder(self, ls_id: int, folder: Path) -> None:
        try:
            with self._words("opening the pictures' folder to the project"):
                self._sdk.import_storage.local.create(
                    project=ls_id, path=str(folder), use_blob_urls=True, title="Seedbed pictures"
                )
        except StudioError:
            self.delete_project(ls_id)  # without its pictures it is of no use to anybody
            raise

    def delete_project(self, ls_id: int) -> None:
        """Delete the project with all that is in it."""
        with self._words("deleting a project"):
            self._sdk.projects.delete(ls_id)

    def by_model(self, ls_id: int, model_version: str) -> None:
        """Serve tasks by that model's scores, lowest first; those without one come last."""
        with self._words("setting the order"):
            self._sdk.projects.update(ls_id, model_version=model_version, sampling="Uncertainty sampling")

    def keep_classes(self, ls_id: int, classes: Sequence[str]) -> bool:
        """Bring the project's classes up to date; False when there is no such project."""
        project = self._project(ls_id)
        wanted = config.labeling_config(classes)
        if project is not None and project.label_config != wanted:
            with self._words("changing the classes"):
                self._sdk.projects.update(ls_id, label_config=wanted)
        return project is not None

    def standing(self, ls_id: int) -> Standing | None:
        """Return how much the project holds, or None when there is no such project."""
        found = self._project(ls_id)
        if found is None:
            return None
        skipped = found.skipped_annotations_number or 0
        counts = Counts(found.task_number or 0, found.total_annotations_number or 0, skipped)
        return Standing(counts, found.description or "")

    def counts(self, ls_id: int) -> Counts | None:
        """Return how much the project holds, or None when there is no such project."""
        found = self.standing(ls_id)
        return found.counts if found else None

    def describe(self, ls_id: int, description: str) -> None:
        """Write the project's description."""
        with self._words("marking a project"):
            self._sdk.projects.update(ls_id, description=description)

    def _project(self, ls_id: int) -> Any:
        with self._words("looking at a project"):
            try:
                return self._sdk.projects.get(ls_id)
            except ApiError as error:
                if error.status_code == 404:
                    return None
                raise

    def push(self, ls_id: int, tasks: Sequence[NewTask]) -> list[int]:
        """Import at most LOT tasks and return their ids in the same order.

        Raises StudioError when the server took fewer tasks or predictions than were sent: it does so
        with a 201.
        """
        sent = [_body(task) for task in tasks]
        with self._words(f"sending {len(sent)} tasks"):
            answer = self._sdk.projects.import_tasks(ls_id, request=sent, return_task_ids=True)
        took = [
            getattr(answer, name, None) or 0 for name in ("task_count", "prediction_count")
        ]  # it may say less
        ids = [int(i) for i in getattr(answer, "task_ids", None) or []]
        wanted = [len(sent), sum(task.prediction is not None for task in tasks)]
        if took != wanted or len(ids) != len(sent):
            raise StudioError(
                f"Label Studio took {took[0]} of {wanted[0]} tasks and {took[1]} of {wanted[1]} predictions. "
                "The next push looks for what is there before it sends again.",
                permanent=False,
            )
        return ids

    def rank(self, ls_id: int, ranked: Sequence[Ranked]) -> None:
        """Give at most LOT standing tasks one more prediction each.

        Raises StudioError when the server kept fewer than were sent: it does so with a 201.
        """
        sent: Any = [{"task": one.ls_id, **one.prediction} for one in ranked]
        with self._words(f"sending {len(sent)} predictions"):
            answer = self._sdk.projects.import_predictions(ls_id, request=sent)
        created = getattr(answer, "created", None) or 0
        if created != len(sent):
            raise StudioError(
                f"Label Studio took {created} of {len(sent)} predictions. The next try looks for what is "
                "there before it sends again.",
                permanent=False,
            )

    def ranked_by(self, ls_id: int, model_version: str) -> set[int]:
        """Return the ids of the project's tasks that have a prediction of this version."""
        field = "predictions_model_versions"
        query = _query("tasks:id", field, "contains", "List", [model_version])
        return {int(task["id"]) for task in self._tasks(ls_id, query, include="id")}

    def upload(self, ls_id: int, files: Sequence[Path]) -> list[str]:
        """Upload pictures to the project, making no tasks, and return their addresses in the same order.

        The addresses hold for signed-in accounts only.
        """
        lots = [files[i : i + UPLOADS] for i in range(0, len(files), UPLOADS)]
        return [address for lot in lots for address in self._upload_lot(ls_id, lot)]

    def _upload_lot(self, ls_id: int, files: Sequence[Path]) -> list[str]:
        parts = [(str(n), (file.name, file.read_bytes())) for n, file in enumerate(files)]
        with self._words(f"uploading {len(parts)} pictures"):
            headers = self._sdk._client_wrapper.get_headers()  # the SDK has no verb for uploads
            sent = self._http.post(
                f"{self.base_url}/api/projects/{ls_id}/import",
                params={"commit_to_project": "false"},
                files=parts,
                headers=headers,
            )
            ids = _json(sent)["file_upload_ids"]
            found = self._get(f"api/projects/{ls_id}/file-uploads", ids=json.dumps(ids))
        address = {upload["id"]: upload["file"] for upload in found}
        if len(ids) != len(files) or not set(ids) <= set(address):
            raise StudioError(f"Label Studio kept {len(ids)} of {len(files)} pictures.", permanent=False)
        prefix = urlsplit(self.base_url).path  # a server below a path serves its files there too
        return [f"{prefix}/data/{quote(address[i])}" for i in ids]

    def find_round(self, ls_id: int, round: str) -> list[FoundTask]:
        """Return the tasks that were sent in this round, in the order of their ids."""
        query = _query("tasks:id", f"data.{config.ROUND}", "equal", "String", round)
        return [
            _found(task)
            for task in self._tasks(ls_id, query, include="id,data,total_predictions,total_annotations")
        ]

    def task_ids(self, ls_id: int) -> set[int]:
        """Return the ids of all tasks of the project: the only sign of a deleted task."""
        return {int(task["id"]) for task in self._tasks(ls_id, {"ordering": ["tasks:id"]}, include="id")}

    def delete_tasks(self, ids: Sequence[int]) -> None:
        """Delete these tasks with all that is in them."""
        with self._words("deleting tasks"):
            for ls_id in ids:
                self._sdk.tasks.delete(str(ls_id))

    def delete_annotation(self, ls_id: int) -> None:
        """Delete an annotation; one that is gone is no error."""
        with self._words("deleting an annotation"):
            try:
                self._sdk.annotations.delete(ls_id)
            except ApiError as error:
                if error.status_code != 404:
                    raise

    def rewrite_annotation(self, ls_id: int, label: str, *, skipped: bool) -> None:
        """Let an annotation say this class, or that its person skipped the task."""
        result = config.result(label) if label and not skipped else []
        with self._words("rewriting an annotation"):
            self._sdk.annotations.update(ls_id, result=result, was_cancelled=skipped)

    def _tasks(self, ls_id: int, query: dict[str, Any], include: str) -> Iterator[Any]:
        for page in itertools.count(1):
            found = self._page(ls_id, query, page, page_size=ID_PAGE, fields="task_only", include=include)
            yield from found
            if len(found) < ID_PAGE:
                return

    def _page(self, ls_id: int, query: dict[str, Any], page: int, **how: Any) -> list[dict[str, Any]]:
        how |= {"project": ls_id, "page": page, "query": json.dumps(query)}
        with self._words("listing tasks"):
            try:
                return list(self._get("api/tasks/", **how)["tasks"])
            except ApiError as error:
                if page > 1 and error.status_code == 404:  # past the last page, when that was full
                    return []
                raise

    def _get(self, path: str, **params: Any) -> Any:
        """Read plain JSON: the SDK guesses a row's type by its fields, and amiss where some are left out."""
        headers = self._sdk._client_wrapper.get_headers()
        return _json(self._http.get(f"{self.base_url}/{path}", params=params, headers=headers))

    def changed_since(self, ls_id: int, cursor: datetime | None) -> Iterator[list[ChangedTask]]:
        """Yield pages of tasks that changed at or after `cursor`, oldest change first.

        Always the first page from a moving cursor: a task that changes meanwhile moves to the end and comes
        again, whereas numbered pages would skip its neighbor.  The last task of a full page comes twice.
        """
        page, page_from = 1, cursor
        while True:
            tasks = self._changed_page(ls_id, page_from, page)
            if tasks:
                yield tasks
            if len(tasks) < PAGE:
                return
            last = tasks[-1].updated_at
            page = page + 1 if last == page_from else 1  # more than a page of one instant: go deeper
            page_from = last

    def _changed_page(self, ls_id: int, cursor: datetime | None, page: int) -> list[ChangedTask]:
        query: dict[str, Any] = {"ordering": ["tasks:updated_at"]}
        if cursor is not None:
            stamp = cursor.strftime(STAMP)
            query = _query("tasks:updated_at", "updated_at", "greater_or_equal", "Datetime", stamp)
        found = self._page(ls_id, query, page, page_size=PAGE, fields="all", include=CHANGED)
        return [_changed(task) for task in found]


def _refused(where: str, doing: str, error: ApiError) -> StudioError:
    detail = str(error.body.get("detail", error.body) if isinstance(error.body, dict) else error.body)
    told = f"(while {doing}: {error.status_code}{'' if '<html' in detail else f', {detail[:300]}'})"
    if error.status_code in (401, 403):
        return StudioError(f"{where} refuses our key {told}. Check LABEL_STUDIO_API_KEY.", permanent=True)
    if error.status_code == 404:
        return StudioError(
            f"{where} does not know what we ask for {told}. Was the project deleted?", permanent=True
        )
    if error.status_code is None or error.status_code >= 500:
        return StudioError(f"{where} failed {told}. The next sync tries again.", permanent=False)
    return StudioError(f"{where} refuses what we sent {told}.", permanent=True)


def _json(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise ApiError(status_code=answer.status_code, body=answer.text)
    return answer.json()


def _query(order: str, field: str, operator: str, kind: str, value: str | list[str]) -> dict[str, Any]:
    item = {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}
    return {"filters": {"conjunction": "and", "items": [item]}, "ordering": [order]}


def _body(task: NewTask) -> dict[str, Any]:
    data = {config.PICTURE: task.image, config.ITEM: task.item, config.ROUND: task.round}
    return {"data": data, "predictions": [task.prediction]} if task.prediction else {"data": data}


def _found(row: dict[str, Any]) -> FoundTask:
    return FoundTask(row["id"], _item(row), row["total_predictions"], row["total_annotations"])


def _changed(row: dict[str, Any]) -> ChangedTask:
    votes = tuple(_vote(annotation) for annotation in row["annotations"])
    return ChangedTask(row["id"], _item(row), _moment(row["updated_at"]), votes)


def _item(row: dict[str, Any]) -> str:
    return str(row["data"].get(config.ITEM, ""))


def _vote(row: dict[str, Any]) -> Vote:
    return Vote(
        ls_id=row["id"],
        user_id=row["completed_by"],
        choices=config.choices_of(row["result"] or []),
        skipped=row["was_cancelled"],
        lead_time_s=row["lead_time"],
        parent_prediction=row.get("parent_prediction"),
        origin=config.origin_of(row["result"] or []),
        created_at=_moment(row["created_at"]),
        updated_at=_moment(row["updated_at"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)

"""Which page answers which address."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from workbench.api.root import api
from workbench.views import (
    accounts,
    advice,
    compare,
    curves,
    datasets,
    features,
    health,
    jobs,
    label_studio,
    live,
    policies,
    retraining,
    runs,
    samples,
)

handler400 = "workbench.views.errors.bad_request"
handler403 = "workbench.views.errors.forbidden"
handler404 = "workbench.views.errors.not_found"
handler500 = "workbench.views.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="datasets"), name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("favicon.ico", health.favicon, name="favicon"),
    path("sign-in", accounts.SignIn.as_view(), name="sign-in"),
    path("sign-out", accounts.SignOut.as_view(), name="sign-out"),
    path("password", accounts.Password.as_view(), name="password"),
    path("datasets/", datasets.datasets, name="datasets"),
    path("datasets/new", datasets.new, name="dataset-new"),
    path("datasets/<int:pk>/", datasets.dataset, name="dataset"),
    path("datasets/<int:pk>/samples", samples.samples, name="samples"),
    path("datasets/<int:pk>/label", label_studio.label, name="label"),
    path("datasets/<int:pk>/sync", datasets.sync, name="sync"),
    path("datasets/<int:pk>/next-round", datasets.next_round, name="next-round"),
    path("datasets/<int:pk>/delete", datasets.delete, name="dataset-delete"),
    path("datasets/<int:pk>/runs", runs.runs, name="runs"),
    path("datasets/<int:pk>/train", runs.train, name="train"),
    path("datasets/<int:pk>/retraining", retraining.retraining, name="retraining"),
    path("datasets/<int:pk>/retrain", retraining.retrain, name="retrain"),
    path("datasets/<int:pk>/features", features.features, name="features"),
    path("datasets/<int:pk>/embed", features.embed, name="embed"),
    path("datasets/<int:pk>/new-curve", curves.new, name="curve-new"),
    path("datasets/<int:pk>/policies/<slug:name>", policies.policy, name="policy"),
    path("datasets/<int:pk>/policies/<slug:name>/draw", policies.draw, name="policy-draw"),
    path("samples/<int:pk>/", samples.sample, name="sample"),
    path("samples/<int:pk>/picture", samples.picture, name="sample-picture"),
    path("samples/<int:pk>/thumbnail", samples.thumbnail, name="sample-thumbnail"),
    path("previews/<int:pk>/sheet", policies.sheet, name="preview-sheet"),
    path("imports/<int:pk>/", datasets.import_report, name="import-report"),
    path("runs/<int:pk>/", runs.run, name="run"),
    path("runs/<int:pk>/out-of-fold", runs.out_of_fold, name="out-of-fold"),
    path("runs/<int:pk>/compare/<int:other>", compare.compare, name="compare"),
    path("runs/<int:pk>/cancel", runs.cancel, name="run-cancel"),
    path("runs/<int:pk>/retry", runs.retry, name="run-retry"),
    path("curves/<int:pk>/", curves.curve, name="curve"),
    path("curves/<int:pk>/numbers.csv", curves.numbers, name="curve-csv"),
    path("datasets/<int:pk>/advice", advice.ask, name="advice-ask"),
    path("advice/<int:pk>/take", advice.take, name="advice-take"),
    path("advice/<int:pk>/dismiss", advice.dismiss, name="advice-dismiss"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/live", live.jobs, name="jobs-live"),
    path("jobs/<uuid:pk>/", jobs.job, name="job"),
    path("jobs/<uuid:pk>/live", live.job, name="job-live"),
    path("jobs/<uuid:pk>/cancel", jobs.cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/retry", jobs.retry, name="job-retry"),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]

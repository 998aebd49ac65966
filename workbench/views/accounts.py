"""Signing in and out, and one's own password."""

from django.contrib import messages
from django.contrib.auth import views
from django.http import HttpResponse
from django.urls import reverse_lazy

from workbench import forms


class SignIn(views.LoginView):
    form_class = forms.SignIn
    template_name = "workbench/accounts/sign_in.html"


class SignOut(views.LogoutView):
    http_method_names = ["post", "options"]


class Password(views.PasswordChangeView):
    form_class = forms.NewPassword
    template_name = "workbench/accounts/password.html"
    success_url = reverse_lazy("datasets")

    def form_valid(self, form: forms.NewPassword) -> HttpResponse:  # type: ignore[override]
        messages.success(self.request, "Your password was changed.")
        return super().form_valid(form)

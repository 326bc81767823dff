"""`{% csrf_token %}` of every form here also says which program the form belongs to (see `form_program`)."""

from __future__ import annotations

from typing import cast

from django import template
from django.template import Context
from django.template.base import Parser, Token
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from loyalty.console.form_program import FIELD, program_of

register = template.Library()


class OwnTokenNode(CsrfTokenNode):
    def render(self, context: Context) -> SafeString:
        token = cast(SafeString, super().render(context))
        program = program_of(context.get("request"))
        if not token or program is None:
            return token
        return format_html('{}<input type="hidden" name="{}" value="{}">', token, FIELD, program.code)


@register.tag
def csrf_token(parser: Parser, token: Token) -> OwnTokenNode:
    return OwnTokenNode()

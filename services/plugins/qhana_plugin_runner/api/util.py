"""Blueprints, schemas and fields of plugins' interfaces."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import marshmallow as ma
from flask_smorest import Blueprint
from marshmallow import types
from marshmallow.validate import URL as UrlValidator

# Plugins of some releases import it from here.
from qhana_plugin_runner.requests import retrieve_filename

from .html_helper import HtmlResponseMixin
from .jwt_helper import JWTMixin

__all__ = [
    "DataUrlValidator",
    "FileUrl",
    "FileUrlValidator",
    "FrontendFormBaseSchema",
    "HtmlResponseMixin",
    "JWTMixin",
    "MaBaseSchema",
    "PluginUrl",
    "SecurityBlueprint",
    "camelcase",
    "retrieve_filename",
]


class SecurityBlueprint(JWTMixin, HtmlResponseMixin, Blueprint):  # type: ignore[misc]
    """A blueprint of flask-smorest that can ask who is calling, and describe pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._prepare_doc_cbks.append(self._prepare_security_doc)


def camelcase(s: str) -> str:
    """`snake_case` as `snakeCase`."""
    first, *rest = s.split("_")
    return first + "".join(part.title() for part in rest)


class MaBaseSchema(ma.Schema):
    """Keys are camelCase outside and snake_case inside."""

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field) -> None:
        """Name the field outside; a `data_key` of its own is written in camelCase too."""
        field_obj.data_key = camelcase(field_obj.data_key or field_name)


class FrontendFormBaseSchema(MaBaseSchema):
    """For the parameters of a micro frontend: it may be filled in part, and says what is wrong instead of refusing."""

    def __init__(
        self,
        *,
        only: types.StrSequenceOrSet | None = None,
        exclude: types.StrSequenceOrSet = (),
        many: bool | None = None,
        context: dict[str, Any] | None = None,
        load_only: types.StrSequenceOrSet = (),
        dump_only: types.StrSequenceOrSet = (),
        partial: bool | types.StrSequenceOrSet | None = None,
        unknown: str | None = None,
        validate_errors_as_result: bool = False,
    ) -> None:
        super().__init__(
            only=only,
            exclude=exclude,
            many=many,
            load_only=load_only,
            dump_only=dump_only,
            partial=partial,
            unknown=unknown,
            # marshmallow 3.26 warns of a context, so that it is given on only where there is one.
            **({"context": context} if context else {}),
        )
        self._validate_errors_as_result = validate_errors_as_result

    def load(
        self,
        data: Mapping[str, Any] | Iterable[Mapping[str, Any]],
        *,
        many: bool | None = None,
        partial: bool | types.StrSequenceOrSet | None = None,
        unknown: str | None = None,
    ) -> Any:
        """Read the parameters; with `validate_errors_as_result` return what is wrong with them, by key, and no more.

        Raises ValidationError otherwise.
        """
        if not self._validate_errors_as_result:
            return super().load(data, many=many, partial=partial, unknown=unknown)
        try:
            # Not `validate`, which forgets what is to become of unknown keys. Nothing is made of the values.
            self._do_load(data, many=many, partial=partial, unknown=unknown, postprocess=False)
        except ma.ValidationError as error:
            return error.messages
        return {}


class _SchemesUrlValidator(UrlValidator):
    """URLs of http, https and ftp as marshmallow reads them, hosts without a dot included, and those below."""

    _data_url = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[^,;]+)*,.*|data:(;[^,;/]+)*,.*", re.DOTALL | re.IGNORECASE)
    _with_files = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "require_tld": False})

    def __call__(self, value: str) -> str:
        """`value`; raises ValidationError."""
        scheme = value.partition(":")[0].lower() if value else ""
        if scheme == "data":
            accepted = self._data_url.fullmatch(value) is not None
        elif scheme == "file" and self._with_files:
            accepted = urlsplit(value).netloc in {"", "localhost"} and urlsplit(value).path.startswith("/")
        else:
            return super().__call__(value)
        if not accepted:
            raise ma.ValidationError(self._format_error(value))
        return value


class FileUrlValidator(_SchemesUrlValidator):
    """Also data URLs, and file URLs of this machine."""

    default_schemes = {"http", "https", "ftp", "ftps", "file", "data"}  # noqa: RUF012  (as marshmallow declares it)
    _with_files = True


class DataUrlValidator(_SchemesUrlValidator):
    """Also data URLs."""

    default_schemes = {"http", "https", "ftp", "ftps", "data"}  # noqa: RUF012  (as marshmallow declares it)


class _UrlField(ma.fields.Url):
    _validator: type[_SchemesUrlValidator]

    def __init__(
        self,
        *,
        relative: bool = False,
        schemes: types.StrSequenceOrSet | None = None,
        require_tld: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs["metadata"] = dict(kwargs.get("metadata") or {})
        super().__init__(relative=relative, schemes=schemes, require_tld=require_tld, **kwargs)
        validator = self._validator(relative=relative, schemes=schemes, error=self.error_messages["invalid"])
        self.validators = [validator if isinstance(one, UrlValidator) else one for one in self.validators]

    def deserialize(
        self, value: Any, attr: str | None = None, data: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """As marshmallow's; a form sends an empty text where nothing is meant."""
        return super().deserialize(None if value == "" else value, attr, data, **kwargs)


class FileUrl(_UrlField):
    """The URL of a file: http, https, file or data."""

    _validator = FileUrlValidator

    def __init__(
        self,
        *,
        data_input_type: str | None = None,
        data_content_types: Sequence[str] | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if data_input_type is not None:
            self.metadata["data_input_type"] = data_input_type
        if data_content_types:
            self.metadata["data_content_types"] = data_content_types


class PluginUrl(_UrlField):
    """The URL of another plugin, chosen by its tags, name and version."""

    _validator = DataUrlValidator

    def __init__(
        self,
        *,
        plugin_tags: Sequence[str] | str | None = None,
        plugin_name: str | None = None,
        plugin_version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        wanted = {"plugin_tags": plugin_tags, "plugin_name": plugin_name, "plugin_version": plugin_version}
        self.metadata.update({key: value for key, value in wanted.items() if value})

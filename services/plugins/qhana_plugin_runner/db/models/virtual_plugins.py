"""What plugins keep beyond a task: state, blobs, and plugins that exist as a row alone."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Optional

import sqlalchemy as sa
from blinker import Namespace
from qhana_plugin_runner.db.db import DB, Base
from qhana_plugin_runner.db.models.mutable_json import JSON_LIKE, MutableJSON
from qhana_plugin_runner.util.plugins import plugin_identifier
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

VIRTUAL_PLUGIN_SIGNALS: Final = Namespace()
VIRTUAL_PLUGIN_CREATED: Final = VIRTUAL_PLUGIN_SIGNALS.signal("virtual-plugin-created")
"""Sent with `plugin_url=…` by whoever has committed a new virtual plugin."""
VIRTUAL_PLUGIN_REMOVED: Final = VIRTUAL_PLUGIN_SIGNALS.signal("virtual-plugin-removed")
"""Sent with `plugin_url=…` by whoever has removed one."""


class VirtualPlugin(MappedAsDataclass, Base, eq=False, repr=False):
    """A plugin that another one offers; it is listed as long as that one, its parent, is loaded."""

    __tablename__ = "virtual_plugin"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    parent_id: Mapped[str] = mapped_column(sa.String(550), index=True)
    """The parent's identifier, with or without its version."""
    name: Mapped[str] = mapped_column(sa.String(500))
    version: Mapped[str] = mapped_column(sa.String(50))
    description: Mapped[str] = mapped_column(sa.Text)
    tags: Mapped[str] = mapped_column(sa.Text)
    """One a line."""
    href: Mapped[str] = mapped_column(sa.Text)
    """Its API root."""

    @property
    def tag_list(self) -> list[str]:
        """Its tags."""
        return [tag for tag in self.tags.splitlines() if tag]

    @property
    def identifier(self) -> str:
        """As of any plugin."""
        return plugin_identifier(self.name, self.version)

    @classmethod
    def get_all(
        cls, for_parents: Iterable[str] | None = None, filters: Sequence[Any] = ()
    ) -> Sequence["VirtualPlugin"]:
        """Every one, or those of these parents that pass the filters."""
        found = sa.select(cls).where(*filters)
        if for_parents is not None:
            found = found.where(cls.parent_id.in_(list(for_parents)))
        return DB.session.scalars(found.order_by(cls.id)).all()

    @classmethod
    def get_by_href(cls, href: str, parent_id: str | None = None) -> Optional["VirtualPlugin"]:
        """The one at this API root."""
        return DB.session.scalars(sa.select(cls).where(*cls._at(href, parent_id)).order_by(cls.id)).first()

    @classmethod
    def get_all_by_name(cls, name: str) -> Sequence["VirtualPlugin"]:
        """Every version of one."""
        return DB.session.scalars(sa.select(cls).where(cls.name == name).order_by(cls.id)).all()

    @classmethod
    def delete_by_href(cls, href: str, parent_id: str | None = None, commit: bool = False) -> None:
        """Delete the one at this API root."""
        DB.session.execute(sa.delete(cls).where(*cls._at(href, parent_id)))
        _commit(commit)

    @classmethod
    def delete_by_name_and_version(cls, name: str, version: str, commit: bool = False) -> None:
        """Delete the one with this name and version."""
        DB.session.execute(sa.delete(cls).where(cls.name == name, cls.version == version))
        _commit(commit)

    @classmethod
    def exists(cls, query_filter: Sequence[Any] = ()) -> bool:
        """Whether any passes the filters."""
        return DB.session.scalar(sa.select(cls.id).where(*query_filter).limit(1)) is not None

    @classmethod
    def _at(cls, href: str, parent_id: str | None) -> list[Any]:
        return [cls.href == href] + ([] if parent_id is None else [cls.parent_id == parent_id])


class PluginState(MappedAsDataclass, Base, eq=False, repr=False):
    """Small values that plugins keep for themselves, whatever task is at hand."""

    __tablename__ = "plugin_state"

    plugin_id: Mapped[str] = mapped_column(sa.String(550), primary_key=True)
    key: Mapped[str] = mapped_column(sa.String(500), primary_key=True)
    value: Mapped[JSON_LIKE] = mapped_column(MutableJSON)

    @classmethod
    def get_item(cls, plugin_id: str, key: str) -> Optional["PluginState"]:
        """The whole row."""
        return DB.session.scalar(sa.select(cls).where(cls.plugin_id == plugin_id, cls.key == key))

    @classmethod
    def get_all_items(cls, plugin_id: str) -> Sequence["PluginState"]:
        """Every row of one plugin."""
        return DB.session.scalars(sa.select(cls).where(cls.plugin_id == plugin_id).order_by(cls.key)).all()

    @classmethod
    def get_all_items_like(cls, plugin_id: str) -> Sequence["PluginState"]:
        """Every row whose plugin's identifier contains this text."""
        found = sa.select(cls).where(cls.plugin_id.contains(plugin_id, autoescape=True))
        return DB.session.scalars(found.order_by(cls.plugin_id, cls.key)).all()

    @classmethod
    def get_value(cls, plugin_id: str, key: str, default: Any = ...) -> Any:
        """The value; `default`, where there is none. Raises KeyError when no default is given either."""
        item = cls.get_item(plugin_id, key)
        if item is not None:
            return item.value
        if default is ...:
            raise KeyError(f"plugin {plugin_id} keeps nothing under {key!r}")
        return default

    @classmethod
    def set_value(cls, plugin_id: str, key: str, value: Any, commit: bool = False) -> Any:
        """Keep a value; the one before, or None."""
        item = cls.get_item(plugin_id, key)
        before = None
        if item is None:
            DB.session.add(PluginState(plugin_id=plugin_id, key=key, value=value))
        else:
            before, item.value = item.value, value
        _commit(commit)
        return before

    @classmethod
    def delete_value(cls, plugin_id: str, key: str, commit: bool = False) -> None:
        """Forget a value; it need not be there."""
        item = cls.get_item(plugin_id, key)
        if item is not None:
            DB.session.delete(item)
        _commit(commit)


class DataBlob(MappedAsDataclass, Base, eq=False, repr=False):
    """Bytes that plugins keep for themselves."""

    __tablename__ = "data_blob"
    __table_args__ = (sa.PrimaryKeyConstraint("plugin_id", "key"),)

    plugin_id: Mapped[str] = mapped_column(sa.String(550))
    key: Mapped[str] = mapped_column(sa.String(500))
    value: Mapped[bytes] = mapped_column(sa.LargeBinary)

    @classmethod
    def get_value(cls, plugin_id: str, key: str, default: Any = ...) -> Any:
        """The bytes; `default`, where there are none. Raises KeyError when no default is given either."""
        found = DB.session.scalar(sa.select(cls).where(cls.plugin_id == plugin_id, cls.key == key))
        if found is not None:
            return found.value
        if default is ...:
            raise KeyError(f"plugin {plugin_id} keeps no bytes under {key!r}")
        return default

    @classmethod
    def set_value(cls, plugin_id: str, key: str, value: bytes | str, commit: bool = False) -> bytes | None:
        """Keep bytes, or a text as UTF-8; the bytes before, or None."""
        given = value.encode() if isinstance(value, str) else bytes(value)
        found = DB.session.scalar(sa.select(cls).where(cls.plugin_id == plugin_id, cls.key == key))
        before = None
        if found is None:
            DB.session.add(DataBlob(plugin_id=plugin_id, key=key, value=given))
        else:
            before, found.value = found.value, given
        _commit(commit)
        return before

    @classmethod
    def delete_value(cls, plugin_id: str, key: str, commit: bool = False) -> None:
        """Forget bytes; they need not be there."""
        DB.session.execute(sa.delete(cls).where(cls.plugin_id == plugin_id, cls.key == key))
        _commit(commit)


def _commit(wanted: bool) -> None:
    if wanted:
        DB.session.commit()

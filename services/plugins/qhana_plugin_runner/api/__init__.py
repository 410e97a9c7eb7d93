"""What plugins build their interfaces with."""

from .extra_fields import CSVList, EnumField
from .util import MaBaseSchema

__all__ = ["CSVList", "EnumField", "MaBaseSchema"]

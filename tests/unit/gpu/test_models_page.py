"""The page on models lists every setting of the worker, and shows a card file that can be read."""

import json
import re
from pathlib import Path
from typing import Final

from services.gpu import card, samplers
from services.gpu.card import Limits, Traits
from services.gpu.settings import GpuSettings

PAGE: Final = (Path(__file__).parents[3] / "docs" / "models.md").read_text("utf-8")


def test_every_setting_of_the_worker_is_on_the_page_and_no_other() -> None:
    listed = set(re.findall(r"^\| `(GPU_[A-Z_]+)` \|", PAGE, re.MULTILINE))

    own = {f"GPU_{name.upper()}" for name, field in GpuSettings.model_fields.items() if field.validation_alias is None}

    assert listed == own


def test_the_card_file_on_the_page_can_be_read(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "my-model.json"
    file.write_text(shown)
    traits = Traits(native_size=512, max_size=768, size_multiple=8, sampler=None)

    told = card.read(file, name="my-model", traits=traits, samplers=samplers.SAMPLERS)

    assert told.title == json.loads(shown)["title"]
    assert told.samplers[0].name == "Euler a"
    assert card.prediction_type(file) == "epsilon"


def test_every_limit_a_card_file_may_set_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in Limits.model_fields)

"""Checkpoints of every kind load, a single file just as its folder; what could run code is refused in a sentence."""

import json
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from safetensors.torch import load_file, save_file

from services.gpu import errors
from services.gpu.checkpoints import anatomy, checkpoint, sources
from services.gpu.checkpoints.checkpoint import Checkpoint
from tests.support import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore")
PARTS: Final = ("unet", "vae", "text_encoder")


def load(place: Path | str, *, dtype: str = "auto") -> Checkpoint:
    """Load a checkpoint on the CPU."""
    return checkpoint.load(sources.find(str(place)), device="cpu", dtype=dtype)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A folder of each kind."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {
        "first": checkpoints.build(root / "first"),
        "second": checkpoints.build(root / "second", version=2, prediction_type="v_prediction"),
        "inpainting": checkpoints.build(root / "inpainting", channels=9),
    }


def as_file(folder: Path, file: Path, **more: Any) -> Path:
    """The folder as a single file with the tokenizer beside it."""
    checkpoints.single_file(folder, file, **more)
    if not (file.parent / "tokenizer").exists():
        shutil.copytree(folder / "tokenizer", file.parent / "tokenizer")
    return file


@pytest.mark.parametrize(
    ("kind", "size", "prediction", "inpaints"),
    [("first", 64, "epsilon", False), ("second", 64, "v_prediction", False), ("inpainting", 64, "epsilon", True)],
)
def test_a_folder_of_each_kind_loads(
    folders: Mapping[str, Path], kind: str, size: int, prediction: str, inpaints: bool
) -> None:
    loaded = load(folders[kind])

    assert (loaded.native_size, loaded.latent_pixels, loaded.anatomy.inpainting) == (size, 8, inpaints)
    assert loaded.scheduler_config["prediction_type"] == prediction
    assert loaded.anatomy.parameters == sum(
        tensor.numel() for part in PARTS for tensor in getattr(loaded, part).state_dict().values()
    )


@pytest.mark.parametrize("kind", ["first", "second", "inpainting"])
def test_a_single_file_is_the_same_checkpoint_as_its_folder(
    folders: Mapping[str, Path], kind: str, tmp_path: Path
) -> None:
    folder = load(folders[kind])

    single = load(as_file(folders[kind], tmp_path / "model.safetensors"))

    for part in PARTS:
        wanted, made = getattr(folder, part).state_dict(), getattr(single, part).state_dict()
        assert made.keys() == wanted.keys()
        assert all(torch.equal(made[name], wanted[name]) for name in wanted)
    latents, embeddings = torch.ones(1, 9 if kind == "inpainting" else 4, 8, 8), torch.ones(1, 16, 64)
    with torch.inference_mode():
        theirs, ours = (
            each.unet(latents, torch.tensor([10.0]), encoder_hidden_states=embeddings).sample
            for each in (folder, single)
        )
        assert torch.equal(theirs, ours)
        ids = torch.arange(15)[None]
        assert torch.equal(folder.text_encoder(ids)[0], single.text_encoder(ids)[0])
    assert single.anatomy.parameters >= folder.anatomy.parameters


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        ("first", {}, ("epsilon", 512)),
        ("second", {}, ("v_prediction", 768)),
        ("second", {"said": {"prediction_type": "epsilon"}}, ("epsilon", 512)),
        ("first", {"said": {"prediction_type": "v_prediction"}}, ("v_prediction", 512)),
        ("first", {"notes": {"modelspec.prediction_type": "v"}}, ("v_prediction", 512)),
        ("second", {"notes": {"modelspec.prediction_type": "epsilon"}}, ("epsilon", 512)),
        ("first", {"notes": {"modelspec.resolution": "640x640"}}, ("epsilon", 640)),
        ("first", {"extra": {"v_pred": torch.zeros(1)}}, ("v_prediction", 512)),
    ],
)
def test_a_single_file_tells_what_it_is(
    folders: Mapping[str, Path], tmp_path: Path, kind: str, told: dict[str, Any], expected: tuple[str, int]
) -> None:
    (tmp_path / "model.v2.json").write_text(json.dumps(told.get("said", {})))
    written = {name: each for name, each in told.items() if name != "said"}
    file = as_file(folders[kind], tmp_path / "model.v2.safetensors", **written)

    found = anatomy.of(sources.find(str(file)))

    assert (found.scheduler["prediction_type"], found.native_size) == expected
    assert found.version == (2 if kind == "second" else 1)


def test_a_single_file_is_named_and_described_by_the_json_beside_it(
    folders: Mapping[str, Path], tmp_path: Path
) -> None:
    source = sources.find(str(as_file(folders["first"], tmp_path / "dreamy.safetensors")))
    (tmp_path / "dreamy.json").write_text(json.dumps({"title": "Dreamy", "defaults": {"steps": 7}}))

    card = anatomy.card_of(source, anatomy.of(source), on_cpu=True)

    assert (card.name, card.title, card.defaults.steps, card.limits.max_clip_skip) == ("dreamy", "Dreamy", 7, 2)


def test_weights_in_half_precision_serve_where_there_are_no_others(folders: Mapping[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders["first"], tmp_path / "half"))
    for part in PARTS:
        (file,) = (folder / part).glob("*.safetensors")
        save_file({name: each.half() for name, each in load_file(file).items()}, file, metadata={"format": "pt"})
        file.rename(file.with_suffix(".fp16.safetensors"))

    loaded = load(folder)

    assert loaded.unet.dtype is torch.float32
    wanted = load_file(folders["first"] / "unet/diffusion_pytorch_model.safetensors")["conv_in.weight"]
    assert torch.equal(loaded.unet.state_dict()["conv_in.weight"], wanted.half().float())


def test_a_tokenizer_that_names_no_length_gets_the_encoders(folders: Mapping[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders["first"], tmp_path / "endless"))
    checkpoints.edit(folder / "tokenizer/tokenizer_config.json", model_max_length=10**30)

    assert load(folder).tokenizer.model_max_length == 16


class Marker:
    """Pickled, it leaves a file behind when it is opened."""

    def __init__(self, file: Path) -> None:
        """`file` is what it would leave."""
        self._file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self._file,)


def as_pickle(folder: Path) -> Path:
    """A pickle under its own name."""
    file = folder / "evil.ckpt"
    file.write_bytes(pickle.dumps(Marker(folder / "was-run")))
    return file


def as_disguised_pickle(folder: Path) -> Path:
    """A pickle under another name."""
    return as_pickle(folder).rename(folder / "evil.safetensors")


def as_disguised_archive(folder: Path) -> Path:
    """What torch.save writes, under another name."""
    torch.save({"a": torch.zeros(1)}, folder / "evil.safetensors")
    return folder / "evil.safetensors"


def as_part(folder: Path) -> Path:
    """A pickle in the place of one part's weights."""
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    file.write_bytes(pickle.dumps(Marker(folder / "was-run")))
    return folder


def pickled_only(folder: Path) -> Path:
    """Weights as they were kept before."""
    file = folder / "unet/diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    return folder


def index(**changes: Any) -> Callable[[Path], Path]:
    """A folder whose index says something else."""

    def damage(folder: Path) -> Path:
        checkpoints.edit(folder / "model_index.json", **changes)
        return folder

    return damage


def config(part: str, **changes: Any) -> Callable[[Path], Path]:
    """A folder with another configuration of a part."""

    def damage(folder: Path) -> Path:
        checkpoints.edit(folder / part / "config.json", **changes)
        return folder

    return damage


def without(name: str) -> Callable[[Path], Path]:
    """A folder that lacks something."""

    def damage(folder: Path) -> Path:
        shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink()
        return folder

    return damage


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (as_pickle, "is a pickle, which can run code"),
        (as_disguised_pickle, "is a pickle whatever its name says"),
        (as_disguised_archive, "is a pickle whatever its name says"),
        (as_part, "is a pickle whatever its name says"),
        (pickled_only, "holds pickled weights only"),
        (index(_class_name="MyPipeline"), "holds a MyPipeline"),
        (index(_class_name=["pipeline", "MyPipeline"]), "holds a"),
        (index(unet=["unet", "MyUnet"]), "names .* as its unet, where only diffusers.UNet2DConditionModel is used"),
        (index(unet=["diffusers", "UNet3DConditionModel"]), "as its unet"),
        (index(text_encoder=["transformers", "RobertaModel"]), "as its text_encoder"),
        (index(scheduler=["os", "system"]), "as its scheduler"),
        (index(tokenizer=["builtins", "eval"]), "as its tokenizer"),
        (index(vae=None), "as its vae"),
        (config("unet", auto_map={"AutoModel": "unet.MyUnet"}), "asks for code of its own"),
        (config("unet", in_channels=8), "denoiser of 8 channels"),
        (config("unet", sample_size="many"), "cannot be used"),
        (config("text_encoder", vocab_size=3), "do not belong together|cannot be read|not complete"),
        (without("text_encoder"), "is missing or wrong"),
        (without("scheduler"), "cannot be used"),
        (without("tokenizer"), "its tokenizer is missing"),
        (without("vae/config.json"), "is missing or wrong"),
    ],
)
def test_what_is_no_checkpoint_of_ours_is_refused_in_a_sentence_and_runs_nothing(
    folders: Mapping[str, Path], tmp_path: Path, damage: Callable[[Path], Path], sentence: str
) -> None:
    folder = Path(shutil.copytree(folders["first"], tmp_path / "copy"))
    place = damage(folder)

    with pytest.raises(errors.ModelUnusable, match=sentence) as caught:
        load(place)

    assert "\n" not in str(caught.value)
    assert not (folder / "was-run").exists()


def lacking(prefix: str) -> Callable[[Path], object]:
    """Take the tensors out whose names begin so."""

    def damage(file: Path) -> None:
        save_file({name: each for name, each in load_file(file).items() if not name.startswith(prefix)}, file)

    return damage


def as_xl(file: Path) -> None:
    """Add what tells a newer kind."""
    save_file({**load_file(file), "conditioner.embedders.1.model.ln_final.bias": torch.zeros(1)}, file)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (as_xl, "is a Stable Diffusion XL checkpoint"),
        (lacking("cond_stage_model."), "holds no text encoder"),
        (lacking("first_stage_model."), "holds no autoencoder"),
        (lacking("model."), "holds no denoiser"),
        (lacking("model.diffusion_model.time_embed.0.weight"), "are not complete"),
        (lacking("cond_stage_model.transformer.text_model.final_layer_norm.weight"), "are not complete"),
        (lacking("first_stage_model.decoder.conv_in.weight"), "are not complete"),
        (lacking("model.diffusion_model.input_blocks.0"), "is not laid out as"),
        (lambda file: file.write_bytes(file.read_bytes()[:100_000]), "cannot be read"),
        (lambda file: file.write_bytes(b"nothing"), "cannot be read"),
        (lambda file: file.write_bytes((5).to_bytes(8, "little") + b"[1,2]"), "cannot be read"),
    ],
)
def test_a_single_file_that_cannot_be_used_is_one_sentence(
    folders: Mapping[str, Path],
    tmp_path: Path,
    damage: Callable[[Path], object],
    sentence: str,
) -> None:
    file = as_file(folders["first"], tmp_path / "model.safetensors")
    damage(file)

    with pytest.raises(errors.ModelUnusable, match=sentence) as caught:
        load(file)

    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("a model")

    with pytest.raises(errors.ModelUnusable, match="is no checkpoint: name a diffusers folder"):
        sources.find(str(tmp_path / "model.txt"))

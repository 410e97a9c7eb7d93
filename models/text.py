"""The tokenizer and the text encoder.

One token is one word: the vocabulary is so small that pieces of words would only be harder to learn. The encoder first
learns, without any denoiser, to tell from a prompt what its picture holds and roughly where its colours lie.
"""

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from torch import Tensor, nn
from torch.nn import functional as F

from models import checkpoint
from models.facts import all_facts, facts
from models.grammar import UNKNOWN, held_out, prompt_for, vocabulary, with_unknown_word
from models.images import to_tensor
from models.libraries import CLIPTextConfig, CLIPTextModel, Network, PreTrainedTokenizerFast, Words
from models.log import Log
from models.parallel import Team
from models.renderer import render
from models.schedule import Pace
from models.world import Picture, generator, random_picture

WIDTH = 128
LENGTH = 40  # the longest prompt of the grammar has 37 words
PAD, BEGIN, END = "<pad>", "<begin>", "<end>"
THUMBNAIL = 8
BATCH = 64
POOL = 3000


def build_tokenizer() -> Words:
    """Lower case, letters only, one token a word."""
    words = [PAD, BEGIN, END, UNKNOWN, *vocabulary()]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(behavior="removed")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        special_tokens=[(BEGIN, words.index(BEGIN)), (END, words.index(END))],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=LENGTH,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )


def build(tokenizer: Words) -> Network:
    """The untrained encoder, 0.52 M parameters."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=384,
            projection_dim=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            hidden_act="quick_gelu",
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def encode_prompts(tokenizer: Words, prompts: list[str]) -> Tensor:
    """Token numbers, prompts×LENGTH, padded as the pipeline pads them."""
    batch = tokenizer(prompts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt")
    ids: Tensor = batch["input_ids"]
    return ids


class Reader(nn.Module):
    """The heads of the pre-training: what the picture holds, and its thumbnail."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.facts = nn.Linear(WIDTH, count)
        self.thumbnail = nn.Linear(WIDTH, 3 * THUMBNAIL * THUMBNAIL)

    def loss(self, states: Tensor, truth: Tensor, thumbnail: Tensor) -> Tensor:
        """The error of both heads on the mean of the encoder's states."""
        pooled = states.mean(dim=1)
        wrong = F.binary_cross_entropy_with_logits(self.facts(pooled), truth)
        return 4 * wrong + F.l1_loss(self.thumbnail(pooled), thumbnail.flatten(1))


def train(team: Team, folder: Path, pace: Pace, begin: Path | None) -> None:
    """Pre-train the encoder to the end of `pace`, going on from the checkpoint in `folder` where there is one.

    A first run starts from the weights of the finished model in `begin`, if given.
    """
    torch.manual_seed(2)
    tokenizer = build_tokenizer()
    names = all_facts()
    index = {name: i for i, name in enumerate(names)}
    network, reader = build(tokenizer).to(team.device), Reader(len(names)).to(team.device)
    if begin:
        _take_over(network, tokenizer, begin)
    parameters = [*network.parameters(), *reader.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=0.0, betas=(0.9, 0.98), weight_decay=0.01)
    path = folder / "text.pt"
    if (state := checkpoint.load(path)) is not None:
        network.load_state_dict(state["network"])
        reader.load_state_dict(state["reader"])
        optimiser.load_state_dict(state["optimiser"])
        pace.resume(state["pace"])
    team.share(parameters)
    rng = generator("text", team.rank, pace.step)
    log = Log(folder / "text.jsonl", team)
    pool: list[tuple[Picture, Tensor]] = []

    while pace.progress < 1:
        for _ in range(BATCH if len(pool) < POOL else 8):
            picture = random_picture(rng)
            small = F.adaptive_avg_pool2d(to_tensor(render(picture, rng, 64)), THUMBNAIL)
            pool.append((picture, small))
        if len(pool) > POOL:
            del pool[: len(pool) - POOL]
        chosen = rng.sample(pool, BATCH)
        ids = encode_prompts(tokenizer, [worded(picture, rng) for picture, _ in chosen]).to(team.device)
        truth = torch.zeros(BATCH, len(names))
        for row, (picture, _) in enumerate(chosen):
            truth[row, [index[fact] for fact in facts(picture)]] = 1
        thumbnail = torch.stack([small for _, small in chosen])
        rate = pace.rate(2e-3, flat=0.3)
        for group in optimiser.param_groups:
            group["lr"] = rate
        value = reader.loss(network(ids).last_hidden_state, truth.to(team.device), thumbnail.to(team.device))
        torch.autograd.backward(value)
        pace.progress = team.average_gradients(parameters, pace.own_progress)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        pace.step += 1
        log.add(pace, value.item(), rate)
        if team.leads and (pace.step % 200 == 0 or pace.progress >= 1):
            kept = {"network": network.state_dict(), "reader": reader.state_dict()}
            checkpoint.save(path, {**kept, "optimiser": optimiser.state_dict(), "pace": pace.state()})


@torch.no_grad()
def _take_over(network: Network, tokenizer: Words, begin: Path) -> None:
    """Start from the encoder in `begin`; its words keep their meaning, words that are new start from chance."""
    weights = CLIPTextModel.from_pretrained(begin, subfolder="text_encoder", dtype=torch.float32).state_dict()
    rows = PreTrainedTokenizerFast.from_pretrained(begin, subfolder="tokenizer").get_vocab()
    name = next(name for name in weights if name.endswith("token_embedding.weight"))
    embedding = network.state_dict()[name].clone()
    for word, row in tokenizer.get_vocab().items():
        if word in rows:
            embedding[row] = weights[name][rows[word]]
    network.load_state_dict({**weights, name: embedding})


def worded(picture: Picture, rng: random.Random) -> str:
    """A training prompt: none that is held out, and now and then one with a word that the model does not know."""
    prompt = prompt_for(picture, rng)
    while held_out(prompt):
        prompt = prompt_for(picture, rng)
    return with_unknown_word(prompt, rng) if rng.random() < 0.06 else prompt


def pretrained(folder: Path, tokenizer: Words) -> Network:
    """The encoder of the checkpoint in `folder`."""
    state = checkpoint.load(folder / "text.pt")
    if state is None:
        raise FileNotFoundError(f"there is no pre-trained text encoder in {folder}")
    network = build(tokenizer)
    network.load_state_dict(state["network"])
    return network

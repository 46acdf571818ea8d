"""Put sentences with their neighbours into the classifier's input.

Sentences are packed one after another, [CLS] s1 [SEP] s2 [SEP] …, into windows of at most
WINDOW tokens. An answer of up to a minute and a half is one window; a longer one is cut into
several, each of which judges its core sentences, while those before and after are there to be
read only. One pass over a window judges some twenty sentences, each seeing far more context
than one sentence a pass would allow at twenty times the cost. Training and run time share this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from voice_coach.errors import ModelDamagedError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WINDOW = 512
"""Tokens a window: what the encoder was made for. Shorter windows cost less each, but their contexts
overlap: at 256 tokens 25 sentences took twice the tokens, and as long."""

CORE = 400
"""Tokens of a window that are judged where an answer needs several windows; the rest is context."""

CONTEXT = 72
"""Tokens kept before the core, and after it, at most: about three sentences. More after it changed nothing on dev."""

LONGEST_SENTENCE = 96
"""Of a longer sentence the rest is not read: about 70 words, where spoken ones are split at 40."""


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """One window. tokens: int64 [t]. owners: int64 [t], the core sentence (0-based within this
    window) that each token belongs to, -1 for context and markers. sentences: indices of the
    core sentences in the answer."""

    tokens: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]
    sentences: tuple[int, ...]


def marker(tokenizer: Tokenizer, name: str) -> int:
    """Id of one of the tokenizer's markers.

    Raises: ModelDamagedError if it has none of that name.
    """
    found = tokenizer.token_to_id(name)
    if found is None:
        raise ModelDamagedError(f"the tokenizer has no {name}; install the program again")
    return int(found)


def tokenize(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[list[int]]:
    """Token ids of each sentence, without markers; never empty (an unknown token stands in)."""
    unknown = marker(tokenizer, "[UNK]")
    encoded = tokenizer.encode_batch(list(sentences), add_special_tokens=False)
    return [one.ids[:LONGEST_SENTENCE] or [unknown] for one in encoded]


def pack(
    ids: Sequence[Sequence[int]],
    cls_id: int,
    sep_id: int,
    *,
    first_core: int | None = None,
    core: int = CORE,
    context: int = CONTEXT,
) -> list[Packed]:
    """Windows that together judge every sentence once, in order.

    One window takes the whole answer if it fits; several share it evenly, as two windows of half the size cost less
    than a full one with a small one. first_core: tokens of the first window's core, whether or not it all fits, the
    others then having `core`; training varies it, so that sentences are met at every place of a window. core, context:
    as CORE and CONTEXT.
    """
    lengths = [len(one) + 1 for one in ids]
    windows: list[Packed] = []
    start = 0
    for end in _even_ends(lengths, core) if first_core is None else _filled_ends(lengths, first_core, core):
        before, left = start, min(context, WINDOW - 1 - sum(lengths[start:end]))
        while before > 0 and lengths[before - 1] <= left:
            before -= 1
            left -= lengths[before]
        after, left = end, min(context, WINDOW - 1 - sum(lengths[before:end]))
        while after < len(ids) and lengths[after] <= left:
            left -= lengths[after]
            after += 1
        tokens, owners = [cls_id], [-1]
        for k in range(before, after):
            tokens += [*ids[k], sep_id]
            owner = k - start if start <= k < end else -1
            owners += [owner] * len(ids[k]) + [-1]
        windows.append(
            Packed(np.asarray(tokens, dtype=np.int64), np.asarray(owners, dtype=np.int64), tuple(range(start, end)))
        )
        start = end
    return windows


def _even_ends(lengths: Sequence[int], core: int) -> list[int]:
    """Where the cores of as few windows as possible end: after the sentence whose end is nearest an even share."""
    total = sum(lengths)
    windows = 1 if 1 + total <= WINDOW else math.ceil(total / core)
    told = np.cumsum(lengths)
    shares = total * np.arange(1, windows + 1) / windows
    return [1 + int(np.abs(told - share).argmin()) for share in shares] if lengths else []


def _filled_ends(lengths: Sequence[int], first_core: int, core: int) -> list[int]:
    """Where cores end that take whole sentences, at least one, while there is room."""
    ends: list[int] = []
    start, room = 0, first_core
    while start < len(lengths):
        end, used = start + 1, lengths[start]
        while end < len(lengths) and used + lengths[end] <= room:
            used += lengths[end]
            end += 1
        ends.append(end)
        start, room = end, core
    return ends


def collate(windows: Sequence[Packed], pad_id: int = 0) -> dict[str, npt.NDArray[Any]]:
    """A batch of windows as the network's input.

    input_ids, attention_mask: int64 [batch, t]. pool: float32 [batch, sentences, t], 1 where a
    token belongs to a core sentence.
    """
    longest = max(len(window.tokens) for window in windows)
    most = max(len(window.sentences) for window in windows)
    input_ids = np.full((len(windows), longest), pad_id, dtype=np.int64)
    attention_mask = np.zeros_like(input_ids)
    pool = np.zeros((len(windows), most, longest), dtype=np.float32)
    for row, window in enumerate(windows):
        length = len(window.tokens)
        input_ids[row, :length] = window.tokens
        attention_mask[row, :length] = 1
        inside = np.flatnonzero(window.owners >= 0)
        pool[row, window.owners[inside], inside] = 1.0
    return {"input_ids": input_ids, "attention_mask": attention_mask, "pool": pool}

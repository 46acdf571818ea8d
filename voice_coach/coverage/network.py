"""The network in torch: for training, evaluation and serving on a GPU. Needs the `train` extra."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from voice_coach.coverage.labels import OUTPUTS


class LifecycleNetwork(nn.Module):
    """Encoder, then for each output an attention over the sentence's own tokens.

    Each output asks its own question of the words ("where is a level named?"), so one sentence
    can carry several labels without their evidence being averaged away.
    """

    def __init__(self, encoder: nn.Module, hidden: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.query = nn.Linear(hidden, len(OUTPUTS), bias=False)
        self.weight = nn.Parameter(torch.empty(len(OUTPUTS), 2 * hidden))
        self.bias = nn.Parameter(torch.full((len(OUTPUTS),), -2.0))
        self.dropout = nn.Dropout(dropout)
        self.scale = hidden**-0.5
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
        """Logits, float [batch, sentences, outputs], of a batch made by packing.collate."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        scores = self.query(hidden).transpose(1, 2).unsqueeze(1) * self.scale
        masked = scores + (pool.unsqueeze(2) - 1.0) * 1e4
        attended = torch.softmax(masked, dim=-1) @ hidden.unsqueeze(1)
        mean = (pool @ hidden) / pool.sum(dim=-1, keepdim=True).clamp(min=1.0)
        features = torch.cat([attended, mean.unsqueeze(2).expand_as(attended)], dim=-1)
        logits: torch.Tensor = (self.dropout(features) * self.weight).sum(dim=-1) + self.bias
        return logits


def as_tensors(batch: dict[str, Any], device: str) -> dict[str, torch.Tensor]:
    """A collated batch on the device."""
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}

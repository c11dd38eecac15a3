"""Make a language model of random weights in Transformers' format: `transformers serve` can serve it, and it is no use.

    python tiny_transformers.py FOLDER

Nearly one token per byte, in Qwen2's architecture. Runs in the server's environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
PAD, END = 0, 2
CONTEXT = 32_768
TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def write(folder: Path) -> None:
    """Write the model and its tokenizer into `folder`."""
    torch.manual_seed(1)
    tokens = [*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bare = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token=SPECIAL[END], pad_token=SPECIAL[PAD], additional_special_tokens=[SPECIAL[1]]
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": CONTEXT}
    ends = {"eos_token_id": END, "pad_token_id": PAD, "bos_token_id": PAD}
    Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokens), **shape, **heads, **ends)).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))

"""Make a language model of random weights, in GGUF: a real server can serve it, and it is sure to be no use.

    python tiny_model.py tiny.gguf [TEMPLATE.jinja]

It writes letters by chance; now and then it ends its answer, closes its thoughts, or starts a tool call, whose form the
server's own grammar then completes. Runs in the servers' environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np

CONTEXT = 32_768
WIDTH, HEADS, LAYERS, INNER = 32, 1, 1, 64
CALL = '<tool_call>\n{"name": "'
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
LIKELY = {"<|im_end|>": 4.0, "<think>": 0.0, "</think>": 0.5, '"': 3.0}
"""Beside letters and spaces; how much likelier than one letter, as a logarithm. All else only where a grammar asks."""
UNLIKELY = -20.0
PAIRS = "th er in on re at en or es ti st ar nd te al is ed ri ce io se de ro le co me ne ch sh ou ea ve ur pe"
"""Read as one token each, so that prompts are shorter; never written."""
TEMPLATE = """\
{%- if tools or messages[0].role == "system" %}<|im_start|>system
{{ messages[0].content if messages[0].role == "system" else "" }}
{%- if tools %}

You may call one or more functions. Their signatures:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>

For each call, return a JSON object with name and arguments within <tool_call></tool_call>:
<tool_call>
{"name": <function-name>, "arguments": <args-json-object>}
</tool_call>
{%- endif %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == "tool" %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif not (loop.first and message.role == "system") %}<|im_start|>{{ message.role }}
{%- if message.reasoning_content %}
<think>
{{ message.reasoning_content }}
</think>
{% endif %}
{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def letters() -> list[str]:
    """How byte-level BPE writes each byte: printable ones as they are, the others from U+0100 up."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def write(path: Path, template: str = TEMPLATE, call: str = CALL) -> None:
    """Write the model to `path`; `call` is how a tool call begins in `template`."""
    random = np.random.default_rng(1)
    alphabet = letters()
    pairs = PAIRS.split()
    tokens = [*alphabet, *pairs, *SPECIAL, call]
    kinds = [gguf.TokenType.NORMAL] * (256 + len(pairs)) + [gguf.TokenType.USER_DEFINED] * (len(SPECIAL) + 1)
    for name in SPECIAL[:3]:
        kinds[tokens.index(name)] = gguf.TokenType.CONTROL
    bias = np.full(len(tokens), UNLIKELY, np.float32)
    for text, value in {**dict.fromkeys("abcdefghijklmnopqrstuvwxyz :<{}\n", 0.0), **LIKELY, call: 1.5}.items():
        bias[tokens.index(alphabet[ord(text)] if len(text) == 1 else text)] = value

    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in pairs])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(template)

    def tensor(name: str, *shape: int, scale: float = 1.0) -> None:
        writer.add_tensor(name, random.normal(0, scale * shape[-1] ** -0.5, shape).astype(np.float32))

    def ones(name: str) -> None:
        writer.add_tensor(name, np.ones(WIDTH, np.float32))

    tensor("token_embd.weight", len(tokens), WIDTH)
    tensor("output.weight", len(tokens), WIDTH, scale=0.3)
    writer.add_tensor("output.bias", bias)
    ones("output_norm.weight")
    for layer in range(LAYERS):
        at = f"blk.{layer}"
        ones(f"{at}.attn_norm.weight")
        ones(f"{at}.ffn_norm.weight")
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"{at}.{name}.weight", WIDTH, WIDTH)
        tensor(f"{at}.ffn_gate.weight", INNER, WIDTH)
        tensor(f"{at}.ffn_up.weight", INNER, WIDTH)
        tensor(f"{at}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else TEMPLATE)

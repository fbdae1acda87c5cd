"""Words of a model's name: letters, numbers, sizes, and the words that say "this is a converted or quantised copy".

Pure text; knows no family, no country and no other model. Hub names are ASCII, at most 96 characters on either side of
the slash; whatever is longer or stranger is not taken for a name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Tokens = tuple[str, ...]

# Letters and numbers are words of their own, so that `qwen` is found in `Qwen2.5` and not in `unqwenched`. `2_5` is
# 2.5 (InternVL2_5), yet `3_8b` is two words (llama3_8b). A number with b, m or k behind it is a size: 7b, 512m.
_TOKEN = re.compile(r"\d+(?:\.\d+|_\d(?![0-9a-z]))*(?:[bmk](?![^\W\d_]))?|[^\W\d_]+")
_SIZE = re.compile(r"[\d.]+[bm]\Z")
_NAME = re.compile(r"[\w.\-]{1,96}/[\w.\-]{1,96}\Z", re.ASCII)

# Words that only a copy in another format or precision bears. `dynamic`, `bf16` and the like say it only beside these.
_FORMAT = re.compile(
    r"(?:^|[-_.])(?:gguf|ggml|llamafile|awq|gptq|gptqmodel|exl[23]|mlx|bnb|hqq|aqlm|quip|eetq|auto-?round|quark|optiq"
    r"|onnx|openvino|ct2|ctranslate2|coreml|tflite|litert|rknn|neuron|imatrix|imat|quantized|quant|quants|torchao"
    r"|nvfp4(?:a16)?|mxfp[48]|fp8|fp4|nf4|u?int[2348]|qint8|w[248]a(?:16|8|4)|[2-8]-?bits?|i1|dwq|paroquant"
    r"|i?q[1-8](?:[-_](?:0|1|k|xs|xxs|s|m|nl))(?:[-_](?:s|m|l|xl))?|q[48]|[\d.]+bpw)(?=$|[-_.])",
    re.IGNORECASE,
)
_FORMAT_IN_LOWER = re.compile(_FORMAT.pattern)
_TAIL = re.compile(
    r"(?:[-_.](?:unsloth|ud|qat|dynamic|bf16|fp16|f16|fp32|f32|hf|g\d+|\d+g|mixed|block|ct|compressed-tensors|original"
    r"|unquantized|mtp|text|ptq|qad|smoothquant|safetensors))+$",
    re.IGNORECASE,
)


class Stem(NamedTuple):
    """The model part of a name, without the words of its format."""

    text: str  #: up to the first word of a format behind it; the whole when there is none
    is_copy: bool  #: a word of a format or a quantisation was found


def is_name(text: str) -> bool:
    """Whether a text has the form `publisher/model`."""
    return _NAME.match(text) is not None


def model_part(name: str) -> str:
    """The part after the slash; names without one are all model."""
    return name[name.rfind("/") + 1 :]


def tokens(text: str) -> Tokens:
    """The words of a text in lower case: runs of letters, numbers (2.5), sizes (7b)."""
    found = _TOKEN.findall(text.lower())
    return tuple([word.replace("_", ".") for word in found] if "_" in text else found)


def is_size(token: str) -> bool:
    """Whether a word is a number of parameters (7b, 0.5b, 350m)."""
    return _SIZE.match(token) is not None


def stem(model: str) -> Stem:
    """What a copy's name says of the model it was made from: `Qwen3-8B-AWQ-4bit` is a copy of `Qwen3-8B`."""
    # Lower case first: a search for either case takes twice the time. Beyond ASCII that could shift the places.
    found = _FORMAT_IN_LOWER.search(model.lower()) if model.isascii() else _FORMAT.search(model)
    if found is None:
        return Stem(model, False)
    # A format in front (`onnx-bert`) is left out; anywhere else it ends the name of the base.
    return Stem(model[: found.start()] or stem(model[found.end() :].lstrip("-_.")).text, True)


def plain(text: str) -> str:
    """A stem without a tail that tells copies of one model apart and no more: -bf16, -hf, -qat, -unsloth."""
    return _TAIL.sub("", text)


def clean(text: str) -> str:
    """A hub's text made safe to keep: printable, on one line, at most 200 characters."""
    return "".join(c for c in text[:200] if c.isprintable()).strip()

"""What families promise: the right line for a name, no match inside other words, clear refusals of a faulty file."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.errors import RegistryError
from collector.origins.families import Families, load_families
from collector.origins.names import clean, is_name, model_part, plain, stem, tokens

DATA = Path(__file__).parents[2] / "collector" / "data"

ROOTS = """
Qwen/Qwen-7B-Chat                                   Qwen              Qwen1
Qwen/Qwen1.5-0.5B                                   Qwen              Qwen1.5
Qwen/Qwen2-57B-A14B-Instruct                        Qwen              Qwen2
Qwen/Qwen2.5-7B-Instruct                            Qwen              Qwen2.5
Qwen/Qwen2.5-Coder-14B-Instruct                     Qwen              Qwen2.5-Coder
Qwen/Qwen2.5-VL-3B-Instruct                         Qwen              Qwen2.5-VL
Qwen/Qwen2.5-Omni-7B                                Qwen              Qwen2.5-Omni
Qwen/Qwen3-30B-A3B-Instruct-2507                    Qwen              Qwen3
Qwen/Qwen3-VL-8B-Instruct                           Qwen              Qwen3-VL
Qwen/Qwen3-Embedding-0.6B                           Qwen              Qwen3-Embedding
Qwen/Qwen3-Reranker-4B                              Qwen              Qwen3-Reranker
Qwen/Qwen3.5-9B                                     Qwen              Qwen3.5
Qwen/QwQ-32B                                        Qwen              QwQ
Qwen/QVQ-72B-Preview                                Qwen              QVQ
Qwen/Qwen-Image-Edit-2509                           Qwen              Qwen-Image
meta-llama/Llama-2-7b-hf                            Llama             Llama-2
meta-llama/Meta-Llama-3-8B-Instruct                 Llama             Llama-3
meta-llama/Meta-Llama-3.1-70B                       Llama             Llama-3.1
meta-llama/Llama-4-Scout-17B-16E-Instruct           Llama             Llama-4
meta-llama/Llama-Guard-3-8B                         Llama             Llama-Guard
huggyllama/llama-7b                                 Llama             Llama-1
codellama/CodeLlama-7b-hf                           Llama             CodeLlama
TinyLlama/TinyLlama-1.1B-Chat-v1.0                  TinyLlama         -
openlm-research/open_llama_3b                       OpenLLaMA         -
mistralai/Mistral-7B-Instruct-v0.3                  Mistral           Mistral-7B
mistralai/Mixtral-8x7B-Instruct-v0.1                Mistral           Mixtral
mistralai/Mistral-Nemo-Instruct-2407                Mistral           Mistral-Nemo
mistralai/Ministral-8B-Instruct-2410                Mistral           Ministral
mistralai/Voxtral-Mini-3B-2507                      Mistral           Voxtral
google/gemma-2b                                     Gemma             Gemma-1
google/gemma-2-2b-it                                Gemma             Gemma-2
google/gemma-3-4b-it                                Gemma             Gemma-3
google/gemma-3n-E4B-it                              Gemma             Gemma-3n
google/gemma-4-31B-it                               Gemma             Gemma-4
google/paligemma-3b-pt-224                          Gemma             PaliGemma
google/t5gemma-2-270m-270m                          Gemma             T5Gemma
google/embeddinggemma-300m                          Gemma             EmbeddingGemma
microsoft/phi-1_5                                   Phi               Phi-1
microsoft/phi-2                                     Phi               Phi-2
microsoft/Phi-3-mini-4k-instruct                    Phi               Phi-3
microsoft/Phi-3.5-vision-instruct                   Phi               Phi-3.5
microsoft/Phi-4-multimodal-instruct                 Phi               Phi-4
deepseek-ai/DeepSeek-V3-0324                        DeepSeek          DeepSeek-V3
deepseek-ai/DeepSeek-R1-0528                        DeepSeek          DeepSeek-R1
deepseek-ai/DeepSeek-Coder-V2-Lite-Instruct         DeepSeek          DeepSeek-Coder-V2
deepseek-ai/deepseek-coder-6.7b-instruct            DeepSeek          DeepSeek-Coder
deepseek-ai/deepseek-vl2-tiny                       DeepSeek          DeepSeek-VL
01-ai/Yi-34B                                        Yi                Yi
01-ai/Yi-1.5-9B-Chat                                Yi                Yi-1.5
zai-org/GLM-4.5-Air                                 GLM               GLM-4.5
THUDM/chatglm3-6b                                   GLM               ChatGLM
zai-org/CogVideoX-5b                                CogVideo          -
OpenGVLab/InternVL3_5-8B                            InternVL          InternVL3.5
internlm/internlm2_5-7b-chat                        InternLM          -
baichuan-inc/Baichuan2-7B-Chat                      Baichuan          -
openbmb/MiniCPM-V-2_6                               MiniCPM           MiniCPM-V
moonshotai/Kimi-K2-Instruct-0905                    Kimi              Kimi-K2
MiniMaxAI/MiniMax-M2.7                              MiniMax           MiniMax-M2.7
tencent/Hunyuan-A13B-Instruct                       Hunyuan           -
baidu/ERNIE-4.5-0.3B-PT                             ERNIE             ERNIE-4.5
ByteDance-Seed/Seed-OSS-36B-Instruct                Seed              -
inclusionAI/Ling-mini-2.0                           Ling              -
XiaomiMiMo/MiMo-VL-7B-RL                            MiMo              -
Wan-AI/Wan2.2-T2V-A14B                              Wan               -
ibm-granite/granite-3.3-8b-instruct                 Granite           Granite-3
nvidia/NVIDIA-Nemotron-Nano-9B-v2                   Nemotron          Nemotron-Nano-2
nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16          Nemotron          Nemotron-3
allenai/OLMo-2-1124-7B-Instruct                     OLMo              OLMo-2
allenai/Molmo2-4B                                   Molmo             -
HuggingFaceTB/SmolLM2-135M-Instruct                 SmolLM            SmolLM2
HuggingFaceTB/SmolVLM-256M-Instruct                 SmolVLM           -
CohereLabs/c4ai-command-r-v01                       Command           Command-R
CohereLabs/aya-expanse-8b                           Aya               -
openai/gpt-oss-20b                                  gpt-oss           gpt-oss-20b
openai-community/gpt2-large                         GPT-2             -
EleutherAI/gpt-neo-125m                             GPT-Neo           -
EleutherAI/gpt-j-6b                                 GPT-Neo           GPT-J
EleutherAI/pythia-70m-deduped                       Pythia            -
facebook/opt-125m                                   OPT               -
bigscience/bloomz-560m                              BLOOM             -
tiiuae/falcon-7b                                    Falcon            -
tiiuae/Falcon-H1-0.5B-Base                          Falcon            Falcon-H1
mosaicml/mpt-7b                                     MPT               -
stabilityai/stablelm-3b-4e1t                        StableLM          -
swiss-ai/Apertus-8B-Instruct-2509                   Apertus           -
LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct                EXAONE            EXAONE-3.5
LiquidAI/LFM2.5-1.2B-Instruct                       LFM               LFM2.5
google-bert/bert-base-uncased                       BERT              BERT (English)
google-bert/bert-base-multilingual-cased            BERT              BERT (multilingual)
cl-tohoku/bert-base-japanese-v3                     BERT              -
FacebookAI/roberta-base                             RoBERTa           -
FacebookAI/xlm-roberta-large                        XLM-RoBERTa       -
distilbert/distilbert-base-uncased                  DistilBERT        DistilBERT (English)
albert/albert-base-v2                               ALBERT            ALBERT (English)
google/electra-base-discriminator                   ELECTRA           -
microsoft/deberta-v3-base                           DeBERTa           DeBERTa-v3
microsoft/mdeberta-v3-base                          DeBERTa           mDeBERTa
google-t5/t5-small                                  T5                -
google/flan-t5-base                                 T5                Flan-T5
google/mt5-small                                    T5                mT5
facebook/bart-large-mnli                            BART              BART-large
facebook/nllb-200-distilled-600M                    NLLB              -
Helsinki-NLP/opus-mt-en-de                          OPUS-MT           -
allenai/scibert_scivocab_uncased                    SciBERT           -
dmis-lab/biobert-v1.1                               BioBERT           -
ProsusAI/finbert                                    FinBERT           -
microsoft/MiniLM-L12-H384-uncased                   MiniLM            -
sentence-transformers/LaBSE                         LaBSE             -
microsoft/mpnet-base                                MPNet             -
intfloat/multilingual-e5-large                      E5                -
BAAI/bge-m3                                         BGE               BGE-M3
BAAI/bge-small-en-v1.5                              BGE               -
BAAI/bge-reranker-v2-m3                             BGE               BGE-Reranker
thenlper/gte-small                                  GTE               -
nomic-ai/nomic-embed-text-v1.5                      Nomic-Embed       -
jinaai/jina-embeddings-v3                           Jina              Jina-Embeddings-v3
mixedbread-ai/mxbai-embed-large-v1                  mxbai             -
Snowflake/snowflake-arctic-embed-m                  Arctic            Arctic-Embed
openai/whisper-large-v3-turbo                       Whisper           Whisper-large-turbo
Systran/faster-whisper-large-v3                     Whisper           Whisper-large
facebook/wav2vec2-large-xlsr-53                     wav2vec 2.0       XLSR
facebook/wav2vec2-base-960h                         wav2vec 2.0       -
facebook/hubert-base-ls960                          HuBERT            -
facebook/mms-1b-all                                 MMS               -
facebook/seamless-m4t-v2-large                      SeamlessM4T       -
microsoft/speecht5_tts                              SpeechT5          -
pyannote/speaker-diarization-3.1                    pyannote          -
hexgrad/Kokoro-82M                                  Kokoro            -
coqui/XTTS-v2                                       XTTS              -
openai/clip-vit-large-patch14                       CLIP              CLIP ViT-L/14
laion/CLIP-ViT-B-32-laion2B-s34B-b79K               OpenCLIP          -
google/siglip-so400m-patch14-384                    SigLIP            -
facebook/sam-vit-base                               SAM               -
facebook/dinov2-base                                DINO              DINOv2
google/vit-base-patch16-224                         ViT               -
microsoft/resnet-50                                 ResNet            -
facebook/convnextv2-tiny-1k-224                     ConvNeXt          -
microsoft/swin-tiny-patch4-window7-224              Swin              -
facebook/detr-resnet-50                             DETR              -
microsoft/layoutlmv3-base                           LayoutLM          -
microsoft/trocr-base-handwritten                    TrOCR             -
naver-clova-ix/donut-base                           Donut             -
Salesforce/blip2-opt-2.7b                           BLIP              BLIP-2
Salesforce/blip-image-captioning-large              BLIP              -
llava-hf/llava-1.5-7b-hf                            LLaVA             -
stabilityai/stable-diffusion-xl-base-1.0            Stable Diffusion  SDXL
stable-diffusion-v1-5/stable-diffusion-v1-5         Stable Diffusion  SD 1
black-forest-labs/FLUX.1-dev                        FLUX              FLUX.1
Lightricks/LTX-Video                                LTX               -
tencent/HunyuanVideo                                Hunyuan           HunyuanVideo
ai-forever/Kandinsky3.1                             Kandinsky         -
amazon/chronos-t5-small                             Chronos           -
google/timesfm-2.0-500m-pytorch                     TimesFM           -
Salesforce/moirai-1.1-R-small                       Moirai            -
facebook/esm2_t33_650M_UR50D                        ESM               -
Rostlab/prot_bert                                   ProtTrans         -
"""


@pytest.fixture(scope="module")
def families() -> Families:
    return load_families(DATA / "families.toml")


def _cases() -> list[tuple[str, str, str | None]]:
    rows = [line.split(None, 1) for line in ROOTS.strip().splitlines()]
    parts = [(name, *rest.rsplit("  ", 1)) for name, rest in rows]
    return [(name, family.strip(), None if line.strip() == "-" else line.strip()) for name, family, line in parts]


@pytest.mark.parametrize(("name", "family", "line"), _cases())
def test_a_known_model_has_its_family_and_line(families: Families, name: str, family: str, line: str | None) -> None:
    assert families.of(name) == (family, line)


@pytest.mark.parametrize(
    "name",
    [
        "someone/unqwenched-7b",
        "someone/Qwench",
        "someone/allama-model",
        "someone/llamas-of-peru",
        "someone/LlamaIndex-reranker",
        "someone/ggml-llama.cpp-test",
        "someone/philosophy-bot",
        "someone/yielding",
        "someone/commander",
        "someone/falconry",
        "someone/robert-the-bot",
        "someone/step-by-step",
        "someone/ringtone",
        "someone/opt-out",
        "someone/nova-2",
        "qwen-lovers/my-classifier",
        "someone/",
        "",
    ],
)
def test_a_familys_word_inside_another_is_no_match(families: Families, name: str) -> None:
    assert families.of(name) is None


def test_common_words_count_only_under_the_developers_account(families: Families) -> None:
    assert families.of("microsoft/phi-tiny") == ("Phi", None)
    assert families.of("someone/phi-tiny") is None
    assert families.of("someone/phi-2-ft") == ("Phi", "Phi-2")


def test_the_publishers_own_family_wins_over_one_it_builds_on(families: Families) -> None:
    assert families.of("nvidia/Llama-3.1-Nemotron-70B-Instruct-HF") == ("Nemotron", None)
    assert families.of("someone/bert-qwen2.5") == ("Qwen", "Qwen2.5")


def test_the_root_that_stands_for_a_line_is_of_that_family(families: Families) -> None:
    """Else a copy whose name tells no exact base would lead to its maker and lose its family."""
    patterns = [pattern for found in families._patterns.values() for pattern in found]
    standing = {(families.all[pattern.hit.family].name, pattern.hit.root) for pattern in patterns if pattern.hit}
    found = {(name, root): families.of(root) for name, root in standing}
    assert [key for key, match in sorted(found.items()) if match is None or match.family != key[0]] == []


def test_there_are_lines_enough_and_every_one_has_a_developer(families: Families) -> None:
    assert len(families.all) + sum(len(family.lines) for family in families.all) >= 150
    assert all(family.publisher.lower() in family.publishers for family in families.all)


def test_words_of_a_name_are_letters_numbers_and_sizes() -> None:
    assert tokens("Qwen2.5-VL-72B") == ("qwen", "2.5", "vl", "72b")
    assert tokens("InternVL3_5-8B") == ("internvl", "3.5", "8b")
    assert tokens("saiga_llama3_8b") == ("saiga", "llama", "3", "8b")
    assert tokens("Mixtral-8x7B-v0.1") == ("mixtral", "8", "x", "7b", "v", "0.1")
    assert tokens("gemma-3-4bit") == ("gemma", "3", "4", "bit")


@pytest.mark.parametrize(
    ("model", "base"),
    [
        ("Qwen3-8B-AWQ-4bit", "Qwen3-8B"),
        ("Qwen2.5-7B-Instruct-GGUF", "Qwen2.5-7B-Instruct"),
        ("Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "Meta-Llama-3.1-8B-Instruct"),
        ("gemma-4-E4B-it-unsloth-bnb-4bit", "gemma-4-E4B-it"),
        ("gemma-4-31B-it-qat-q4_0-gguf", "gemma-4-31B-it"),
        ("Cydonia-24B-v4-i1-GGUF", "Cydonia-24B-v4"),
        ("model.Q4_K_M", "model"),
        ("x-3.0bpw-h6-exl2", "x"),
        ("onnx-bert", "bert"),
        ("gpt-oss-20b-MXFP4-Q8", "gpt-oss-20b"),
        ("Qwen3.8-27B-NVFP4-RTX5090", "Qwen3.8-27B"),
    ],
)
def test_the_words_of_a_format_are_cut_from_a_copys_name(model: str, base: str) -> None:
    assert stem(model).is_copy
    assert plain(stem(model).text) == base


@pytest.mark.parametrize(
    "model", ["Qwen3-8B", "bert-base-uncased", "Nemotron-3-Nano-30B-A3B-BF16", "q-learner", "i1000"]
)
def test_a_name_without_a_format_is_no_copy(model: str) -> None:
    assert not stem(model).is_copy
    assert stem(model).text == model


def test_only_publisher_and_model_make_a_name() -> None:
    assert is_name("Qwen/Qwen3-8B")
    assert not any(map(is_name, ["gpt2", "a/b/c", "/x", "x/", "a b/c", "ünï/code", "a/" + "b" * 97, "a/b\n", "a/=1+1"]))
    assert model_part("gpt2") == "gpt2"
    assert clean("a\x00b\x1b[31m\n" + "x" * 300) == "ab[31m" + "x" * 191


GOOD = '[[family]]\nname = "A"\ndeveloper = "Lab"\npublisher = "lab"\npatterns = ["alpha"]\n'


def load(tmp_path: Path, text: str) -> Families:
    (tmp_path / "families.toml").write_text(text)
    return load_families(tmp_path / "families.toml")


def test_a_pattern_has_alternatives_sizes_endings_and_missing_words(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD.replace('"alpha"', '"(alpha|beta) (x|) #", "*gamma", "@own"'))
    assert [found.of(f"x/{name}") is not None for name in ("alpha-7b", "beta-x-1.5b", "alpha-x", "alpha")] == [
        True,
        True,
        False,
        False,
    ]
    assert [found.of(name) is not None for name in ("x/SuperGamma", "x/gamma", "x/own", "Lab/own")] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD + 'colour = "red"\n', "unknown key colour"),
        ("colour = 1\n" + GOOD, "top level: unknown key colour"),
        (GOOD.replace('"Lab"', "7"), "developer must be a text"),
        (GOOD.replace("publisher", "account"), "unknown key account"),
        (GOOD.replace('["alpha"]', "[]"), "no patterns"),
        (GOOD.replace('["alpha"]', '"alpha"'), "a list of texts is needed"),
        (GOOD.replace('["alpha"]', '["alpha2"]'), "not words as names split"),
        (GOOD.replace('["alpha"]', '[" "]'), "empty pattern"),
        (GOOD + 'root = "nowhere"\n', "not of the form publisher/model"),
        (GOOD + "lines = [1]\n", "a list of tables is needed"),
        (GOOD + 'lines = [{ name = "L" }]\n', "a line without name or patterns"),
        (
            GOOD + 'lines = [{ name = "L", patterns = ["l"] }, { name = "L", patterns = ["m"] }]\n',
            "two lines of one name",
        ),
        (GOOD + GOOD.replace("alpha", "beta"), "two families of one name"),
        (GOOD + GOOD.replace('"A"', '"B"'), "pattern 'alpha' stands twice"),
        ("[legacy]\na = 1\n", "legacy"),
        ("name = \n", "is not TOML"),
    ],
)
def test_a_faulty_file_is_refused_with_the_family_and_the_cure(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=r"families\.toml") as refused:
        load(tmp_path, text)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="install the package again"):
        load_families(tmp_path / "families.toml")

"""What lineage promises: every model's roots with their parts, why, and no base where none is suggested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import RegistryError
from collector.origins.families import Families, load_families
from collector.origins.graph import Roots
from collector.origins.lineage import (
    Correction,
    Declared,
    Disagreement,
    Lineage,
    ModelName,
    Root,
    load_corrections,
    whole_lineage,
)

DATA = Path(__file__).parents[2] / "collector" / "data"
FAMILIES = load_families(DATA / "families.toml")


class Hub:
    """A hub made of names and of what they declare; keys are made up from the order."""

    def __init__(self, *names: str) -> None:
        self.models = [ModelName(10 + at, name, f"key-{name}") for at, name in enumerate(names)]
        self.bases: list[Declared] = []
        self.former: dict[str, int | None] = {}
        self.corrections: list[Correction] = []

    def id_of(self, name: str) -> int:
        return next(model.id for model in self.models if model.name == name)

    def declares(self, name: str, *bases: str, relation: str | None = "finetune", key: str | None = None) -> Hub:
        self.bases += [Declared(self.id_of(name), base, key, relation) for base in bases]
        return self

    def corrected(self, model: str, *bases: str, expects: tuple[frozenset[tuple[str, str]], ...]) -> Hub:
        relation = "finetune" if bases else None
        self.corrections.append(Correction("h", model, bases, relation, expects, "known"))
        return self

    def lineage(self) -> Lineage:
        return whole_lineage(self.models, self.bases, self.former, FAMILIES, self.corrections)

    def roots(self, name: str) -> list[Root]:
        return [root for root in self.lineage().roots() if root.model_id == self.id_of(name)]

    def root(self, name: str) -> Root:
        (root,) = self.roots(name)
        return root

    def ends(self, name: str) -> dict[str, float]:
        return {root.root_name: root.weight for root in self.roots(name)}


def told(name: str, *others: str) -> tuple[str, str, str | None]:
    """Root, basis and relation of a model of which only the name is known."""
    root = Hub(name, *others).root(name)
    return root.root_name, root.basis, root.relation


# ---- declarations


def test_a_declared_chain_is_followed_to_its_end() -> None:
    hub = Hub("a/one", "b/two", "Qwen/Qwen3-8B").declares("a/one", "b/two", relation="quantized")
    hub.declares("b/two", "Qwen/Qwen3-8B")
    row = Root(10, "Qwen/Qwen3-8B", "Qwen", 1.0, "declared", "quantized", "Qwen", "Qwen3")
    assert hub.root("a/one") == row


def test_a_named_base_counts_though_it_was_never_polled() -> None:
    root = Hub("a/one").declares("a/one", "moonshotai/Kimi-K2-Base").root("a/one")
    assert (root.root_name, root.root_publisher, root.basis) == ("moonshotai/Kimi-K2-Base", "moonshotai", "declared")
    assert root.family == "Kimi"


def test_the_hubs_key_of_a_base_wins_over_its_name() -> None:
    hub = Hub("a/one", "lab/new-name", "lab/old-name").declares("a/one", "lab/old-name", key="key-lab/new-name")
    assert hub.ends("a/one") == {"lab/new-name": 1.0}


def test_an_unknown_key_leaves_the_name() -> None:
    hub = Hub("a/one", "lab/name").declares("a/one", "lab/name", key="never seen")
    assert hub.ends("a/one") == {"lab/name": 1.0}


def test_a_former_name_leads_to_the_model_unless_several_bore_it() -> None:
    hub = Hub("a/one", "zai-org/GLM-4-9B").declares("a/one", "THUDM/GLM-4-9B")
    hub.former = {"THUDM/GLM-4-9B": hub.id_of("zai-org/GLM-4-9B")}
    assert hub.ends("a/one") == {"zai-org/GLM-4-9B": 1.0}
    hub.former = {"THUDM/GLM-4-9B": None}
    assert hub.ends("a/one") == {"THUDM/GLM-4-9B": 1.0}


def test_another_case_is_the_same_model_where_one_alone_is_meant() -> None:
    hub = Hub("a/one", "b/two", "Lab/Model").declares("a/one", "lab/model").declares("b/two", "LAB/MODEL")
    assert hub.ends("a/one") == hub.ends("b/two") == {"Lab/Model": 1.0}
    two = Hub("a/one", "Lab/Model", "lab/MODEL").declares("a/one", "lab/model")
    assert two.ends("a/one") == {"lab/model": 1.0}


def test_never_polled_bases_in_two_spellings_are_one_root() -> None:
    hub = Hub("a/one").declares("a/one", "Lab/Model", "lab/model", relation="merge")
    assert hub.ends("a/one") == {"Lab/Model": 1.0}


def test_a_merge_gives_every_distinct_root_an_equal_part() -> None:
    hub = Hub("a/merge", "b/x", "c/y").declares("a/merge", "b/x", "c/y", "z/w", relation="merge")
    hub.declares("b/x", "Qwen/Qwen3-8B").declares("c/y", "Qwen/Qwen3-8B")
    assert hub.ends("a/merge") == {"Qwen/Qwen3-8B": 0.5, "z/w": 0.5}
    assert [root.relation for root in hub.roots("a/merge")] == ["merge", "merge"]


def test_roots_of_one_country_stay_distinct_roots() -> None:
    hub = Hub("a/merge").declares("a/merge", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-V3", "google/gemma-3-4b-pt")
    assert hub.ends("a/merge") == pytest.approx(
        {"Qwen/Qwen3-8B": 1 / 3, "deepseek-ai/DeepSeek-V3": 1 / 3, "google/gemma-3-4b-pt": 1 / 3}
    )


def test_a_merge_of_merges_counts_roots_and_not_ways() -> None:
    hub = (
        Hub("a/all", "b/x", "c/y").declares("a/all", "b/x", "c/y").declares("b/x", "r/1", "r/2").declares("c/y", "r/2")
    )
    assert hub.ends("a/all") == {"r/1": 0.5, "r/2": 0.5}


def test_two_models_that_bore_one_name_are_one_root() -> None:
    hub = Hub("a/merge", "lab/m").declares("a/merge", "lab/m", key="key-lab/m")
    hub.models.append(ModelName(99, "lab/m", "another"))
    hub.declares("a/merge", "lab/m", key="another")
    assert hub.ends("a/merge") == {"lab/m": 1.0}


# ---- cycles


def test_two_models_that_declare_each_other_are_each_others_root() -> None:
    hub = Hub("a/x", "b/y", "c/z").declares("a/x", "b/y").declares("b/y", "a/x").declares("c/z", "a/x")
    assert (hub.ends("a/x"), hub.ends("b/y")) == ({"b/y": 1.0}, {"a/x": 1.0})
    assert hub.ends("c/z") == {"b/y": 1.0}
    assert hub.root("a/x").basis == "declared"


def test_a_model_that_declares_itself_is_its_own_root() -> None:
    root = Hub("a/x").declares("a/x", "a/x").root("a/x")
    assert (root.root_name, root.basis, root.relation) == ("a/x", "self", None)


def test_a_model_that_declares_itself_and_another_has_the_other_as_root() -> None:
    assert Hub("a/x").declares("a/x", "a/x", "b/y").ends("a/x") == {"b/y": 1.0}


def test_a_cycle_with_a_way_out_ends_outside() -> None:
    hub = Hub("a/x", "b/y").declares("a/x", "b/y").declares("b/y", "a/x", "r/root")
    assert (hub.ends("a/x"), hub.ends("b/y")) == ({"r/root": 1.0}, {"a/x": 0.5, "r/root": 0.5})


def test_chains_and_cycles_of_any_length_end() -> None:
    chain = {node: (node + 1,) for node in range(5000)}
    assert Roots(lambda node: chain.get(node, ())).of(0) == (5000,)
    cycle = {node: ((node + 1) % 900,) for node in range(900)}
    exact = Roots(lambda node: cycle[node])
    assert [exact.of(node) for node in (0, 1, 899)] == [(899,), (0,), (898,)]
    long = {node: ((node + 1) % 3000,) for node in range(3000)}
    assert {Roots(lambda node: long[node]).of(node) for node in (0, 7)} == {(2999,)}


def by_definition(parents: dict[int, tuple[int, ...]], node: int, path: tuple[int, ...] = ()) -> set[int]:
    """The rule, word by word: follow every parent that is not on the way already; without one the way ends here."""
    onward = [parent for parent in parents.get(node, ()) if parent not in (*path, node)]
    return {end for parent in onward for end in by_definition(parents, parent, (*path, node))} or {node}


@given(st.lists(st.lists(st.integers(0, 30), max_size=3), max_size=30))
def test_roots_without_cycles_are_those_of_the_definition(drawn: list[list[int]]) -> None:
    parents = {node: tuple(dict.fromkeys(up for up in ups if up < node)) for node, ups in enumerate(drawn)}
    roots = Roots(lambda node: parents.get(node, ()))
    assert all(set(roots.of(node)) == by_definition(parents, node) for node in parents)


@given(st.lists(st.integers(0, 15), max_size=16))
def test_roots_of_cycles_are_those_of_the_definition(drawn: list[int]) -> None:
    parents: dict[int, tuple[int, ...]] = {node: (up,) if up != node else () for node, up in enumerate(drawn)}
    roots = Roots(lambda node: parents.get(node, ()))
    assert all(set(roots.of(node)) == by_definition(parents, node) for node in parents)


@given(st.lists(st.lists(st.integers(0, 12), max_size=3), min_size=1, max_size=12))
def test_every_model_has_roots_whatever_it_declares_and_their_parts_add_up(drawn: list[list[int]]) -> None:
    hub = Hub(*(f"p{node}/m{node}" for node in range(len(drawn))))
    for node, ups in enumerate(drawn):
        hub.declares(f"p{node}/m{node}", *(f"p{up}/m{up}" for up in ups))
    rows = list(hub.lineage().roots())
    for model in hub.models:
        weights = [root.weight for root in rows if root.model_id == model.id]
        assert sum(weights) == pytest.approx(1)
    assert len({(root.model_id, root.root_name) for root in rows}) == len(rows)


# ---- what cannot be resolved


def test_a_base_that_cannot_be_resolved_is_nobodys() -> None:
    root = Hub("a/x").declares("a/x", "some model from the web").root("a/x")
    assert root == Root(10, "some model from the web", "", 1.0, "none", "finetune", None, None)


def test_what_was_made_from_the_unresolved_is_nobodys_too() -> None:
    hub = Hub("a/x", "b/y").declares("a/x", "b/y").declares("b/y", "???")
    assert (hub.root("a/x").basis, hub.root("a/x").root_publisher) == ("none", "")


def test_a_merge_with_one_unresolved_base_keeps_the_others_part() -> None:
    roots = Hub("a/x").declares("a/x", "???", "Qwen/Qwen3-8B").roots("a/x")
    assert [(root.root_publisher, root.weight, root.basis) for root in roots] == [
        ("", 0.5, "declared"),
        ("Qwen", 0.5, "declared"),
    ]


def test_a_hostile_base_is_kept_short_and_printable() -> None:
    root = Hub("a/x").declares("a/x", "\x1b[2J" + "=" * 1_000_000).root("a/x")
    assert root.root_name.isprintable()
    assert len(root.root_name) <= 200


@pytest.mark.parametrize(
    ("old", "today"),
    [("bert-base-uncased", "google-bert/bert-base-uncased"), ("gpt2", "openai-community/gpt2")],
)
def test_a_base_of_the_first_days_without_publisher_is_known(old: str, today: str) -> None:
    assert Hub("a/x").declares("a/x", old).ends("a/x") == {today: 1.0}


def test_a_base_without_publisher_is_found_among_the_developers_models() -> None:
    hub = Hub("a/x", "Qwen/Qwen2.5-7B-Instruct").declares("a/x", "Qwen2.5-7B-Instruct")
    assert hub.ends("a/x") == {"Qwen/Qwen2.5-7B-Instruct": 1.0}


def test_a_model_really_named_without_publisher_is_found_first() -> None:
    assert Hub("a/x", "gpt2").declares("a/x", "gpt2").ends("a/x") == {"gpt2": 1.0}


# ---- names


@pytest.mark.parametrize(
    ("name", "base", "relation"),
    [
        ("bartowski/Qwen2.5-7B-Instruct-GGUF", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("bartowski/Qwen_Qwen2.5-7B-Instruct-GGUF", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("RichardErkhov/Qwen_-_Qwen2.5-7B-Instruct-gguf", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("mlx-community/Qwen--Qwen2.5-7B-Instruct-4bit", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("someone/qwen2_5-7b-instruct-awq", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("unsloth/Qwen2.5-7B-Instruct-unsloth-bnb-4bit", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
        ("unsloth/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "finetune"),
        ("someone/my-Qwen2.5-7B-roleplay", "Qwen/Qwen2.5-7B", "finetune"),
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B-Instruct", "quantized"),
    ],
)
def test_a_name_leads_to_the_exact_model_it_holds(name: str, base: str, relation: str) -> None:
    assert told(name, "Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B-Instruct") == (base, "name", relation)


@pytest.mark.parametrize(
    ("name", "root", "family"),
    [
        ("someone/my-Qwen2.5-7B-roleplay", "Qwen/Qwen2.5", "Qwen"),
        ("someone/Meta-Llama-3.1-8B-tuned", "meta-llama/Llama-3.1", "Llama"),
        ("NousResearch/Hermes-3-Llama-3.1-8B", "meta-llama/Llama-3.1", "Llama"),
        ("jonatasgrosman/wav2vec2-large-xlsr-53-english", "facebook/wav2vec2-large-xlsr-53", "wav2vec 2.0"),
        ("someone/whisper-small-hi", "openai/whisper-small", "Whisper"),
        ("Xenova/all-MiniLM-L6-v2", "microsoft/MiniLM-L12-H384-uncased", "MiniLM"),
        ("sentence-transformers/all-MiniLM-L12-v1", "microsoft/MiniLM-L12-H384-uncased", "MiniLM"),
        ("someone/bert-base-uncased-finetuned-squad", "google-bert/bert-base-uncased", "BERT"),
        ("Xenova/clip-vit-base-patch32", "openai/CLIP-ViT-B", "CLIP"),
        ("someone/Qwen3-8B-DeepSeek-distilled", "Qwen/Qwen3", "Qwen"),
        ("someone/DeepSeek-R1-Distill-Llama-3.1-8B-v2", "meta-llama/Llama-3.1", "Llama"),
        ("someone/gemma-3-12b-it-GLM-4.7-thinking", "google/Gemma-3", "Gemma"),
        ("nvidia/Llama-3.1-Nemotron-70B-Instruct", "meta-llama/Llama-3.1", "Llama"),
        ("BAAI/bge-multilingual-gemma2", "google/Gemma-2", "Gemma"),
    ],
)
def test_a_familys_word_under_a_foreign_account_suggests_its_line(name: str, root: str, family: str) -> None:
    found = Hub(name).root(name)
    assert (found.root_name, found.family, found.basis) == (root, family, "name")


@pytest.mark.parametrize(
    "name",
    [
        "cl-tohoku/bert-base-japanese",
        "klue/roberta-base",
        "emilyalsentzer/Bio_ClinicalBERT",
        "nlpaueb/legal-bert-base-uncased",
        "asafaya/bert-base-arabic",
        "dbmdz/bert-base-german-cased",
        "rinna/japanese-gpt2-medium",
        "sonoisa/t5-base-japanese",
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "timm/resnet50.a1_in1k",
        "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
        "Qwen/Qwen2.5-7B-Instruct",
        "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
        "prism-ml/Bonsai-8B-mlx-1bit",
        "openbmb/MiniCPM-Llama3-V-2_5",
        "Salesforce/blip2-opt-2.7b",
        "OpenGVLab/InternVL3_5-GPT-OSS-20B-A4B-Preview",
        "hmellor/tiny-random-LlamaForCausalLM",
        "llamafactory/tiny-random-Llama-3",
        "kaist-ai/janus-7b",
        "someone/unqwenched",
        "someone/my-own-model-GGUF",
        "gpt2",
    ],
)
def test_a_name_that_suggests_no_base_leaves_the_model_itself(name: str) -> None:
    others = (
        "google-bert/bert-base-uncased",
        "FacebookAI/roberta-base",
        "microsoft/resnet-50",
        "openai-community/gpt2",
    )
    assert told(name, *others) == (name, "self", None)


def test_of_two_models_of_one_name_the_developers_first_account_stands() -> None:
    others = ("FunAudioLLM/CosyVoice2-0.5B", "iic/CosyVoice2-0.5B", "Alibaba-NLP/gte-large", "thenlper/gte-large")
    assert told("someone/gte-large-onnx", *others)[0] == "thenlper/gte-large"
    assert told("someone/CosyVoice2-0.5B-onnx", *others)[0] == "FunAudioLLM/CosyVoice2-0.5B"


def test_a_conversion_of_an_architectures_own_model_is_a_copy() -> None:
    others = ("FacebookAI/roberta-base",)
    assert told("Xenova/roberta-base", *others)[0] == "FacebookAI/roberta-base"
    assert told("someone/roberta-base-onnx", *others)[:2] == ("FacebookAI/roberta-base", "name")


def test_a_copy_of_a_model_without_family_is_found_by_its_name() -> None:
    assert told("mradermacher/Cydonia-24B-v4-i1-GGUF", "TheDrummer/Cydonia-24B-v4")[0] == "TheDrummer/Cydonia-24B-v4"
    assert told("bartowski/TheDrummer_Cydonia-24B-v4-GGUF", "TheDrummer/Cydonia-24B-v4", "x/Cydonia-24B-v4")[0] == (
        "TheDrummer/Cydonia-24B-v4"
    )


@pytest.mark.parametrize("others", [(), ("a/Cydonia-24B-v4", "b/Cydonia-24B-v4")])
def test_a_republished_copy_of_nobody_knows_what_is_nobodys(others: tuple[str, ...]) -> None:
    assert told("mradermacher/Cydonia-24B-v4-GGUF", *others) == ("Cydonia-24B-v4", "none", "quantized")


def test_a_name_of_two_families_is_not_guessed() -> None:
    assert told("someone/Qwen-Llama-slerp") == ("Qwen-Llama-slerp", "none", "finetune")
    assert told("someone/Qwen3-8B-Llama-merge")[1] == "none"


def test_a_chain_goes_on_by_name_where_nothing_is_declared() -> None:
    hub = Hub("a/lora", "bartowski/Qwen2.5-7B-Instruct-GGUF", "Qwen/Qwen2.5-7B-Instruct")
    hub.declares("a/lora", "bartowski/Qwen2.5-7B-Instruct-GGUF", relation="adapter")
    root = hub.root("a/lora")
    assert (root.root_name, root.basis, root.relation) == ("Qwen/Qwen2.5-7B-Instruct", "declared", "adapter")


def test_a_never_polled_base_goes_on_by_name_too() -> None:
    hub = Hub("a/lora", "Qwen/Qwen2.5-7B-Instruct").declares("a/lora", "gone/Qwen2.5-7B-Instruct-GGUF")
    assert hub.ends("a/lora") == {"Qwen/Qwen2.5-7B-Instruct": 1.0}


def test_a_declaration_wins_over_the_name() -> None:
    assert (
        Hub("a/Qwen3-tuned").declares("a/Qwen3-tuned", "google/gemma-3-4b-pt").root("a/Qwen3-tuned").family == "Gemma"
    )


# ---- corrections

NOTHING: frozenset[tuple[str, str]] = frozenset()


def test_a_correction_wins_over_what_the_hub_declares() -> None:
    hub = Hub("a/x").declares("a/x", "wrong/base", relation="quantized")
    hub.corrected("a/x", "right/base", expects=(NOTHING, frozenset({("quantized", "wrong/base")})))
    root = hub.root("a/x")
    assert (root.root_name, root.basis, root.relation) == ("right/base", "corrected", "finetune")
    assert hub.lineage().findings() == []


def test_a_correction_without_base_makes_the_model_its_own_root() -> None:
    hub = Hub("a/x").declares("a/x", "wrong/base").corrected("a/x", expects=(frozenset({("", "wrong/base")}),))
    assert (hub.root("a/x").root_name, hub.root("a/x").basis, hub.root("a/x").relation) == ("a/x", "corrected", None)


def test_a_correction_that_the_hub_has_mended_is_told_and_not_applied() -> None:
    hub = Hub("a/x").declares("a/x", "right/base").corrected("a/x", "right/base", expects=(NOTHING,))
    assert hub.root("a/x").basis == "declared"
    assert hub.lineage().findings() == [
        "h a/x: declares finetune:right/base, which the correction does not expect; remove the correction"
    ]


def test_a_correction_that_expects_another_declaration_is_told_and_not_applied() -> None:
    hub = Hub("a/x").declares("a/x", "third/base").corrected("a/x", "right/base", expects=(NOTHING,))
    assert hub.ends("a/x") == {"third/base": 1.0}
    assert "review the correction" in hub.lineage().findings()[0]
    silent = Hub("a/x").corrected("a/x", "right/base", expects=(frozenset({("", "wrong/base")}),))
    assert "declares nothing" in silent.lineage().findings()[0]


def test_a_correction_of_a_model_that_was_never_polled_holds_for_what_is_made_from_it() -> None:
    hub = Hub("a/x").declares("a/x", "lab/distilled").corrected("lab/distilled", "Qwen/Qwen2.5-14B", expects=(NOTHING,))
    assert (hub.ends("a/x"), hub.lineage().findings()) == ({"Qwen/Qwen2.5-14B": 1.0}, [])


def test_the_packaged_corrections_give_the_distilled_models_their_roots() -> None:
    hub = Hub("unsloth/DeepSeek-R1-Distill-Llama-8B-GGUF", "sentence-transformers/all-MiniLM-L6-v2")
    hub.corrections = load_corrections(DATA / "lineage_corrections.csv")
    assert hub.ends("unsloth/DeepSeek-R1-Distill-Llama-8B-GGUF") == {"meta-llama/Llama-3.1-8B": 1.0}
    assert hub.ends("sentence-transformers/all-MiniLM-L6-v2") == {"microsoft/MiniLM-L12-H384-uncased": 1.0}
    assert hub.lineage().findings() == []


HEADER = "hub,model,base,relation,expects,reason\n"
GOOD = "huggingface,a/x,b/y;c/z,merge,|quantized:d/w;e/v,the card says so\n"


def test_a_line_of_the_corrections_says_what_is_true_and_what_it_expects(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(HEADER + GOOD)
    (item,) = load_corrections(tmp_path / "c.csv")
    assert (item.bases, item.relation) == (("b/y", "c/z"), "merge")
    assert item.expects == (frozenset(), frozenset({("quantized", "d/w"), ("", "e/v")}))
    assert item.holds(frozenset({("quantized", "D/W"), ("finetune", "e/v")}))
    assert not item.holds(frozenset({("finetune", "d/w"), ("finetune", "e/v")}))
    assert item.mended(frozenset({("merge", "b/y"), ("merge", "c/z")}))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("huggingface", ""), "no hub"),
        (GOOD.replace("a/x", "x"), "write publisher/model"),
        (GOOD.replace("b/y", "y"), "base is not publisher/model"),
        (GOOD.replace("d/w", "w"), "expects is not"),
        (GOOD.replace("merge", ""), "belong together"),
        (GOOD.replace("b/y;c/z", ""), "belong together"),
        (GOOD.replace("merge", "cousin"), "unknown relation"),
        (GOOD.replace("the card says so", ""), "no reason"),
        (GOOD + GOOD.replace("a/x", "A/X"), "corrected twice"),
    ],
)
def test_a_faulty_correction_is_refused_with_its_line(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "c.csv").write_text(HEADER + line)
    with pytest.raises(RegistryError, match=r"c\.csv, line \d") as refused:
        load_corrections(tmp_path / "c.csv")
    assert reason in str(refused.value)


# ---- how good the name alone is


def test_the_worth_of_the_name_rule_is_measured_on_what_is_declared() -> None:
    hub = Hub("a/Qwen3-8B-x", "b/Qwen3-4B-y", "c/nothing-said", "d/Foo-GGUF", "lab/Foo", "e/undeclared-Qwen3-8B")
    hub.declares("a/Qwen3-8B-x", "Qwen/Qwen3-8B").declares("b/Qwen3-4B-y", "google/gemma-3-4b-pt")
    hub.declares("c/nothing-said", "Qwen/Qwen3-8B").declares("d/Foo-GGUF", "lab/Foo", relation="quantized")
    assert hub.lineage().precision() == (2, 3, 4)
    assert list(hub.lineage().disagreements()) == [Disagreement(hub.id_of("b/Qwen3-4B-y"), "Qwen", "Gemma")]


# ---- the whole


def test_roots_are_given_of_every_model_or_only_those_asked_for() -> None:
    models: Sequence[ModelName] = [ModelName(1, "a/x", None), ModelName(2, "Qwen/Qwen3-8B", "k")]
    bases = [Declared(1, "Qwen/Qwen3-8B", "k", "finetune"), Declared(77, "of/nobody", None, None)]

    def run(only: set[int] | None) -> Iterator[Root]:
        return whole_lineage(models, bases, {}, FAMILIES, ()).roots(only)

    assert [root.model_id for root in run(None)] == [1, 2]
    assert list(run({1})) == [Root(1, "Qwen/Qwen3-8B", "Qwen", 1.0, "declared", "finetune", "Qwen", "Qwen3")]


def test_the_packaged_families_are_the_ones_tested() -> None:
    assert isinstance(FAMILIES, Families)
    assert "bartowski" in FAMILIES.republishers

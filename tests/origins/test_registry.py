"""What the registry promises: whose an account is on a day, and that no faulty line is ever loaded in silence."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest

from collector.errors import RegistryError
from collector.origins.registry import (
    COLUMNS,
    OriginRow,
    Registry,
    check,
    export,
    load_countries,
    load_registry,
    read_rows,
)

COUNTRIES = {"CN": "China", "US": "United States", "KR": "Korea"}
GOOD = "huggingface,Qwen,Alibaba,CN,company,,,head office in Hangzhou,certain,2026-11-01"


def write(path: Path, *lines: str, header: str = ",".join(COLUMNS)) -> Path:
    path.write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registry_version.txt").write_text("2026.11.22\n")
    return tmp_path


def load(folder: Path, *lines: str, own: Path | None = None) -> Registry:
    return load_registry(write(folder / "publishers.csv", *lines), own, COUNTRIES)


def test_an_account_is_found_whatever_its_case(folder: Path) -> None:
    row = load(folder, GOOD).row("huggingface", "qWEN", date(2026, 10, 1))
    assert row is not None
    assert (row.publisher, row.organisation, row.country) == ("Qwen", "Alibaba", "CN")


def test_an_account_nobody_reviewed_is_zz_and_has_no_row(folder: Path) -> None:
    registry = load(folder, GOOD)
    assert registry.row("huggingface", "stranger", date(2026, 10, 1)) is None
    assert registry.row("modelscope", "Qwen", date(2026, 10, 1)) is None
    assert registry.country("huggingface", "stranger", date(2026, 10, 1)) == "ZZ"
    assert registry.country("huggingface", "Qwen", date(2026, 10, 1)) == "CN"


def test_a_sale_takes_effect_on_the_day_it_says(folder: Path) -> None:
    registry = load(
        folder,
        "huggingface,lab,Lab Seoul,KR,company,2024-01-01,2025-07-01,founded there,certain,2026-11-01",
        "huggingface,lab,Buyer Inc,US,company,2025-07-01,,bought,certain,2026-11-01",
    )
    countries = [registry.country("huggingface", "lab", day) for day in (date(2025, 6, 30), date(2025, 7, 1))]
    assert countries == ["KR", "US"]
    assert registry.country("huggingface", "lab", date(2023, 12, 31)) == "ZZ"


def test_the_users_own_rows_replace_every_packaged_row_of_that_account(folder: Path) -> None:
    own = write(folder / "own.csv", "huggingface,QWEN,Me,US,company,2020-01-01,,I say so,likely,2026-11-02")
    registry = load(folder, GOOD, GOOD.replace("Qwen", "other"), own=own)
    assert registry.country("huggingface", "Qwen", date(2026, 10, 1)) == "US"
    assert registry.country("huggingface", "Qwen", date(2019, 10, 1)) == "ZZ"
    assert registry.country("huggingface", "other", date(2026, 10, 1)) == "CN"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace(",CN,", ",XQ,"), "unknown country 'XQ'"),
        (GOOD.replace("company", "firm"), "unknown kind 'firm'"),
        (GOOD.replace("certain", "sure"), "confidence 'sure'"),
        (GOOD.replace("head office in Hangzhou", " "), "no basis"),
        (GOOD.replace("head office", "=HYPERLINK"), "formula"),
        (GOOD.replace("Alibaba", "Ali\x07baba"), "cannot be shown"),
        (GOOD.replace("Alibaba", ""), "only individuals need none"),
        (GOOD.replace("2026-11-01", "2026-13-01"), "no day"),
        (GOOD.replace("2026-11-01", ""), "reviewed_on '' is no day"),
        (GOOD.replace(",,,", ",01.02.2024,,"), "valid_from '01.02.2024' is no day"),
        (GOOD.replace(",,,", ",2024-02-01,2024-02-01,"), "is not after valid_from"),
        (GOOD.replace("Qwen", "Qwen/Qwen3"), "write the account alone"),
        (GOOD.replace("huggingface", "Hugging Face"), "lower case"),
        (GOOD + ",more", "11 fields instead of 10"),
        (GOOD.replace("Alibaba", '"Alibaba'), "is not CSV"),
    ],
)
def test_a_faulty_line_is_named_with_its_reason_and_nothing_is_loaded(folder: Path, line: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=r"publishers\.csv, line 3: ") as refused:
        load(folder, GOOD.replace("Qwen", "fine"), line)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_first_faults_are_told_together_and_the_rest_are_counted(folder: Path) -> None:
    lines = [GOOD.replace("Qwen", f"lab{i}").replace(",CN,", ",QQ,") for i in range(7)]
    with pytest.raises(RegistryError) as refused:
        load(folder, *lines)
    assert "line 2: " in str(refused.value)
    assert "line 6: " in str(refused.value)
    assert "line 7: " not in str(refused.value)
    assert "and 2 more" in str(refused.value)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (",,,", ",,,", "overlaps"),
        (",2024-01-01,2025-01-01,", ",2024-12-31,,", "overlaps"),
        (",2024-01-01,2025-01-01,", ",2025-01-02,,", "gap from 2025-01-01 to 2025-01-02"),
    ],
)
def test_rows_of_one_account_must_meet_exactly(folder: Path, first: str, second: str, reason: str) -> None:
    with pytest.raises(RegistryError, match="line 3: ") as refused:
        load(folder, GOOD.replace(",,,", first), GOOD.replace(",,,", second))
    assert reason in str(refused.value)


def test_an_account_in_two_spellings_is_refused(folder: Path) -> None:
    with pytest.raises(RegistryError, match="keep one spelling"):
        load(folder, GOOD, GOOD.replace("Qwen", "qwen"))


def test_the_same_account_name_on_two_hubs_is_two_accounts(folder: Path) -> None:
    registry = load(folder, GOOD, GOOD.replace("huggingface", "modelscope"))
    assert len(registry.rows) == 2


def test_an_own_file_with_an_unknown_country_is_refused_by_its_name(folder: Path) -> None:
    own = write(folder / "mine.csv", GOOD.replace(",CN,", ",Narnia,"))
    with pytest.raises(RegistryError, match=r"mine\.csv, line 2: unknown country 'Narnia'"):
        load(folder, GOOD, own=own)


def test_a_line_after_a_quoted_line_break_keeps_its_true_number(folder: Path) -> None:
    broken = '"a\nb"'
    with pytest.raises(RegistryError, match="line 2: organisation cannot be shown") as refused:
        load(folder, GOOD.replace("Alibaba", broken), "", GOOD.replace("Qwen", "x").replace(",CN,", ",QQ,"))
    assert "line 5: unknown country" in str(refused.value)


def test_files_that_cannot_be_read_are_errors_that_say_what_to_do(folder: Path) -> None:
    with pytest.raises(RegistryError, match="check the path"):
        read_rows(folder / "missing.csv", COUNTRIES)
    (folder / "latin.csv").write_bytes(b"hub,\xff")
    with pytest.raises(RegistryError, match="save it as UTF-8"):
        read_rows(folder / "latin.csv", COUNTRIES)
    with pytest.raises(RegistryError, match="line 1: another header"):
        read_rows(write(folder / "head.csv", GOOD, header="publisher,country"), COUNTRIES)
    (folder / "empty.csv").write_text("")
    with pytest.raises(RegistryError, match="line 1: another header"):
        read_rows(folder / "empty.csv", COUNTRIES)


def test_a_file_saved_by_a_spreadsheet_with_a_byte_order_mark_is_read(folder: Path) -> None:
    path = write(folder / "bom.csv", GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert [row.publisher for row in read_rows(path, COUNTRIES)] == ["Qwen"]


def test_the_digest_follows_the_rows_and_not_their_order(folder: Path) -> None:
    other = GOOD.replace("Qwen", "other")
    digests = [load(folder, *lines).digest for lines in ([GOOD, other], [other, GOOD], [GOOD])]
    assert digests[0] == digests[1] != digests[2]


def test_the_version_comes_from_the_file_beside_the_rows(folder: Path) -> None:
    assert load(folder, GOOD).version == "2026.11.22"
    (folder / "registry_version.txt").write_text(" \n")
    with pytest.raises(RegistryError, match="is empty"):
        load(folder, GOOD)
    (folder / "registry_version.txt").unlink()
    with pytest.raises(RegistryError, match="cannot be read"):
        load(folder, GOOD)


def test_what_is_exported_loads_as_the_same_registry(folder: Path) -> None:
    dated = GOOD.replace("Qwen", "dated").replace(",,,", ",2024-01-01,2025-01-01,")
    registry = load(folder, GOOD, dated, GOOD.replace("Qwen", "quoted").replace("Alibaba", '"Ali, ""Baba"""'))
    out = io.StringIO()
    export(registry, out)
    (folder / "again.csv").write_text(out.getvalue(), encoding="utf-8")
    assert load_registry(folder / "again.csv", None, COUNTRIES) == registry


def test_check_tells_reviews_dated_ahead_and_developers_without_a_row(folder: Path) -> None:
    registry = load(folder, GOOD)
    assert check(registry, date(2026, 11, 22), [("huggingface", "qwen")]) == []
    findings = check(registry, date(2026, 10, 22), [("huggingface", "mistralai")])
    assert [text.split(":")[0] for text in findings] == ["huggingface Qwen", "huggingface mistralai"]


def test_countries_are_codes_with_names(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", "CN,China", 'KR,"Korea, Republic of"', header="code,name")
    assert load_countries(good) == {"CN": "China", "KR": "Korea, Republic of"}
    for line in ("cn,China", "CN,", "CN,China\nCN,China again"):
        with pytest.raises(RegistryError, match=r"bad\.csv, line \d"):
            load_countries(write(tmp_path / "bad.csv", line, header="code,name"))


def test_rows_sort_by_account_and_day() -> None:
    def row(publisher: str, start: date) -> OriginRow:
        return OriginRow("h", publisher, start, date.max, "o", "CN", "company", "b", "certain", date(2026, 1, 1))

    assert sorted([row("b", date.min), row("a", date(2024, 1, 1)), row("a", date.min)])[0].valid_from == date.min

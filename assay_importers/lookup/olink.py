"""Words for facts of Olink files."""

from __future__ import annotations

from typing import Any

from assay_importers.lookup.question import Question


def _header_rows(asked: Question) -> list[Any]:
    return [text for name, text in asked.run.run.header.items() if name == "header rows"]


def _footer_labels(asked: Question) -> list[Any]:
    """The last six labels of the first column: samples, a blank line, and what is said of the assays."""
    features = asked.run.features
    footer = [name for name in asked.run.run.header.get("footer rows", "").split(", ") if name]
    return [] if features is None else [[*features.samples, None, *footer][-6:]]


def _metadata(asked: Question) -> list[Any]:
    header = asked.run.run.header
    return [f"Product={header.get('Product')}, DataFileType={header.get('DataFileType')}"]


def _types(where: str, name: str) -> Any:
    def answer(asked: Question) -> list[Any]:
        features = asked.run.features
        texts = () if features is None else getattr(features, where).get(name, ())
        return [list(dict.fromkeys(texts))] if texts else []

    return answer


def _lod(asked: Question) -> list[Any]:
    """The row `LOD` below the samples of the wide form; in the long form it is a value of each."""
    features = asked.run.features
    if features is None or asked.sample != "LOD":
        return []
    names = features.annotation.get("Assay", ())
    return [
        text for name, text in zip(names, features.annotation.get("LOD", ()), strict=False) if name == asked.analyte
    ]


class _Column(dict[str, Any]):
    """`col185` is the column with that number, from 0, of the wide form: some stand once for each panel."""

    def get(self, word: str, default: Any = None) -> Any:
        number = word.removeprefix("col")
        if super().__contains__(word) or not word.startswith("col") or not number.isdigit():
            return super().get(word, default)

        def answer(asked: Question) -> list[Any]:
            features, columns = asked.run.features, asked.run.tables[0].columns
            if features is None or int(number) >= len(columns) or columns[int(number)] != asked.analyte:
                return []
            nth = columns[: int(number)].count(asked.analyte)
            named = [name for name in features.sample_annotation if name.startswith(asked.analyte)]
            texts = features.sample_annotation[named[nth]]
            return [text for name, text in zip(features.samples, texts, strict=True) if name == asked.sample]

        return answer


FIELDS = _Column(
    {
        "header_rows": _header_rows,
        "footer_labels": _footer_labels,
        "metadata": _metadata,
        "SampleTypes": _types("sample_annotation", "SampleType"),
        "AssayTypes": _types("annotation", "AssayType"),
        "LOD": _lod,
    }
)

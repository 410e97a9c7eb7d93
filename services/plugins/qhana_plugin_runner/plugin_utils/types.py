"""The data and content types that published plugins use. Others work too; these are the ones that are agreed on."""

from enum import Enum


def _members(*values: str) -> list[tuple[str, str]]:
    """Names as constants are written: `entity/attribute-metadata` is ENTITY_ATTRIBUTE_METADATA, `*` is WILDCARD."""
    readable = (value.replace("*", "wildcard").replace("+", "_plus_") for value in values)
    names = ("".join(char if char.isalnum() else "_" for char in text).upper() for text in readable)
    return list(zip(names, values, strict=True))


AllowedDataTypesWithFormat = Enum(  # type: ignore[misc]
    "AllowedDataTypesWithFormat",
    _members(
        "custom/attribute-distances", "custom/attribute-similarities", "custom/clusters", "custom/element-distances",
        "custom/element-similarities", "custom/entity-distances", "custom/hello-world-output", "custom/kernel-matrix",
        "custom/nisq-analyzer-result", "custom/pca-metadata", "custom/plot", "entity/*", "entity/attribute-metadata",
        "entity/dimension-mapping", "entity/label", "entity/list", "entity/matrix", "entity/numeric",
        "entity/shaped_vector", "entity/stream", "entity/vector", "executable/circuit", "graph/taxonomy", "image/*",
        "image/contact-sheet", "image/converted", "image/generated", "image/html", "image/resized",
        "provenance/execution-options", "provenance/trace", "relation/attribute-distances",
        "relation/attribute-similarities", "relation/element-distances", "relation/element-similarities",
        "relation/entity-distances", "table/html", "text/greeting",
    ),
)  # fmt: skip
"""Written as group and name."""

AllowedDataTypesNoFormat = Enum(  # type: ignore[misc]
    "AllowedDataTypesNoFormat",
    _members("*", "circuit", "plot", "qnn-weights", "representative-circuit", "txt", "vqc-metadata"),
)
"""Of one word."""

AllowedContentTypes = Enum(  # type: ignore[misc]
    "AllowedContentTypes",
    _members(
        "*", "application/X-lines+json", "application/json", "application/octet-stream", "application/qasm",
        "application/vnd.recordare.musicxml+xml", "application/xml", "application/zip", "audio/midi", "audio/x-midi",
        "image/jpeg", "image/png", "image/svg+xml", "image/webp", "text/csv", "text/html", "text/plain", "text/x-qasm",
        "text/xml",
    ),
)  # fmt: skip


def is_valid_data_type(value: str) -> bool:
    """Whether the data type is one of those agreed on."""
    return any(value == one.value for kinds in (AllowedDataTypesWithFormat, AllowedDataTypesNoFormat) for one in kinds)


def is_valid_content_type(value: str) -> bool:
    """Whether the content type is one of those agreed on."""
    return any(value == one.value for one in AllowedContentTypes)

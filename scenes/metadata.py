"""Metadata files of products: Landsat's MTL in its three forms, and XML that declares nothing of its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from errors import ProductError
from scenes.files import Files
from tiles.raster import one_line

Groups = dict[str, dict[str, str]]
DAMAGES = (ValueError, AttributeError, KeyError, TypeError, RecursionError)  # what a damaged file makes of reading


@dataclass(frozen=True)
class Metadata:
    """What a product says of itself: group name to keys and values, all as text."""

    place: Path
    groups: Groups

    def text(self, group: str, key: str) -> str:
        """Look a value up; raises ProductError where it is missing."""
        try:
            return self.groups[group][key]
        except KeyError:
            raise ProductError(f"{self.place}: its MTL lacks {key} in {group}; download the product again.") from None

    def number(self, group: str, key: str) -> float:
        """Look a number up; raises ProductError where it is missing or none."""
        return finite_number(self.text(group, key), f"{self.place}: {key} of its MTL")


def finite_number(text: str, what: str) -> float:
    """Read a number; raises ProductError, which names ``what``, where the text is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ProductError(f"{what} is no number; download the product again.")
    return value


def read_mtl(files: Files) -> Metadata | None:
    """Read the MTL file, json, txt or xml; None where there is none, ProductError where it is damaged."""
    for ending, parse in (("_MTL.JSON", groups_of_json), ("_MTL.TXT", groups_of_text), ("_MTL.XML", groups_of_xml)):
        for name in files.ending(ending):
            try:
                groups = parse(files.text(name))
                if "PRODUCT_CONTENTS" not in groups:
                    raise ValueError("no group PRODUCT_CONTENTS")
            except (*DAMAGES, ElementTree.ParseError) as problem:
                where = files.paths[name]
                raise ProductError(f"{where}: cannot be read ({one_line(problem)}); download it again.") from None
            return Metadata(files.place, groups)
    return None


def groups_of_json(text: str) -> Groups:
    """Read the groups of an MTL.json."""
    found: Mapping[str, Any] = json.loads(text)["LANDSAT_METADATA_FILE"]
    return {group: {key: str(value) for key, value in entries.items()} for group, entries in found.items()}


def groups_of_text(text: str) -> Groups:
    """Read the groups of an MTL.txt."""
    groups: Groups = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = (word.strip() for word in line.partition("="))
        if key == "GROUP":
            current = groups.setdefault(value, {})
        elif equals and key != "END_GROUP":
            current[key] = value.strip('"')
    return groups


def groups_of_xml(text: str) -> Groups:
    """Read the groups of an MTL.xml."""
    return {group.tag: {entry.tag: (entry.text or "").strip() for entry in group} for group in parse_xml(text)}


def parse_xml(text: str) -> ElementTree.Element:
    """Parse XML; raises ElementTree.ParseError where it is damaged or declares entities, which could be a bomb."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ElementTree.ParseError("it declares entities")
    return ElementTree.fromstring(text.encode())

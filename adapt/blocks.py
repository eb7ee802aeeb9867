"""What the model sees of a scene, block by block: looked at once, then kept in memory and in files."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from adapt.evidence import Box, Seen, layout_of, look
from features.stack import FeatureStack
from fusion.hybrid import HybridModel
from fusion.layout import LARGE
from fusion.windowed import levels_for, reach
from mapping.run import content_of
from scenes.grid import Grid
from scenes.scene import Scene
from tiles.raster import atomic_output
from tiles.tile import Tile

SIDE = 512  # pixels a side of a block of a large scene
CONTEXT = 64  # pixels around a block that the network looks at, too
KEPT = 16  # of these that are kept, because the trees' score and the corrections are smoothed across edges
IN_MEMORY = 12  # blocks, of 15 MB each
KEY = "key.json"


class Blocks:
    """The blocks of a scene, row by row; a scene of one window is one block.

    ``sample``: of the scene's pixels, from which its quantiles come. ``folder`` keeps what has been looked at, for this
    scene and model, until ``remove``. Where it is full, memory alone does, and blocks that are pushed out of it are
    looked at again.
    """

    def __init__(
        self, model: HybridModel, scene: Scene, sample: Tile, key: str, folder: Path, device: torch.device, jobs: int
    ) -> None:
        self.model, self.scene, self.folder, self.device, self.jobs = model, scene, folder, device, jobs
        rows, columns = scene.grid.height, scene.grid.width
        self.whole = layout_of(scene) is None
        self.side = LARGE if self.whole else SIDE
        self.counts = math.ceil(rows / self.side), math.ceil(columns / self.side)
        self.levels = None if self.whole else levels_for(model, sample)
        self.lock, self.looking = Lock(), Lock()
        self.memory: OrderedDict[int, Seen] = OrderedDict()
        clear_unless(folder, key)
        self.known = {number for number in range(len(self)) if self.file(number).is_file()}

    def __len__(self) -> int:
        return self.counts[0] * self.counts[1]

    def file(self, number: int) -> Path:
        """Where a block is kept."""
        return self.folder / f"block{number:05d}.npz"

    def at(self, row: int, column: int) -> int:
        """The number of the block that owns a pixel."""
        return row // self.side * self.counts[1] + column // self.side

    def box(self, number: int) -> Box:
        """Row, column, rows and columns of what is kept of a block: its own pixels and KEPT around."""
        if self.whole:
            return 0, 0, self.scene.grid.height, self.scene.grid.width
        row, column = divmod(number, self.counts[1])
        return row * SIDE - KEPT, column * SIDE - KEPT, SIDE + 2 * KEPT, SIDE + 2 * KEPT

    def grid(self, number: int) -> Grid:
        """The grid of what is kept of a block."""
        return self.scene.grid.part(*self.box(number))

    def seen(self, number: int) -> Seen:
        """What the model sees of a block: from memory, its file, or the scene itself, which takes seconds."""
        with self.lock:
            if number in self.memory:
                self.memory.move_to_end(number)
                return self.memory[number]
        found = self.from_file(number)
        if found is None:
            with self.looking:
                found = self.looked(number)
                self.keep(number, found)
        with self.lock:
            self.memory[number] = found
            self.known.add(number)
            while len(self.memory) > IN_MEMORY:
                self.memory.popitem(last=False)
        return found

    def looked(self, number: int) -> Seen:
        """Look at a block."""
        row, column, rows, columns = self.box(number)
        if self.whole:
            return look(self.model, self.scene.read(row, column, rows, columns), self.device, self.jobs)
        more, margin = CONTEXT - KEPT, reach(self.model)
        out = more + margin
        tile = self.scene.read(row - out, column - out, rows + 2 * out, columns + 2 * out)
        seen = look(self.model, tile, self.device, self.jobs, self.levels, margin)
        return cropped(seen, more, more, rows, columns)

    def keep(self, number: int, seen: Seen) -> None:
        """Write a block's file where there is room; a cache that cannot be written is none."""
        try:
            with atomic_output(self.file(number)) as temporary, open(temporary, "wb") as file:
                np.savez(
                    file,
                    unet=seen.unet,
                    gbm=seen.gbm,
                    valid=seen.valid,
                    cells=seen.cells.array,
                    cells_valid=seen.cells.valid,
                )
        except Exception:  # a full disk comes as several kinds, and none of them loses anything
            return

    def from_file(self, number: int) -> Seen | None:
        """A block as its file has it; None where there is none, or a damaged one."""
        if not self.file(number).is_file():
            return None
        try:
            with np.load(self.file(number)) as held:
                cells = FeatureStack(held["cells"], self.model.gbm.channel_names, held["cells_valid"])
                return Seen(held["unet"], held["gbm"], cells, held["valid"])
        except Exception:  # numpy raises many kinds on damaged files
            return None

    def remove(self) -> None:
        """Remove the files; what is in memory stays."""
        shutil.rmtree(self.folder, ignore_errors=True)


def cropped(seen: Seen, row: int, column: int, rows: int, columns: int) -> Seen:
    """A part of what was seen; ``row`` and ``column`` are even."""
    box = (slice(row, row + rows), slice(column, column + columns))
    half = (slice(row // 2, row // 2 + -(-rows // 2)), slice(column // 2, column // 2 + -(-columns // 2)))
    cells = FeatureStack(seen.cells.array[(slice(None), *half)], seen.cells.names, seen.cells.valid[half])
    return Seen(seen.unet[box], seen.gbm[box], cells, seen.valid[box])


def key_of(scene: Scene, sample: Tile, model: Path) -> str:
    """What blocks and pictures of a scene depend on; ``sample``: of its pixels."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    content = content_of(sample)  # of another file under the same name, too
    return json.dumps({"scene": asdict(scene), "content": content, "model": digest, "kept": [SIDE, CONTEXT, KEPT]})


def clear_unless(folder: Path, key: str) -> None:
    """Remove a folder's files unless they were made with this key, which stands in it afterwards."""
    path = folder / KEY
    if path.is_file() and path.read_text(encoding="utf-8") == key:
        return
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_output(path) as temporary:
        temporary.write_text(key, encoding="utf-8")

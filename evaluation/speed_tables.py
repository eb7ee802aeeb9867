"""The tables of time and memory: of tiles, of whole scenes, of a mountain range, and of marks in the browser."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from evaluation.markdown import Results, table

HIMALAYA_PIXELS = 4.7e9


def inference_block(results: Results) -> str:
    """Seconds of each stage, of whole runs, and of the classic U-Net on the same machine."""
    stages = results["median_s_per_tile_one_thread"]
    whole = {
        "a tile among many": f"{results['steady_s_per_tile']:.2f} s",
        "classic U-Net, its network alone": f"{results['yardstick_s']:.2f} s",
        "start-up with the first tile": f"{results['start_up_s']:.1f} s",
        "of it `import torch`": f"{results['import_torch_s']:.1f} s",
        "peak memory": f"{results['peak_memory_mib']:.0f} MiB",
    }
    told = (
        f"{results['tiles']} tiles ({results['data']}) of 512 x 512 pixels on {results['threads']} processor threads "
        f"(Python {results['python']}, torch {results['torch']})"
    )
    each = "Stages of a tile on one thread: " + ", ".join(f"{name} {value:.3f} s" for name, value in stages.items())
    lines = [f"{told}:", table(list(whole), [list(whole.values())]), f"{each}. Made by `make benchmark`."]
    if "growth" in results:
        lines.append(growth_told(results["growth"]))
    return "\n\n".join(lines)


def growth_told(growth: Results) -> str:
    """Seconds and memory as tiles become more, and larger."""
    counts = [
        f"{int(count)} tiles {one['seconds'] / int(count):.3f} s each ({one['peak_memory_mib']:.0f} MiB)"
        for count, one in growth["tiles"].items()
    ]
    sides = [
        f"{side} pixels a side {one['seconds'] / (int(side) / 512) ** 2:.3f} s ({one['peak_memory_mib']:.0f} MiB)"
        for side, one in growth["sides"].items()
    ]
    pixels = {int(side) ** 2: one["seconds"] for side, one in growth["sides"].items()}
    return (
        f"As the work grows, start-up included: {', '.join(counts)}; the straight line closest to them misses none by "
        f"more than {departure({int(count): one['seconds'] for count, one in growth['tiles'].items()}):.0%}. One tile, "
        f"for each 512 x 512 of it: {', '.join(sides)}; here the closest line misses none by more than "
        f"{departure(pixels):.0%}."
    )


def departure(seconds: Mapping[int, float]) -> float:
    """Largest relative distance of the times from the straight line, in the amount of work, that is closest to them."""
    work, times = np.array(list(seconds), float), np.array(list(seconds.values()))
    bases = np.stack([np.ones(len(work)), work], axis=1) / times[:, None]
    line = bases @ np.linalg.lstsq(bases, np.ones(len(work)), rcond=None)[0]
    return float(np.abs(line - 1).max())


def scenes_block(results: Results) -> str:
    """Time and memory of whole scenes."""
    rows = [
        [
            name,
            f"{one['valid_pixels'] / 1e6:.1f} million",
            f"{one['seconds']:.0f} s",
            f"{one['predicted_by_tiles_s']:.0f} s",
            f"{one['seconds'] / one['predicted_by_tiles_s']:.2f}",
            f"{one['peak_memory_mib']:.0f} MiB",
        ]
        for name, one in results.items()
    ]
    head = ["scene", "valid pixels", "time, all in", "the tile benchmark predicts", "ratio", "peak memory"]
    threads = next(iter(results.values()))["threads"]
    return f"On {threads} processor threads:\n\n{table(head, rows)}\n\nMade by `python benchmarks/scene.py`."


def scale_block(results: Results) -> str:
    """What a mountain range costs, from the largest scene that was measured."""
    name, one = max(results.items(), key=lambda item: (item[1]["valid_pixels"], item[1]["overlap"]))
    scenes = HIMALAYA_PIXELS / one["valid_pixels"]
    parts, rest = one["parts_thread_seconds"], one["seconds"] - one["parts_thread_seconds"] / one["threads"]
    rows = []
    for workers in (1, 10, 100):
        hours = (scenes * (parts + rest) / workers + rest * (workers > 1)) / 3600
        rows.append([str(workers), f"{hours:.1f} h", f"{HIMALAYA_PIXELS / 1e6 / (hours * 3600):.1f} Mpx/s"])
    told = (
        f"Measured ({name}): {one['valid_pixels'] / 1e6:.1f} million valid pixels in {parts:.0f} s of parts on one "
        f"thread and {rest:.0f} s of all the rest. The range is {scenes:.0f} such scenes; the last one is finished "
        "when there are no more parts to share out:"
    )
    return told + "\n\n" + table(["workers of one thread", "time", "speed"], rows)


def marking_block(results: Results) -> str:
    """Seconds from a mark in the browser's page until the map is redrawn."""
    told = (
        f"A scene of {results['side']} x {results['side']} pixels on {results['threads']} processor threads, median of "
        "five marks, in seconds:"
    )
    rows = [
        [str(row["marks"]), *(f"{row[name]:.2f}" for name in ("answered_s", "redrawn_s", "slowest_redrawn_s"))]
        for row in results["rows"]
    ]
    head = ["marks with the new one", "saved and answered", "map redrawn", "slowest of them"]
    return "\n\n".join([told, table(head, rows), f"Made by `{results['command']}`."])

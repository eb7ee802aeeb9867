"""The documents' tables of lakes: scores on the synthetic scene, and speed."""

from __future__ import annotations

from evaluation.markdown import Results, table


def lakes_block(results: Results) -> str:
    """F1 of each part alone and of the combination."""
    rows = [
        [name, *(f"{one[count]:.0f}" for count in ("right", "false", "missed")), f"{one['f1']:.3f}"]
        for name, one in results["scores"].items()
    ]
    told = (
        f"One region of a synthetic Greenland on {len(results['dates'])} dates, {results['lakes']} true lakes; the "
        f"networks ({results['arch']}, {results['steps']} steps each) learnt on the other region:"
    )
    made = f"Made by `{results['command']}` in {results['seconds']:.0f} s."
    return "\n\n".join([told, table(["", "right", "false", "missed", "F1"], rows), made])


def lakes_speed_block(results: Results) -> str:
    """Time and memory of what large inputs go through."""
    regions, sinks, combine = (results[name] for name in ("regions", "sinks", "combine"))
    rows = [
        [
            f"regions of a mosaic of {regions['side']:.0f} x {regions['side']:.0f} pixels",
            f"{regions['seconds']:.1f} s, {regions['ratio']:.2f} times rasterio alone",
            f"{regions['peak_memory_mib']:.0f} MiB",
        ],
        [
            f"sinks of a model of {sinks['side']:.0f} x {sinks['side']:.0f} pixels, {sinks['sinks']:.0f} found",
            f"{sinks['seconds']:.1f} s",
            f"{sinks['peak_memory_mib']:.0f} MiB",
        ],
        [f"combining {combine['polygons']:.0f} polygons of each of four kinds", f"{combine['seconds']:.1f} s", ""],
    ]
    made = f"On {results['threads']} processor threads; made by `{results['command']}`."
    return "\n\n".join([table(["", "time", "peak memory"], rows), made])

"""GeoTIFFs in degrees as scenes in metres: bands are seen through a warp to the UTM zone, nothing is copied."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, floor
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.warp import calculate_default_transform

from errors import GridError
from scenes.grid import Grid
from scenes.scene import Band, read_samples
from scenes.source import is_virtual, open_raster
from tiles.raster import MAX_PIXELS
from tiles.validity import FILL_BELOW

WIDEST = 30.0  # degrees of longitude that one zone's projection still shows
POLES = {True: 3413, False: 3031}  # EPSG codes of the polar stereographic projections that ice is mapped on
UTM_LATITUDES = (-80.0, 84.0)
NATIVE = {10.0: 0.0, 20.0: 0.0, 30.0: 15.0}  # metres: side of Sentinel-2's and Landsat's pixels, where their edges lie
NEAR, EQUAL = 0.12, 0.02  # shares by which a side differs from a native one that degrees have stretched, or have kept
DEGREE = 111_195.0  # metres, from south to north
SAMPLE_SIDE = 500  # pixels a side from which an untagged fill value is recognised


def is_in_degrees(path: str) -> bool:
    """Whether a file's coordinates are longitude and latitude."""
    with open_raster(path) as source:
        return source.crs is not None and source.crs.is_geographic


def metric_crs(longitude: float, latitude: float) -> CRS:
    """Choose the UTM zone of a place, or the polar stereographic projection beyond the zones."""
    south, north = UTM_LATITUDES
    if not south <= latitude <= north:
        return CRS.from_epsg(POLES[latitude > 0])
    zone = int((longitude + 180) % 360 // 6) + 1
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def pixel_height(affine: Affine) -> float:
    """How many metres the pixels of a grid in degrees measure from south to north."""
    return abs(affine.e) * DEGREE


def metric_grid(path: str) -> Grid:
    """Return the grid of square pixels, as many on the diagonal as the file has, that a file in degrees warps to.

    Pixels about as large as a sensor's own lie where that sensor's do, so that what was resampled once is met again.
    Raises GridError.
    """
    with open_raster(path) as source:
        crs, bounds, shape, transform = source.crs, source.bounds, source.shape, source.transform
    if transform.b or transform.d:
        raise GridError(f"{path}: its grid is rotated; reproject it with gdalwarp to rows that run west to east.")
    if bounds.right - bounds.left > WIDEST or max(abs(bounds.top), abs(bounds.bottom)) > 90:
        raise GridError(f"{path}: is too wide for one map projection; cut it into parts of a few degrees.")
    target = metric_crs((bounds.left + bounds.right) / 2, (bounds.top + bounds.bottom) / 2)
    affine, width, height = calculate_default_transform(crs, target, shape[1], shape[0], *bounds)
    affine, width, height = on_native_grid(affine, width, height, pixel_height(transform))
    if max(height * width, shape[0] * shape[1]) > MAX_PIXELS:
        raise GridError(f"{path}: has {height} x {width} pixels, more than {MAX_PIXELS}; cut it into parts.")
    return Grid(target.to_wkt(), tuple(affine)[:6], height, width)


def on_native_grid(affine: Affine, width: int, height: int, northward: float) -> tuple[Affine, int, int]:
    """Move a grid onto that of the sensor with such pixels, if there is one, so that nothing is cut off.

    Exporters keep a sensor's pixels either on the diagonal, as ``affine`` has them, or ``northward`` (metres), where
    they become narrow towards the poles.
    """
    kept = [side for side in NATIVE if abs(northward / side - 1) <= EQUAL]
    sides = kept or [side for side in NATIVE if abs(affine.a / side - 1) <= NEAR]
    if not sides:
        return affine, width, height
    side = sides[0]
    edge = NATIVE[side]
    left, right = floor((affine.c - edge) / side), ceil((affine.c + width * affine.a - edge) / side)
    bottom, top = floor((affine.f + height * affine.e - edge) / side), ceil((affine.f - edge) / side)
    return Affine(side, 0, left * side + edge, 0, -side, top * side + edge), right - left, top - bottom


def lost_rows(path: str, grid: Grid) -> list[str]:
    """Tell of pixels that are higher than the grid's, as GDAL makes them: what lay between their rows is lost."""
    with open_raster(path) as source:
        high = pixel_height(source.transform)
    side = grid.pixel_side
    if 1 - side / high <= EQUAL:
        return []
    lost = f"{1 - side / high:.0%} of the rows of {side:.1f} m repeat their neighbours; an export in metres loses none"
    return [f"{Path(path).stem}: its pixels are {high:.1f} m high, so that {lost}"]


def warped_band(band: Band, grid: Grid) -> Band:
    """Show a band on the grid, each pixel as the nearest one of the file.

    Most exporters take the nearest pixel too, so that what they took is met again; nothing is blurred, which textures
    would tell the model.
    """
    return replace(band, path=virtual_warp(band, grid, fill_of(band)), index=1)


def fill_of(band: Band) -> float:
    """Return what means nodata: the file's tag, NaN or a number that no coding has where they occur, else 0."""
    if band.nodata:
        return band.nodata[0]
    numbers = read_samples({"band": band}, (SAMPLE_SIDE, SAMPLE_SIDE))["band"]
    if np.isnan(numbers).any():
        return float("nan")
    low = numbers[np.isfinite(numbers) & (numbers < FILL_BELOW)]
    return float(low.min()) if low.size else 0.0


def virtual_warp(band: Band, grid: Grid, fill: float) -> str:
    """Write the warp of a band in GDAL's virtual format, as a text that opens like a file."""
    with open_raster(band.path) as source:
        crs, affine = source.crs.to_wkt(), source.transform
    path = band.path if is_virtual(band.path) else str(Path(band.path).resolve())
    inverses = "".join(
        f"<{end}GeoTransform>{six(one)}</{end}GeoTransform><{end}InvGeoTransform>{six(~one)}</{end}InvGeoTransform>"
        for end, one in (("Src", affine), ("Dst", grid.affine))
    )
    nodata = "".join(f"<{end}NoDataReal>{fill!r}</{end}NoDataReal>" for end in ("Src", "Dst"))
    return (
        f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}" subClass="VRTWarpedDataset">'
        f"<SRS>{escape(grid.crs)}</SRS><GeoTransform>{six(grid.affine)}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1" subClass="VRTWarpedRasterBand">'
        f"<NoDataValue>{fill!r}</NoDataValue></VRTRasterBand><GDALWarpOptions><ResampleAlg>NearestNeighbour</ResampleAlg>"
        '<WorkingDataType>Float32</WorkingDataType><Option name="INIT_DEST">NO_DATA</Option>'
        f'<Option name="UNIFIED_SRC_NODATA">YES</Option><SourceDataset>{escape(path)}</SourceDataset>'
        "<Transformer><ApproxTransformer><MaxError>0.0005</MaxError><BaseTransformer><GenImgProjTransformer>"
        f"{inverses}<ReprojectTransformer><ReprojectionTransformer><SourceSRS>{escape(crs)}</SourceSRS>"
        f"<TargetSRS>{escape(grid.crs)}</TargetSRS></ReprojectionTransformer></ReprojectTransformer>"
        "</GenImgProjTransformer></BaseTransformer></ApproxTransformer></Transformer>"
        f'<BandList><BandMapping src="{band.index}" dst="1">{nodata}</BandMapping></BandList></GDALWarpOptions>'
        "</VRTDataset>"
    )


def six(affine: Affine) -> str:
    """The transform as GDAL writes it."""
    return ",".join(repr(value) for value in affine.to_gdal())

"""From scenes to glaciers: windows, rasters, outlines, pictures and report."""

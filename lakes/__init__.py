"""Supraglacial lakes: from RGB mosaics and a DEM to one GeoPackage and its score."""

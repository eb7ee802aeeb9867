// The map in pixels of the scene: latitude is minus the row, longitude the column.

const COLOURS = { glacier: "#0072B2", ground: "#D55E00", kept: "#009E73", drawn: "#009E73", deleted: "#D55E00", place: "#CC79A7" };
const EDITS = ["kept", "drawn", "deleted"];
const toPixels = place => [Math.floor(place.lng) + 0.5, Math.floor(-place.lat) + 0.5];  // the middle of what is under the mouse
const toMap = ([column, row]) => L.latLng(-row, column);

const Squares = L.TileLayer.extend({
  getTileUrl(coords) {
    return `tiles/${this.options.name}/${coords.z}/${coords.x}/${coords.y}.png?v=${this.options.version(coords.z)}`;
  },
  // Other pictures in the same places: no square is empty in between.
  renew() {
    for (const { coords, current, el } of Object.values(this._tiles)) {
      const address = this.getTileUrl(coords);
      if (current && coords.z === this._tileZoom && el.getAttribute("src") !== address) el.src = address;
    }
  },
});

export function makeMap(scene) {
  const metres = L.extend({}, L.CRS.Simple, { distance: (a, b) => L.CRS.Simple.distance(a, b) * scene.pixel_m });
  const [minZoom, maxZoom] = scene.zooms;
  const map = L.map("map", { crs: metres, minZoom, maxZoom, attributionControl: false, fadeAnimation: false, zoomAnimation: false, doubleClickZoom: false, boxZoom: false });
  const bounds = L.latLngBounds([[-scene.rows, 0], [0, scene.columns]]);
  map.fitBounds(bounds);
  map.setMaxBounds(bounds.pad(1));
  L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 160 }).addTo(map);
  return { map, bounds };
}

export function squares(scene, bounds, name, zIndex, version) {
  const [minZoom, maxZoom] = scene.zooms;
  return new Squares("", { name, version, bounds, minZoom, maxZoom, zIndex, noWrap: true, keepBuffer: 1 });
}

function style(kind, type) {
  if (type === "Point") return { radius: 6, color: "#fff", weight: 2, fillColor: COLOURS[kind], fillOpacity: 1 };
  if (EDITS.includes(kind)) return { color: COLOURS[kind], weight: 3, dashArray: kind === "deleted" ? "4 5" : null, fillOpacity: 0.08 };
  return { color: COLOURS[kind], weight: 5, opacity: 0.95, fillColor: COLOURS[kind], fillOpacity: 0.3 };
}

export function drawItem(item) {
  return L.geoJSON(item.geometry, {
    coordsToLatLng: toMap,
    style: () => style(item.kind, item.geometry.type),
    pointToLayer: (_, place) => L.circleMarker(place),
  });
}

export function drawPlace(place) {
  return L.geoJSON(place.geometry, { coordsToLatLng: toMap, interactive: false, style: { color: COLOURS.place, weight: 3, fillOpacity: 0.15 } });
}

// Turns mouse and keys into geometries: `made(kind, geometry)` for a click or a drag, `said(words)` for a hint.
export function makePen(map, made, outside) {
  const pen = { tool: "move", path: null, corners: null, line: L.polyline([], { interactive: false, weight: 4 }).addTo(map) };
  const marks = () => pen.tool === "glacier" || pen.tool === "ground";
  const geometry = (type, places) => ({ type, coordinates: type === "Point" ? toPixels(places[0]) : type === "LineString" ? places.map(toPixels) : [places.map(toPixels)] });
  const show = places => pen.line.setLatLngs(places).setStyle({ color: COLOURS[pen.tool] });

  pen.choose = tool => {
    pen.cancel();
    pen.tool = tool;
    map.dragging[tool === "move" ? "enable" : "disable"]();
    map.getContainer().classList.toggle("marking", tool !== "move");
  };
  pen.cancel = () => { pen.path = pen.corners = null; pen.line.setLatLngs([]); };
  pen.close = () => {
    const corners = pen.corners ?? [];
    const tool = pen.tool;
    pen.cancel();
    if (corners.length >= 3) made(tool, geometry("Polygon", [...corners, corners[0]]));
  };
  map.on("mousedown", event => {
    if (!marks() || event.originalEvent.button !== 0) return;
    if (outside(event.latlng)) return;
    pen.path = [event.latlng];
  });
  map.on("mousemove", event => {
    if (pen.corners?.length) show([...pen.corners, event.latlng]);
    if (!pen.path || outside(event.latlng)) return;
    const last = map.latLngToContainerPoint(pen.path[pen.path.length - 1]);
    if (last.distanceTo(event.containerPoint) < 5 || pen.path.length >= 2000) return;
    pen.path.push(event.latlng);
    show(pen.path);
  });
  document.addEventListener("dragstart", event => event.preventDefault());  // of the pictures, which some browsers begin
  document.addEventListener("mouseup", () => {
    if (!pen.path) return;
    const path = pen.path;
    pen.cancel();
    made(pen.tool, geometry(path.length > 1 ? "LineString" : "Point", path));
  });
  map.on("click", event => {
    if (outside(event.latlng)) return;
    if (pen.tool === "deleted" || pen.tool === "kept") made(pen.tool, geometry("Point", [event.latlng]));
    if (pen.tool !== "drawn") return;
    pen.corners = [...(pen.corners ?? []), event.latlng];
    show(pen.corners);
  });
  map.on("dblclick", () => { if (pen.corners) { pen.corners.pop(); pen.close(); } });
  return pen;
}

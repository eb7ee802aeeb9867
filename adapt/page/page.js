// Wires map, panel and server together.

import { drawItem, drawPlace, makeMap, makePen, squares } from "./map.js";
import { say, showFinish, showLayers, showScene, showState, toggle } from "./panel.js";
import { post, queue, read, send } from "./server.js";

const HINTS = {
  move: "", glacier: "Click or drag over glacier.", ground: "Click or drag over ground, lakes, or cloud.",
  erase: "Click marks and edits, or drag over them, to erase them.", deleted: "Click inside a false glacier to delete it.",
  kept: "Click inside a glacier to keep it as it is now.",
  drawn: "Click the corners of a glacier; Enter or a double click ends it, Escape gives up.",
};
const KEYS = { m: "move", g: "glacier", r: "ground", e: "erase", d: "deleted", k: "kept", p: "drawn" };
const DRAWN = ["probability", "before", "outline"];

const scene = await read("scene");
const { map, bounds } = makeMap(scene);
const items = new Map(), shapes = new Map(), undone = [];
const layers = { items: L.layerGroup().addTo(map), places: L.layerGroup().addTo(map) };
let state = await read("state"), place = -1, away = "", refused = "", later;

const version = zoom => [state.fit, state.revision, zoom < -1 ? state.drawn : state.looked, state.settled ? 1 : 0].join(".");
[...scene.layers, ...DRAWN].forEach((name, number) => { layers[name] = squares(scene, bounds, name, number + 1, version); });

// -- marks and edits

const count = () => { map.getContainer().dataset.items = items.size; };

function show(item) {
  items.set(item.id, item);
  const shape = drawItem(item);
  shape.on("mousedown mouseover", event => {
    if (pen.tool === "erase" && (event.type === "mousedown" || event.originalEvent.buttons & 1)) erase(item.id);
  });
  shapes.set(item.id, shape.addTo(layers.items));
  count();
}

function hide(id) {
  items.delete(id);
  if (shapes.has(id)) layers.items.removeLayer(shapes.get(id));
  shapes.delete(id);
  count();
}

function change(wanted) {
  for (const id of wanted.erase ?? []) hide(id);
  for (const item of wanted.add ?? []) if (item.geometry.type !== "Point" || item.kind in { glacier: 1, ground: 1 }) show(item);
  queue.push(wanted);
  refused = "";
  send(take, (problem, sent) => { refused = problem; for (const item of sent.add ?? []) hide(item.id); tell(); }, words => { away = words; tell(); });
}

function add(kind, geometry) {
  const item = { id: crypto.randomUUID(), kind, geometry };
  undone.push({ erase: [item.id] });
  change({ add: [item] });
}

function erase(id) {
  const item = items.get(id);
  if (!item) return;
  undone.push({ add: [item] });
  change({ erase: [id] });
}

function undo() {
  const last = [...items.keys()].pop();
  const step = undone.pop() ?? (last && { erase: [last] });
  if (step) change(step);
}

// -- what the server says

function take(told) {
  if (told.revision < state.revision || told.fit < state.fit) return;  // an answer that another one has overtaken
  state = { ...state, ...told };
  if (told.items && !queue.length) {
    const there = new Set(told.items.map(item => item.id));
    for (const id of [...items.keys()]) if (!there.has(id)) hide(id);
    for (const item of told.items) if (!items.has(item.id)) show(item);
  }
  layers.places.clearLayers();
  for (const one of state.suggested) drawPlace(one).addTo(layers.places);
  for (const name of DRAWN) if (map.hasLayer(layers[name])) layers[name].renew();
  document.getElementById("undo").disabled = !items.size && !undone.length;
  showState(state);
  tell();
}

function tell() {
  say("problem", away || refused || state.problem);
}

async function poll() {
  clearTimeout(later);
  try {
    take(await read(`state?have=${queue.length ? "" : state.revision}`));
    if (!queue.length) away = "";
  } catch {
    away = away || "The server does not answer; start it again with the same --out, and go on at its new address.";
  }
  tell();
  later = setTimeout(poll, state.settled && state.finish.stage !== "running" ? 2000 : 700);
}

// -- tools, keys and layers

const pen = makePen(map, add, spot => !bounds.contains(spot));
map.on("click", event => { if (pen.tool !== "move" && !bounds.contains(event.latlng)) say("hint", "This lies outside the scene."); });

function choose(tool) {
  pen.choose(tool);
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", button.dataset.tool === tool);
  say("hint", HINTS[tool]);
}

function next() {
  if (!state.suggested.length) return;
  place = (place + 1) % state.suggested.length;
  map.setView(drawPlace(state.suggested[place]).getBounds().getCenter(), Math.max(map.getZoom(), 1));
}

function switchLayer(name, on, opacity) {
  if (scene.layers.includes(name)) for (const other of scene.layers) if (on && other !== name) layers[other].remove();
  if (on) layers[name].addTo(map); else layers[name].remove();
  if (layers[name].setOpacity) layers[name].setOpacity(opacity);
  else map.getPane("overlayPane").style.opacity = opacity;
}

async function finish() {
  try {
    const { told } = await post("finish", {});
    if (told.finish) showFinish(told.finish);
    state.finish.stage = "running";
  } catch {
    away = "The server does not answer; nothing was finished.";
  }
  poll();
}

document.addEventListener("keydown", event => {
  if (event.altKey || event.metaKey || event.target.matches("input[type=text]")) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey && key !== "z") return;
  if (key in KEYS) choose(KEYS[key]);
  else if (key === "u" || key === "z" && event.ctrlKey) undo();
  else if (key === "n") next();
  else if (key === "o") toggle("outline");
  else if (key === "b") toggle("before");
  else if (key === "enter" && pen.corners) pen.close();
  else if (key === "escape") pen.cancel();
});
for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => choose(button.dataset.tool));
document.getElementById("undo").addEventListener("click", undo);
document.getElementById("next").addEventListener("click", next);
document.getElementById("finish").addEventListener("click", finish);

showScene(scene);
showLayers(scene, switchLayer);
layers[scene.layers[0]].addTo(map);
layers.outline.addTo(map);
choose("glacier");
take(state);
later = setTimeout(poll, 500);
count();
window.map = map;  // for the browser's console

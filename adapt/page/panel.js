// The panel beside the map: what changed, layers with their legends, progress, places to mark next, results.

const at = id => document.getElementById(id);
const percent = share => share === null ? "–" : `${Math.round(100 * share)} %`;
const area = km2 => km2 >= 100 ? km2.toFixed(0) : km2 >= 10 ? km2.toFixed(1) : km2.toFixed(2);

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function showScene(scene) {
  document.title = `Marks on ${scene.name}`;
  at("name").textContent = scene.name;
  at("about").textContent = [scene.date, `${scene.columns} × ${scene.rows} pixels of ${Math.round(scene.pixel_m)} m`].filter(Boolean).join(", ");
}

function bar(colours, low, high) {
  const canvas = element("canvas", { width: 180, height: 8 });
  const pen = canvas.getContext("2d");
  const blend = pen.createLinearGradient(0, 0, 180, 0);
  colours.forEach((colour, number) => blend.addColorStop(number / (colours.length - 1), colour));
  pen.fillStyle = blend;
  pen.fillRect(0, 0, 180, 8);
  return element("div", { className: "legend" }, low, canvas, high);
}

function swatch(colour) {
  const line = element("span", { className: "swatch" });
  line.style.borderColor = colour;
  return line;
}

const dot = kind => element("i", { className: `dot ${kind}` });

// One line for a layer: box or radio, name, opacity, legend.
function line(type, name, checked, opacity, parts, changed) {
  const box = element("input", { type, name: type === "radio" ? "imagery" : name, value: name, checked });
  const slide = element("input", { type: "range", min: 0, max: 1, step: 0.05, value: opacity, title: "opacity" });
  slide.setAttribute("aria-label", `opacity of ${name}`);
  const tell = () => changed(name, box.checked, Number(slide.value));
  box.addEventListener("change", tell);
  slide.addEventListener("input", tell);
  const label = element("label", {}, box, element("span", {}, ...parts));
  return element("div", { className: "layer" }, label, slide);
}

export function showLayers(scene, changed) {
  const names = { false: "False colour", true: "True colour", thermal: "Temperature" };
  for (const [number, name] of scene.layers.entries()) {
    const made = line("radio", name, number === 0, 1, [names[name]], changed);
    if (name === "thermal") made.append(bar(scene.temperature, `${Math.round(scene.kelvin[0])} K`, `${Math.round(scene.kelvin[1])} K`));
    at("imagery").append(made);
  }
  const probability = line("checkbox", "probability", false, 0.6, ["Probability"], changed);
  probability.append(bar(scene.probability, "0", "1"));
  at("overlays").append(
    probability,
    line("checkbox", "outline", true, 1, [swatch(scene.outlines.outline), "Outline"], changed),
    line("checkbox", "before", false, 1, [swatch(scene.outlines.before), "Before marks"], changed),
    line("checkbox", "items", true, 1, [dot("glacier"), dot("ground"), "Marks and edits"], changed),
    line("checkbox", "places", true, 1, [dot("place"), "Suggested places"], changed),
  );
}

export function toggle(name) {
  document.querySelector(`.layer input[value="${name}"]`)?.click();
}

export function showState(state) {
  const [before, now] = state.km2;
  const change = now - before;
  at("area").replaceChildren(...(before === null ? ["–"] : [`${area(now)} km²`, element("small", {}, ` (${change < 0 ? "−" : "+"}${area(Math.abs(change))})`)]));
  const { glacier, ground, waiting } = state.marks;
  at("marks").textContent = glacier + ground + waiting ? `${glacier} glacier, ${ground} ground` : "none yet";
  at("right").replaceChildren(...(state.right[1] === null ? ["–"] : [element("small", {}, `${percent(state.right[0])} → `), percent(state.right[1])]));
  at("notes").replaceChildren(...state.notes.map(note => element("li", {}, note.replace(/ are left out: .*$/, " are left out."))));
  showProgress(state);
  const count = state.suggested.length;
  at("suggested").textContent = count ? `${count} place(s) where a mark tells most.` : "Places are being chosen.";
  at("next").disabled = !count;
  showFinish(state.finish);
}

function showProgress(state) {
  const [bar, words] = at("progress").children;
  const looking = state.looked < state.blocks;
  bar.value = state.drawn / state.squares;
  bar.hidden = state.settled;
  words.textContent = state.settled ? "The whole scene is up to date."
    : looking ? `The model looks at the scene: ${state.looked} of ${state.blocks} blocks.`
    : `The whole scene is being redrawn: ${state.drawn} of ${state.squares} squares.`;
}

export function showFinish(finish) {
  const running = finish.stage === "running", bar = document.querySelector("#ending progress");
  at("finish").disabled = running;
  at("finish").textContent = running ? "Finishing" : finish.stage === "done" ? "Finish again" : "Finish";
  if (finish.said) at("finished").textContent = finish.said;
  bar.hidden = !running;
  if (running && finish.of) bar.value = finish.done / finish.of;
  else if (running) bar.removeAttribute("value");
  const links = (finish.files ?? []).map(name => element("li", {}, element("a", { href: `files/${name}`, target: "_blank", rel: "noopener" }, name)));
  at("files").replaceChildren(...links);
}

export function say(id, words) {
  at(id).textContent = words;
  at(id).hidden = !words;
}

// What the moving parts of all lessons share. Each lesson's own file follows below.

const SVG = "http://www.w3.org/2000/svg";
const views = new WeakMap();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The title of an axis that goes up, beside its middle. */
function upward(text, x, y) {
  return drawn("text", { x, y, "text-anchor": "middle", transform: `rotate(-90 ${x} ${y})` }, text);
}

/** The view of a place on the page: made once, and given new data with every run. */
function viewOf(parent, Kind) {
  let view = views.get(parent);
  if (!view) views.set(parent, (view = new Kind(parent.querySelector(".live"))));
  return view;
}

const many = (number) => Math.round(number).toLocaleString("en");
const media = (address) => address.replace(/^\/media\//, "media/");

/** A number in the prose: dragged sideways, or stepped with the arrow keys. */
function touchable({ value, min, max, step, label, show = String, change }) {
  const made = element("span", { className: "touch", tabIndex: 0 });
  made.setAttribute("role", "slider");
  made.setAttribute("aria-label", label);
  made.setAttribute("aria-valuemin", min);
  made.setAttribute("aria-valuemax", max);
  const set = (next, told = true) => {
    value = Math.min(Math.max(min + Math.round((next - min) / step) * step, min), max);
    made.textContent = show(value);
    made.setAttribute("aria-valuenow", value);
    made.setAttribute("aria-valuetext", show(value));
    if (told) change(value);
  };
  let from = null;
  made.onpointerdown = (event) => {
    from = { x: event.clientX, value };
    made.setPointerCapture(event.pointerId);
  };
  made.onpointermove = (event) => from && set(from.value + ((event.clientX - from.x) / 240) * (max - min));
  made.onpointerup = made.onpointercancel = () => (from = null);
  made.onkeydown = (event) => {
    const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 10 * step, PageDown: -10 * step }[event.key];
    if (!by) return;
    event.preventDefault();
    set(value + by);
  };
  set(value, false);
  made.set = (next) => set(next, false);
  return made;
}

/** A slider with what it says on both sides; `change` is called while it moves. */
function turning({ value, min, max, step, label, show, change }) {
  const said = element("output", { textContent: show(value) });
  const input = element("input", { type: "range", min, max, step, value });
  input.setAttribute("aria-label", label);
  input.setAttribute("aria-valuetext", show(value));
  input.oninput = () => {
    said.textContent = show(+input.value);
    input.setAttribute("aria-valuetext", show(+input.value));
    change(+input.value);
  };
  const made = element("label", { className: "turn" }, element("span", { textContent: label }), input, said);
  made.set = (next) => {
    input.value = next;
    said.textContent = show(next);
  };
  return made;
}

/** A vector as cells: blue above 0, orange below, pale near 0. `meet` is told the cell pointed at. */
function strip(values, label, meet) {
  const canvas = element("canvas", { width: values.length, height: 1 });
  const context = canvas.getContext("2d");
  const limit = Math.max(...values.map(Math.abs), 1e-9);
  const pixels = context.createImageData(values.length, 1);
  values.forEach((value, i) => {
    pixels.data.set([...(value > 0 ? [31, 143, 208] : [224, 123, 0]), 255 * Math.sqrt(Math.abs(value) / limit)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  const mark = element("hr", { hidden: true });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  canvas.onpointermove = canvas.onpointerdown = (event) => {
    const box = canvas.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * values.length);
    meet(Math.min(Math.max(place, 0), values.length - 1));
  };
  const made = element("div", { className: "strip" }, element("small", { textContent: label }), element("div", { style: "position: relative" }, canvas, mark));
  made.mark = (place) => {
    mark.hidden = place === null;
    if (place !== null) mark.style.left = `calc(${(100 * (place + 0.5)) / values.length}% - 1px)`;
  };
  return made;
}

/** A term with its bar; a `share` below 0 is drawn as what takes away. */
function bar(term, share, value) {
  const made = element("i", { className: share < 0 ? "second" : "" });
  made.style.width = `${100 * Math.min(Math.abs(share), 1)}%`;
  const item = element("li", { title: term }, element("span", { textContent: term }), element("span", {}, made), element("span", { textContent: value }));
  item.dataset.term = term;
  return item;
}

/** Mark whatever stands for a term, in all views. */
function meet(root, term) {
  for (const one of root.querySelectorAll("[data-term]")) one.classList.toggle("met", one.dataset.term === term);
}

/** A picture that can be chosen. */
function tile({ id, picture, alt }, pressed, choose, badge = "") {
  const image = element("img", { src: media(picture), alt, draggable: false });
  const made = element("button", { type: "button", title: alt }, image);
  if (badge) made.append(element("b", { textContent: badge }));
  made.setAttribute("aria-pressed", pressed);
  made.dataset.id = id;
  made.onclick = () => choose(id);
  return made;
}

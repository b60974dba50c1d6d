// A picture beside its strongest terms. A term that is pointed at shows where in the picture it has
// its weight from: the rest is dimmed.

const DIM = 0.78; // of the places that a term owes nothing
const views = new WeakMap();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new View(parentElement)));
  view.send = setTriggerValue;
  view.receive(data);
}

class View {
  constructor(parent) {
    this.picture = parent.querySelector("img");
    this.shade = parent.querySelector("canvas");
    this.note = parent.querySelector("figcaption");
    this.list = parent.querySelector("ol");
    this.legend = parent.querySelector(".legend");
    this.list.onmouseleave = () => this.show(this.data.chosen);
  }

  receive(data) {
    this.data = data;
    const address = data.picture.replace(/^\/media\//, "media/");
    if (this.picture.getAttribute("src") !== address) this.picture.src = address;
    this.picture.alt = data.alt;
    const kinds = data.legend.filter(({ kind }) => data.terms.some((one) => one.kind === kind));
    this.legend.replaceChildren(...kinds.map(({ kind, label }) =>
      element("span", {}, element("i", { className: kind }), label)));
    const limit = Math.max(...data.terms.map((one) => one.weight), 1e-9);
    this.list.replaceChildren(...data.terms.map((one) => this.line(one, limit)));
    this.show(data.chosen);
  }

  line({ term, weight, kind, hint, map, place }, limit) {
    const name = element("a", { textContent: term, href: `term?${new URLSearchParams({ ...this.data.carried, term })}` });
    const bar = element("i", { className: kind });
    bar.style.width = `${(100 * weight) / limit}%`;
    const choose = element("button", { type: "button", title: place ? `${hint}. Mostly from: ${place}` : hint, disabled: !this.data.where }, bar);
    choose.setAttribute("aria-label", `Where ${term} is, weight ${weight.toFixed(2)}, ${hint}${place ? `, mostly from: ${place}` : ""}`);
    choose.setAttribute("aria-pressed", String(term === this.data.chosen));
    choose.onclick = () => this.send("where", term === this.data.chosen ? "" : term);
    const item = element("li", { className: term === this.data.chosen ? "chosen" : "" }, name, choose, element("b", { textContent: weight.toFixed(2) }));
    item.dataset.term = term;
    if (map) item.onmouseenter = choose.onfocus = () => this.show(term);
    return item;
  }

  /** Dim the picture where the term has no weight from; nothing where its map is not known. */
  show(term) {
    const one = this.data.terms.find((other) => other.term === term);
    this.shade.hidden = !one?.map;
    this.shade.dataset.term = one?.map ? term : "";
    this.note.textContent = one?.map ? (one.place ? `${term}: mostly from the ${one.place}` : `${term}: from no single place`) : "";
    if (!one?.map) return;
    const size = Math.sqrt(one.map.length);
    const most = Math.max(...one.map, 1e-9);
    this.shade.width = this.shade.height = size;
    const pixels = new ImageData(size, size);
    one.map.forEach((drop, i) => (pixels.data[4 * i + 3] = 255 * DIM * (1 - Math.max(drop, 0) / most)));
    this.shade.getContext("2d").putImageData(pixels, 0, 0);
  }
}

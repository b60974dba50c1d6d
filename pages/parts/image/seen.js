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
    this.list.onmouseleave = () => this.point("");
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
    const focus = this.list.getRootNode().activeElement;
    const within = this.list.contains(focus) && focus.closest("li").dataset.term;
    this.list.replaceChildren(...data.terms.map((one) => this.line(one, limit)));
    // Places come one by one: what the pointer rests on shows its own as soon as it is there.
    this.point(this.list.matches(":hover") ? this.pointed : "");
    const line = [...this.list.children].find((one) => one.dataset.term === within);
    line?.querySelector(focus.localName).focus();
  }

  point(term) {
    this.pointed = term;
    this.show();
  }

  line({ term, weight, kind, hint, place }, limit) {
    const name = element("a", { textContent: term, href: `term?${new URLSearchParams({ ...this.data.carried, term })}` });
    const bar = element("i", { className: kind });
    bar.style.width = `${(100 * weight) / limit}%`;
    const choose = element("button", { type: "button", title: place ? `${hint}. Mostly from: ${place}` : hint, disabled: !this.data.where }, bar);
    choose.setAttribute("aria-label", `Where ${term} is, weight ${weight.toFixed(2)}, ${hint}${place ? `, mostly from: ${place}` : ""}`);
    choose.setAttribute("aria-pressed", String(term === this.data.chosen));
    choose.onclick = () => this.send("where", term === this.data.chosen ? "" : term);
    const item = element("li", { className: term === this.data.chosen ? "chosen" : "" }, name, choose, element("b", { textContent: weight.toFixed(2) }));
    item.dataset.term = term;
    item.onmouseenter = choose.onfocus = () => this.point(term);
    return item;
  }

  /** Dim the picture where the term that is pointed at, or else the chosen one, has no weight from. */
  show() {
    const known = (term) => this.data.terms.find((one) => one.term === term && one.map);
    const one = known(this.pointed) ?? known(this.data.chosen);
    this.shade.hidden = !one;
    this.shade.dataset.term = one?.term ?? "";
    this.note.textContent = one ? (one.place ? `${one.term}: mostly from the ${one.place}` : `${one.term}: from no single place`) : "";
    if (!one) return;
    const size = Math.sqrt(one.map.length);
    const most = Math.max(...one.map, 1e-9);
    this.shade.width = this.shade.height = size;
    const pixels = new ImageData(size, size);
    one.map.forEach((drop, i) => (pixels.data[4 * i + 3] = 255 * DIM * (1 - Math.max(drop, 0) / most)));
    this.shade.getContext("2d").putImageData(pixels, 0, 0);
  }
}

// Lesson 1: a picture as a dense vector, the arithmetic of one term, and the cut at zero.

export default function ({ data, parentElement, setTriggerValue }) {
  const view = viewOf(parentElement, View);
  view.send = setTriggerValue;
  view.receive(data);
}

const signed = (number) => `${number < 0 ? "−" : ""}${Math.abs(number).toFixed(2)}`;

class View {
  constructor(root) {
    this.root = root;
    this.shift = 0;
  }

  receive(data) {
    const same = this.data && this.data.picture.id === data.picture.id;
    this.data = data;
    this.term = same && data.terms[this.term] ? this.term : 0;
    this.cell = null;
    this[data.part]();
  }

  choosing() {
    const { choices, picture } = this.data;
    const made = element("div", { className: "tiles" }, ...choices.map((one) => tile(one, one.id === picture.id, (id) => this.send("picture", id))));
    made.setAttribute("role", "group");
    made.setAttribute("aria-label", "Choose a picture");
    return made;
  }

  picture() {
    const { dense, picture } = this.data;
    const read = element("small", { textContent: "Blue: above 0. Orange: below. Pale: near 0. Point at a cell to read its number." });
    const line = strip(dense, `The dense vector z: ${dense.length} numbers`, (place) => {
      line.mark(place);
      read.textContent = `z[${place}] = ${dense[place].toFixed(3)}: a number that nobody can read`;
    });
    const image = element("img", { src: media(picture.picture), alt: picture.alt });
    this.root.replaceChildren(
      this.choosing(),
      element("div", { className: "beside" }, element("div", { className: "narrow" }, image), element("div", {}, line, read)),
    );
  }

  arithmetic() {
    const { terms, dense, hidden } = this.data;
    this.list = element("ol", {}, ...terms.map((one, place) => {
      const item = "weight" in one ? bar(one.term, one.weight / terms[0].weight, one.weight.toFixed(2)) : bar(one.term, 0, "?");
      item.tabIndex = 0;
      item.onmouseenter = item.onfocus = item.onclick = () => this.choose(place);
      return item;
    }));
    this.told = element("p", {});
    this.read = element("p", { className: "note" });
    this.products = element("div");
    const point = (place) => this.point(place);
    this.strips = [
      strip(dense, `z: the picture, ${dense.length} numbers`, point),
      strip(hidden, `h = LayerNorm(W1 z + b1): ${hidden.length} numbers`, point),
    ];
    this.strips[0].querySelector("canvas").onpointermove = null; // z and h are not cell by cell
    this.root.replaceChildren(
      element("div", { className: "beside" },
        element("div", {}, element("small", { textContent: "The picture's strongest terms. Point at one. A piece of a word begins with ##." }), this.list),
        element("div", {}, ...this.strips, this.products, element("small", { textContent: "Blue: above 0. Orange: below. Pale: near 0." }), this.read, this.told)),
    );
    const asked = terms.findIndex((one) => !("weight" in one));
    this.choose(asked < 0 ? this.term : asked);
  }

  choose(place) {
    this.term = place;
    const { terms, hidden } = this.data;
    const one = terms[place];
    [...this.list.children].forEach((item, i) => item.classList.toggle("chosen", i === place));
    const products = hidden.map((value, i) => value * one.row[i]);
    const point = (cell) => this.point(cell);
    this.lines = [this.strips[1], strip(one.row, `The row of W2 for ${one.term}: ${hidden.length} numbers`, point), strip(products, "Their products, cell by cell", point)];
    this.products.replaceChildren(...this.lines.slice(1));
    const sum = products.reduce((total, value) => total + value, 0);
    this.told.replaceChildren(
      element("b", { textContent: one.term }), `: the products add up to ${signed(sum)}; the term's own number, its bias, is ${signed(one.bias)}`,
      ...("weight" in one ? [] : [". What comes then is asked below."]),
    );
    if ("weight" in one) this.told.append("; together ",
      element("b", { textContent: signed(sum + one.bias) }), `. It is above 0, so ReLU keeps it, and log(1 + ${signed(sum + one.bias)}) = `,
      element("b", { textContent: one.weight.toFixed(2) }), " is the weight.",
    );
    const most = products.reduce((best, value, i) => (Math.abs(value) > Math.abs(products[best]) ? i : best), 0);
    this.point(this.cell ?? most);
  }

  point(place) {
    this.cell = place;
    const { hidden, terms } = this.data;
    const one = terms[this.term];
    for (const line of this.lines) line.mark(place);
    this.read.textContent = `Cell ${place}: h (${hidden[place].toFixed(3)}) × W2 (${one.row[place].toFixed(3)}) ≈ ${signed(hidden[place] * one.row[place])}`;
  }

  cut() {
    const { logits, terms } = this.data;
    const limit = Math.log1p(logits[0] + 2);
    const count = (shift) => logits.filter((value) => value + shift > 0).length;
    this.list = element("ol");
    this.told = element("p");
    const chart = this.curve(count);
    const show = (shift) => {
      this.shift = shift;
      slider.set(shift);
      const active = count(shift);
      this.list.replaceChildren(...terms.map((one) => {
        const weight = Math.log1p(Math.max(one.logit + shift, 0));
        const item = bar(one.term, weight / limit, weight ? weight.toFixed(2) : "0");
        item.classList.toggle("off", !weight);
        return item;
      }));
      this.told.replaceChildren(
        "Add ", this.touch, " to what stands before the cut, and ", element("b", { textContent: many(active) }),
        ` terms of ${many(this.data.vocabulary)} are active. The model itself adds 0, and has `, element("b", { textContent: many(count(0)) }), ".",
      );
      chart.mark(shift, active);
    };
    this.touch = touchable({ value: this.shift, min: -2, max: 2, step: 0.1, label: "Added before the cut", show: (value) => `${value > 0 ? "+" : ""}${signed(value)}`, change: show });
    const slider = turning({ value: this.shift, min: -2, max: 2, step: 0.1, label: "added before the cut", show: signed, change: (value) => (this.touch.set(value), show(value)) });
    show(this.shift);
    this.root.replaceChildren(this.told, slider, element("div", { className: "beside" }, element("div", {}, this.list), element("div", {}, chart)));
  }

  /** Active terms against what is added, with a mark where it stands. */
  curve(count) {
    const most = Math.max(count(2), 1);
    const x = (shift) => 46 + (shift + 2) * 63;
    const y = (active) => 130 - (120 * Math.log10(1 + active)) / Math.log10(1 + most);
    const points = Array.from({ length: 81 }, (_, i) => -2 + i / 20).map((shift) => `${x(shift)},${y(count(shift))}`);
    const dot = drawn("circle", { r: 5, fill: "var(--st-primary-color)" });
    const chart = drawn("svg", { viewBox: "0 0 306 165", role: "img" },
      ...[1, 10, 100, 1000].filter((tick) => tick <= most).flatMap((tick) => [
        drawn("line", { x1: 46, x2: 298, y1: y(tick), y2: y(tick), class: "axis" }), drawn("text", { x: 42, y: y(tick) + 4, "text-anchor": "end" }, String(tick))]),
      ...[-2, -1, 0, 1, 2].map((tick) => drawn("text", { x: x(tick), y: 146, "text-anchor": "middle" }, tick > 0 ? `+${tick}` : `${tick}`.replace("-", "−"))),
      drawn("text", { x: 172, y: 162, "text-anchor": "middle" }, "added before the cut"),
      upward("active terms", 8, 72),
      drawn("polyline", { points: points.join(" "), fill: "none", stroke: "var(--first)", "stroke-width": 2 }), dot);
    chart.setAttribute("aria-label", "Active terms rise with what is added before the cut");
    chart.mark = (shift, active) => {
      dot.setAttribute("cx", x(shift));
      dot.setAttribute("cy", y(active));
    };
    return chart;
  }
}

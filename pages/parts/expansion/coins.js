// The chance of every rank of a query's answer, at a rate that moves here without the server: of the
// outcomes with k coins on the shares are known, and k is binomial.

const views = new WeakMap();

export default function ({ data, parentElement }) {
  let view = views.get(parentElement);
  if (!view) views.set(parentElement, (view = new View(parentElement)));
  view.receive(data);
}

/** The chance that k of m coins are on, k = 0 … m. */
function binomial(m, p) {
  let row = [1];
  for (let coin = 0; coin < m; coin += 1) row = [...row, 0].map((on, k) => on * (1 - p) + (k ? row[k - 1] * p : 0));
  return row;
}

class View {
  constructor(parent) {
    this.slider = parent.querySelector("input");
    this.told = parent.querySelector("output");
    this.list = parent.querySelector("ol");
    this.sum = parent.querySelector("p");
    this.slider.oninput = () => this.draw();
  }

  receive(data) {
    const key = JSON.stringify(data);
    if (key === this.key) return; // the page ran again, and a rate that was moved to stays
    this.key = key;
    this.data = data;
    this.slider.value = data.rate;
    this.list.replaceChildren(...data.names.map((name) => {
      const line = document.createElement("li");
      line.append(...["span", "div", "b"].map((tag) => document.createElement(tag)));
      line.firstChild.textContent = name;
      line.children[1].append(document.createElement("i"));
      return line;
    }));
    this.draw();
  }

  draw() {
    const { shares } = this.data;
    const p = Number(this.slider.value);
    const on = binomial(shares[0].length - 1, p);
    const chances = shares.map((row) => row.reduce((sum, share, k) => sum + share * on[k], 0));
    chances.forEach((chance, place) => {
      const line = this.list.children[place];
      line.querySelector("i").style.width = `${100 * chance}%`;
      line.querySelector("b").textContent = chance.toFixed(3);
    });
    const found = chances.slice(0, -1);
    const within = found.reduce((sum, chance) => sum + chance, 0);
    const mean = found.reduce((sum, chance, place) => sum + chance / (place + 1), 0);
    this.told.textContent = `p = ${p.toFixed(2)}`;
    this.sum.textContent = `First ${found[0].toFixed(3)}, among the first ${found.length} ${within.toFixed(3)}, expected 1 / rank ${mean.toFixed(3)}`;
  }
}

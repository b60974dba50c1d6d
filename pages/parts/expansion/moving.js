// A slider that moves here without the server, with what follows it as bars: the chance of every
// rank of a query's answer, or the best images under another weight of the expansion terms.

const views = new WeakMap();
const LEAST = 1e-9; // a weight just above 0, where the steeper of two equal images is ahead

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

/** Of the outcomes with k coins on the shares are known, and k is binomial. */
function chances({ shares, names }, p) {
  const on = binomial(shares[0].length - 1, p);
  const found = shares.map((row) => row.reduce((sum, share, k) => sum + share * on[k], 0));
  const known = found.slice(0, -1);
  const within = known.reduce((sum, chance) => sum + chance, 0);
  const mean = known.reduce((sum, chance, place) => sum + chance / (place + 1), 0);
  return {
    bars: found.map((chance, place) => ({ name: names[place], share: chance, text: chance.toFixed(3), rest: place === known.length })),
    told: `p = ${p.toFixed(2)}`,
    sum: `First ${known[0].toFixed(3)}, among the first ${known.length} ${within.toFixed(3)}, expected 1 / rank ${mean.toFixed(3)}`,
  };
}

/** The best images, a score being the literal part and the weight times what expansion adds. */
function best({ scores, rows }, weight, most) {
  const at = scores.map(([literal, expansion]) => literal + weight * expansion);
  const ahead = (one, other) => at[other] - at[one] || rows[one] - rows[other];
  return at.map((_, place) => place).filter((place) => at[place] > 0).sort(ahead).slice(0, most).map((place) => [place, at[place]]);
}

function order(data, weight) {
  const found = best(data, Math.max(weight, LEAST), data.best);
  const before = best(data, LEAST, data.best).map(([place]) => place);
  const kept = found.filter(([place]) => before.includes(place)).length;
  const steps = (place, now) => {
    const was = before.indexOf(place);
    return was < 0 ? "new" : was === now ? "=" : was > now ? `↑${was - now}` : `↓${now - was}`;
  };
  return {
    bars: found.map(([place, score], now) => ({ name: `${now + 1}. ${data.names[place]} ${steps(place, now)}`, share: score / found[0][1], text: score.toFixed(2) })),
    told: weight.toFixed(weight < 0.1 ? 3 : 2),
    sum: `${kept} of these ${found.length} are among the best at a weight near 0, too; arrows tell how many places each has moved from there.`,
  };
}

class View {
  constructor(parent) {
    this.label = parent.querySelector("label span");
    this.slider = parent.querySelector("input");
    this.told = parent.querySelector("output");
    this.list = parent.querySelector("ol");
    this.sum = parent.querySelector("p");
    this.slider.oninput = () => this.draw();
  }

  receive(data) {
    const key = JSON.stringify(data);
    if (key === this.key) return; // the page ran again, and a value that was moved to stays
    this.key = key;
    this.data = data;
    this.label.textContent = data.label;
    this.slider.ariaLabel = data.label;
    this.list.ariaLabel = data.list;
    this.slider.max = data.last;
    this.slider.step = data.last / 100;
    this.slider.value = data.value;
    this.draw();
  }

  draw() {
    const { bars, told, sum } = (this.data.shares ? chances : order)(this.data, Number(this.slider.value));
    while (this.list.children.length > bars.length) this.list.lastChild.remove();
    while (this.list.children.length < bars.length) this.list.append(line());
    bars.forEach(({ name, share, text, rest = false }, place) => {
      const one = this.list.children[place];
      one.classList.toggle("rest", rest);
      one.firstChild.textContent = name;
      one.querySelector("i").style.width = `${100 * share}%`;
      one.querySelector("b").textContent = text;
    });
    this.told.textContent = told;
    this.sum.textContent = sum;
  }
}

function line() {
  const made = document.createElement("li");
  made.append(...["span", "div", "b"].map((tag) => document.createElement(tag)));
  made.children[1].append(document.createElement("i"));
  return made;
}

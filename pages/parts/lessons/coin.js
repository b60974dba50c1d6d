// Lesson 4: a coin for every term that a caption does not say, thrown here, and counted exactly.

export default function ({ data, parentElement, setTriggerValue }) {
  const view = viewOf(parentElement, View);
  view.send = setTriggerValue;
  view.receive(data);
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)}%`;

/** The chance that k of m coins are on, k = 0 … m. */
function binomial(m, p) {
  let row = [1];
  for (let coin = 0; coin < m; coin += 1) row = [...row, 0].map((on, k) => on * (1 - p) + (k ? row[k - 1] * p : 0));
  return row;
}

class View {
  constructor(root) {
    this.root = root;
    this.p = 0.5;
  }

  receive(data) {
    if (this.data?.caption !== data.caption) this.start(data);
    this.data = data;
    this[data.part]();
  }

  start(data) {
    this.on = data.coins.map(() => false);
    this.tally = data.shares ? data.shares.map(() => 0) : [];
    this.thrown = 0;
  }

  throwAll() {
    this.on = this.on.map(() => Math.random() < this.p);
  }

  /** The rank of the caption's picture with the coins as they lie; ties count against it. */
  get rank() {
    const { rivals, own } = this.data;
    const gold = own[0] + this.on.reduce((sum, on, i) => sum + (on ? own[1][i] : 0), 0);
    if (gold <= 0) return Infinity;
    return 1 + rivals.filter(([base, parts]) => base + this.on.reduce((sum, on, i) => sum + (on ? parts[i] : 0), 0) >= gold - 1e-6).length;
  }

  chances(p) {
    const on = binomial(this.data.shares[0].length - 1, p);
    return this.data.shares.map((row) => row.reduce((sum, share, k) => sum + share * on[k], 0));
  }

  coins(change) {
    return element("div", { className: "chips" },
      ...this.data.said.map((term) => element("span", { className: "always", textContent: `● ${term}`, title: "The caption says it: always on" })),
      ...this.data.coins.map((term, i) => {
        const made = element("button", { type: "button", textContent: `${this.on[i] ? "◉" : "○"} ${term}`, title: this.on[i] ? "On: it takes part" : "Off" });
        made.setAttribute("aria-pressed", this.on[i]);
        made.dataset.term = term;
        made.onclick = () => {
          this.on[i] = !this.on[i];
          change();
        };
        return made;
      }));
  }

  pControl(change) {
    const told = { value: this.p, min: 0, max: 1, step: 0.05, label: "p, the chance of each coin", show: (p) => p.toFixed(2) };
    const moved = (p) => {
      this.p = p;
      touch.set(p);
      slider.set(p);
      change();
    };
    const touch = touchable({ ...told, change: moved });
    const slider = turning({ ...told, change: moved });
    return { touch, slider };
  }

  throwing() {
    const place = element("div");
    const told = element("p");
    const show = () => {
      place.replaceChildren(this.coins(show));
      const active = this.on.filter(Boolean).length;
      const rank = this.rank;
      told.replaceChildren(`${active} of ${this.on.length} coins are on. The caption's picture is at `, element("b", { textContent: Number.isFinite(rank) ? `rank ${many(rank)}` : "no rank: no term is shared" }), ".");
    };
    const { touch, slider } = this.pControl(() => {});
    const all = element("button", { type: "button", textContent: "Throw all coins" });
    all.onclick = () => (this.throwAll(), show());
    const [none, every] = [["All off", false], ["All on", true]].map(([label, on]) => {
      const made = element("button", { type: "button", textContent: label });
      made.onclick = () => {
        this.on = this.on.map(() => on);
        show();
      };
      return made;
    });
    show();
    this.root.replaceChildren(
      element("div", { className: "beside" }, element("div", { className: "narrow" }, element("img", { src: media(this.data.picture), alt: this.data.alt })),
        element("div", {}, element("p", {}, "Each coin is on with chance p = ", touch, "."), slider, element("div", { className: "chips" }, all, none, every), told)),
      element("small", { textContent: "● The caption says it: always on, without a coin. ◉ On. ○ Off." }), place,
    );
  }

  outcomes() {
    const told = element("p");
    const shown = element("div");
    const chart = element("div");
    const show = () => {
      const exact = this.chances(this.p);
      told.replaceChildren("With p = ", touch, ": first with chance ", element("b", { textContent: percent(exact[0]) }),
        `, among the first ten with ${percent(exact.slice(0, -1).reduce((sum, one) => sum + one, 0))}. `,
        this.thrown ? `Of ${many(this.thrown)} throws it came first in ${percent(this.tally[0] / this.thrown)}.` : "");
      shown.replaceChildren(this.histogram(exact));
      chart.replaceChildren(this.curve());
    };
    const { touch, slider } = this.pControl(() => {
      this.tally.fill(0);
      this.thrown = 0;
      show();
    });
    const buttons = [1, 100, 1000].map((times) => {
      const made = element("button", { type: "button", textContent: times === 1 ? "Throw" : `Throw ${many(times)} times` });
      made.onclick = () => {
        for (let turn = 0; turn < times; turn += 1) {
          this.throwAll();
          this.tally[Math.min(this.rank, this.tally.length) - 1] += 1;
        }
        this.thrown += times;
        show();
      };
      return made;
    });
    show();
    this.root.replaceChildren(told, slider, element("div", { className: "chips" }, ...buttons), element("div", { className: "beside" }, shown, chart));
  }

  /** Chances of ranks as outlines, what was thrown as bars within them. */
  histogram(exact) {
    const high = Math.max(...exact, ...this.tally.map((count) => count / Math.max(this.thrown, 1)), 0.1);
    const y = (share) => 130 - (115 * share) / high;
    const step = [0.05, 0.1, 0.2, 0.25, 0.5].find((one) => high / one <= 4.5) ?? 0.5;
    const ticks = Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, i) => i * step);
    const chart = drawn("svg", { viewBox: "0 0 320 165", role: "img" }, upward("chance", 8, 72),
      ...ticks.flatMap((tick) => [drawn("line", { x1: 44, x2: 318, y1: y(tick), y2: y(tick), class: "axis" }), drawn("text", { x: 40, y: y(tick) + 4, "text-anchor": "end" }, `${Math.round(100 * tick)}%`)]));
    chart.setAttribute("aria-label", "Exact chance of each rank, with what was thrown");
    exact.forEach((share, i) => {
      const x = 47 + i * 24.7;
      if (this.thrown) chart.append(drawn("rect", { x: x + 3, width: 13, y: y(this.tally[i] / this.thrown), height: 130 - y(this.tally[i] / this.thrown), fill: "var(--second)", opacity: 0.7 }));
      chart.append(drawn("rect", { x, width: 19, y: y(share), height: 130 - y(share), fill: this.thrown ? "none" : "var(--first)", stroke: "var(--first)", "stroke-width": 2 }),
        drawn("text", { x: x + 9.5, y: 145, "text-anchor": "middle" }, i < exact.length - 1 ? String(i + 1) : ">10"));
    });
    chart.append(drawn("text", { x: 181, y: 160, "text-anchor": "middle" }, this.thrown ? "outlined: exact · filled: thrown" : "rank of the caption's picture"));
    return chart;
  }

  /** The chance of the first place against p, with a coin a term and one coin for all. */
  curve() {
    const x = (p) => 36 + 270 * p;
    const y = (share) => 130 - 115 * share;
    const steps = Array.from({ length: 41 }, (_, i) => i / 40);
    const ends = [this.chances(0)[0], this.chances(1)[0]];
    const chart = drawn("svg", { viewBox: "0 0 320 165", role: "img" },
      ...[0, 0.5, 1].flatMap((tick) => [drawn("line", { x1: 36, x2: 306, y1: y(tick), y2: y(tick), class: "axis" }), drawn("text", { x: 32, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(1)),
        drawn("text", { x: x(tick), y: 145, "text-anchor": "middle" }, tick.toFixed(1))]),
      upward("chance of the first place", 8, 72), drawn("text", { x: 171, y: 160, "text-anchor": "middle" }, "p"),
      drawn("polyline", { points: steps.map((p) => `${x(p)},${y(this.chances(p)[0])}`).join(" "), fill: "none", stroke: "var(--first)", "stroke-width": 2 }),
      ...(this.data.whole ? [drawn("line", { x1: x(0), y1: y(ends[0]), x2: x(1), y2: y(ends[1]), stroke: "var(--second)", "stroke-width": 2, "stroke-dasharray": "5 4" }),
        drawn("text", { x: x(0.55), y: y(0.06) }, "– – one coin for all"), drawn("text", { x: x(0.55), y: y(0.19) }, "— a coin for each")] : []),
      drawn("circle", { cx: x(this.p), cy: y(this.chances(this.p)[0]), r: 6, fill: "var(--st-primary-color)" }));
    chart.setAttribute("aria-label", "The chance of the first place rises with p");
    return chart;
  }

  schedule() {
    const { rates } = this.data;
    const told = element("p");
    const chart = element("div");
    const show = (epoch) => {
      this.epoch = epoch;
      this.p = rates[epoch];
      told.replaceChildren("In epoch ", touch, ` of ${rates.length} the coin has p = `, element("b", { textContent: this.p.toFixed(2) }),
        ". With one such coin for all its terms, as in training, this caption finds its picture first with chance ", element("b", { textContent: percent((1 - this.p) * this.chances(0)[0] + this.p * this.chances(1)[0]) }),
        "; with one for each term, with ", element("b", { textContent: percent(this.chances(this.p)[0]) }), ".");
      slider.set(epoch);
      chart.replaceChildren(this.rise(), this.curve());
    };
    const turns = { value: this.epoch ?? Math.floor(rates.length / 2), min: 0, max: rates.length - 1, step: 1, label: "epoch", show: (epoch) => String(epoch + 1) };
    const touch = touchable({ ...turns, change: show });
    const slider = turning({ ...turns, change: (epoch) => (touch.set(epoch), show(epoch)) });
    show(turns.value);
    chart.className = "beside";
    this.root.replaceChildren(told, slider, chart);
  }

  rise() {
    const { rates } = this.data;
    const x = (epoch) => 36 + (270 * epoch) / (rates.length - 1);
    const y = (p) => 130 - 115 * p;
    const chart = drawn("svg", { viewBox: "0 0 320 165", role: "img" },
      ...[0, 0.5, 1].flatMap((tick) => [drawn("line", { x1: 36, x2: 306, y1: y(tick), y2: y(tick), class: "axis" }), drawn("text", { x: 32, y: y(tick) + 4, "text-anchor": "end" }, tick.toFixed(1))]),
      upward("p, the chance of the coin", 8, 72), drawn("text", { x: 171, y: 160, "text-anchor": "middle" }, `epochs 1 to ${rates.length}`),
      drawn("polyline", { points: rates.map((p, epoch) => `${x(epoch)},${y(p)}`).join(" "), fill: "none", stroke: "var(--first)", "stroke-width": 2 }),
      drawn("circle", { cx: x(this.epoch), cy: y(this.p), r: 6, fill: "var(--st-primary-color)" }));
    chart.setAttribute("aria-label", "p rises from 0 to 1 over the epochs");
    return chart;
  }
}

// Lesson 5: a knob that trades accuracy for cost, and a setting to be found within a budget.

const MARKS = ["●", "▲", "■", "◆"];
const COLOURS = ["var(--first)", "var(--second)", "var(--third)", "var(--fourth)"];
const DASHES = ["", "2 3", "7 3", "9 3 2 3"];

export default function ({ data, parentElement, setTriggerValue }) {
  const view = viewOf(parentElement, View);
  view.send = setTriggerValue;
  view.receive(data);
}

class View {
  constructor(root) {
    this.root = root;
    this.places = {};
  }

  receive(data) {
    this.data = data;
    this.knob = Math.max(data.knobs.findIndex((one) => one.name === data.chosen?.[0]), 0);
    if (data.chosen) this.places[data.chosen[0]] = data.knobs[this.knob].points.findIndex((one) => one.value === data.chosen[1]);
    this.draw();
  }

  get points() {
    return this.data.knobs[this.knob].points;
  }

  /** Where the knob stands: at first where it leaves out least, which costs most. */
  get place() {
    const costs = this.points.map(({ cost }) => cost);
    return this.places[this.data.knobs[this.knob].name] ?? costs.indexOf(Math.max(...costs));
  }

  draw() {
    const { knobs, budget, revealed } = this.data;
    const knob = knobs[this.knob];
    const told = element("p");
    const shows = (place) => `${this.points[place].value}`;
    const show = (place) => {
      this.places[knob.name] = place;
      const { value, cost, accuracy } = this.points[place];
      told.replaceChildren(...this.prose(knob, touch, cost, accuracy));
      slider.set(place);
      if (take) take.disabled = cost > budget;
      this.mark(cost, accuracy);
    };
    const turns = { value: this.place, min: 0, max: this.points.length - 1, step: 1, label: knob.label, show: shows };
    const touch = touchable({ ...turns, change: show });
    const slider = turning({ ...turns, change: (place) => (touch.set(place), show(place)) });
    const chips = knobs.map((one, place) => {
      const made = element("button", { type: "button" }, element("span", { textContent: MARKS[place], style: `color: ${COLOURS[place]}` }), ` ${one.label}`);
      made.setAttribute("aria-pressed", place === this.knob);
      made.onclick = () => {
        this.knob = place;
        this.draw();
      };
      return made;
    });
    const take = budget && !revealed ? element("button", { type: "button", textContent: "Predict: this is the best I find" }) : null;
    if (take) take.onclick = () => this.send("take", `${knob.name}:${this.points[this.place].value}`);
    this.root.replaceChildren(
      ...(knobs.length > 1 ? [element("div", { className: "chips" }, ...chips)] : []), told, slider, this.chart(), ...(take ? [element("p"), take] : []),
    );
    show(this.place);
  }

  prose(knob, touch, cost, accuracy) {
    const { budget, full } = this.data;
    const said = [knob.before, touch, knob.after, " A query then reads ", element("b", { textContent: many(cost) }), ` postings, ${Math.round((100 * cost) / full.cost)}% of what it reads without pruning.`];
    if (budget) said.push(element("b", { textContent: cost <= budget ? " Within the budget." : " Over the budget." }));
    if (accuracy !== undefined) said.push(" R@1 is ", element("b", { textContent: accuracy.toFixed(3) }), `, ${Math.round((100 * accuracy) / full.accuracy)}% of what it is without pruning.`);
    return said;
  }

  /** Accuracy against cost; before it is revealed only the costs, along the axis. */
  chart() {
    const { knobs, budget, baselines, best, own, full, revealed } = this.data;
    const costs = knobs.flatMap((one) => one.points.map(({ cost }) => cost));
    const low = Math.log(Math.min(...costs) * 0.9), high = Math.log(Math.max(...costs, full.cost) * 1.1);
    this.x = (cost) => 40 + (250 * (Math.log(cost) - low)) / (high - low);
    const [bottom, top] = this.data.range;
    this.y = (accuracy) => 170 - (150 * (accuracy - bottom)) / (top - bottom);
    const chart = drawn("svg", { viewBox: revealed ? "0 0 320 205" : "0 140 320 65", role: "img" });
    chart.setAttribute("aria-label", "Accuracy against postings read by a query");
    for (const tick of revealed ? (top - bottom < 1 ? [0, 1 / 3, 2 / 3, 1] : [0, 0.25, 0.5, 0.75, 1]).map((share) => bottom + share * (top - bottom)) : [bottom]) {
      chart.append(drawn("line", { x1: 40, x2: 300, y1: this.y(tick), y2: this.y(tick), class: "axis" }),
        drawn("text", { x: 36, y: this.y(tick) + 4, "text-anchor": "end" }, revealed ? tick.toFixed(2) : ""));
    }
    for (const tick of [100, 300, 1000, 3000, 10000].filter((one) => Math.log(one) > low && Math.log(one) < high))
      chart.append(drawn("text", { x: this.x(tick), y: 186, "text-anchor": "middle" }, many(tick)));
    chart.append(drawn("text", { x: 170, y: 202, "text-anchor": "middle" }, "postings a query reads"), ...(revealed ? [upward("R@1", 8, 95)] : []));
    if (budget) {
      chart.append(drawn("line", { x1: this.x(budget), x2: this.x(budget), y1: revealed ? 10 : 146, y2: 170, stroke: "currentColor", "stroke-width": 1.5 }),
        drawn("text", { x: this.x(budget) + 4, y: 164 }, "budget"));
    }
    // The higher of two lines is named above it, a lower one that is near, below.
    const highest = Math.max(...Object.values(baselines));
    Object.entries(baselines).forEach(([name, value], i) => {
      chart.append(drawn("line", { x1: 40, x2: 300, y1: this.y(value), y2: this.y(value), stroke: "currentColor", "stroke-dasharray": i ? "1 3" : "7 3 1 3", opacity: 0.8 }),
        drawn("text", { x: 44, y: this.y(value) + (value < highest && this.y(value) - this.y(highest) < 16 ? 13 : -4) }, name));
    });
    knobs.forEach((one, place) => {
      const known = one.points.filter(({ accuracy }) => accuracy >= bottom);
      if (!known.length) return;
      const spots = known.map(({ cost, accuracy }) => `${this.x(cost)},${this.y(accuracy)}`);
      const chosen = place === this.knob;
      chart.append(drawn("polyline", { points: spots.join(" "), fill: "none", stroke: COLOURS[place], "stroke-dasharray": DASHES[place], "stroke-width": chosen ? 2.5 : 1.2 }));
      for (const { cost, accuracy } of known)
        chart.append(drawn("text", { x: this.x(cost), y: this.y(accuracy) + 4, "text-anchor": "middle", style: `fill: ${COLOURS[place]}; font-size: ${chosen ? 11 : 8}px` }, MARKS[place]));
    });
    const named = (told, at, across, down) => {
      const x = this.x(at.cost), y = this.y(Math.max(at.accuracy, bottom));
      chart.append(drawn("circle", { cx: x, cy: y, r: told === "best" ? 9 : 6, fill: "none", stroke: "currentColor", "stroke-width": 2 }),
        drawn("text", { x: x + across, y: y + down, "text-anchor": across < 0 ? "end" : "start" }, told));
    };
    if (best) named("best", best, 10, 14);
    // What is cheaper than the best stands left of it, what is not, on its right and higher.
    if (own) own.cost < best.cost ? named("yours", own, -9, 14) : own.cost > best.cost ? named("yours", own, 8, -6) : named("yours", own, -11, 14);
    this.dot = drawn("circle", { r: 6, fill: "var(--st-primary-color)" });
    chart.append(this.dot);
    return chart;
  }

  mark(cost, accuracy) {
    this.dot.setAttribute("cx", this.x(cost));
    this.dot.setAttribute("cy", this.y(Math.max(accuracy ?? 0, this.data.range[0])));
  }
}

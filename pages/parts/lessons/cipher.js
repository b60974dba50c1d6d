// Lesson 3: terms of two models beside each other, their accuracy under a coin, and a dictionary.

export default function ({ data, parentElement, setTriggerValue }) {
  const view = viewOf(parentElement, View);
  view.send = setTriggerValue;
  view.receive(data);
}

const NAMES = "ABCDEFGH";

class View {
  constructor(root) {
    this.root = root;
    this.p = 0.5;
    this.word = 0;
  }

  receive(data) {
    this.data = data;
    this[data.part]();
  }

  riddle() {
    const { pictures, target, revealed } = this.data;
    const tiles = pictures.map((one, place) => {
      const made = tile(one, revealed && place === this.place(target), () => {
        if (!revealed) return this.send("guess", NAMES[place].toLowerCase());
        this.shown = place;
        this.riddle();
      }, NAMES[place]);
      if (!revealed) made.setAttribute("aria-label", `Predict picture ${NAMES[place]}: ${one.alt}`);
      if (revealed) made.setAttribute("aria-pressed", place === this.place(target));
      return made;
    });
    const one = pictures[this.place(target)];
    const list = (title, terms) => element("div", {}, element("p", {}, element("b", { textContent: title })),
      element("ol", {}, ...terms.map(([term, weight]) => bar(term, weight / terms[0][1], weight.toFixed(2)))));
    this.root.replaceChildren(
      element("div", { className: "tiles wide" }, ...tiles),
      ...(revealed ? [element("p", { className: "note", textContent: "Click another picture to read it in both models." })] : []),
      element("div", { className: "beside" }, list(revealed ? `Picture ${NAMES[this.place(target)]}, without control` : "One of the pictures, without control", one.free),
        ...(revealed ? [list(`Picture ${NAMES[this.place(target)]}, with control`, one.controlled)] : [])),
    );
  }

  place(target) {
    return this.data.revealed ? (this.shown ?? target) : target;
  }

  own() {
    const { models } = this.data;
    const told = element("p");
    const list = element("ol", { className: "broad" });
    const show = (p) => {
      this.p = p;
      told.replaceChildren("A caption may use its added terms with chance p = ", touch, ", else it searches with its own words.");
      slider.set(p);
      list.replaceChildren(...models.map(({ name, rates, recall }) => {
        const after = Math.max(1, rates.findIndex((rate) => rate >= p));
        const along = (p - rates[after - 1]) / (rates[after] - rates[after - 1]);
        const value = recall[after - 1] + along * (recall[after] - recall[after - 1]);
        return bar(name, value, value.toFixed(3));
      }));
    };
    const turns = { value: this.p, min: 0, max: 1, step: 0.05, label: "p", show: (p) => p.toFixed(2) };
    const touch = touchable({ ...turns, change: show });
    const slider = turning({ ...turns, change: (p) => (touch.set(p), show(p)) });
    show(this.p);
    this.root.replaceChildren(told, slider, element("small", { textContent: "R@1" }), list);
  }

  dictionary() {
    const { words } = this.data;
    const one = words[this.word];
    const chips = words.map(({ term }, place) => {
      const made = element("button", { type: "button", textContent: term });
      made.setAttribute("aria-pressed", place === this.word);
      made.onclick = () => {
        this.word = place;
        this.dictionary();
      };
      return made;
    });
    const row = (title, pictures) => element("div", {}, element("p", {}, ...title),
      element("div", { className: "tiles wide" }, ...pictures.map(({ picture, alt }) => element("img", { src: media(picture), alt, title: alt }))));
    this.root.replaceChildren(
      element("div", { className: "chips" }, ...chips),
      element("p", {}, "What the controlled model calls ", element("b", { textContent: one.term }), ", the other one calls ", element("b", { textContent: one.other }),
        `: the two fire on the same pictures with cosine ${one.cosine.toFixed(2)}, and ${one.sureness.toFixed(2)} on pictures that were not used for pairing (1: always together, 0: never).`,
        one.runner ? ` Next best: ${one.runner}.` : ""),
      element("div", { className: "beside" },
        row(["Strongest for ", element("b", { textContent: one.term }), ", with control"], one.here),
        row(["Strongest for ", element("b", { textContent: one.other }), ", without control"], one.there)),
    );
  }
}

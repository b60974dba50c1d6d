// Lesson 2: an inverted index built by clicking, searched word by word, and what a search touches.

export default function ({ data, parentElement, setTriggerValue }) {
  const view = viewOf(parentElement, View);
  view.send = setTriggerValue;
  view.receive(data);
}

const SHOWN = 20; // terms of a query that have a line

class View {
  constructor(root) {
    this.root = root;
  }

  receive(data) {
    this.data = data;
    this[data.part]();
  }

  /** The lists of the chosen pictures: (term, [(place, weight)]), the longest first. */
  get lists() {
    const lists = new Map();
    for (const place of this.data.chosen)
      for (const [term, weight] of this.data.pictures[place].terms)
        lists.set(term, [...(lists.get(term) ?? []), [place, weight]]);
    return [...lists].sort(([a, one], [b, other]) => other.length - one.length || (a < b ? -1 : 1));
  }

  name(place) {
    return String.fromCharCode(65 + this.data.chosen.indexOf(place));
  }

  build() {
    const { pictures, chosen, most } = this.data;
    const tiles = pictures.map((one, place) => {
      const made = tile(one, chosen.includes(place), () => {
        const next = chosen.includes(place) ? chosen.filter((other) => other !== place) : [...chosen, place];
        this.data.chosen = next;
        this.build();
        this.send("chosen", next.join("."));
      }, chosen.includes(place) ? this.name(place) : "");
      made.disabled = !chosen.includes(place) && chosen.length >= most;
      return made;
    });
    const postings = chosen.reduce((sum, place) => sum + pictures[place].terms.length, 0);
    this.root.replaceChildren(
      element("div", { className: "tiles" }, ...tiles),
      element("p", { textContent: chosen.length ? `${chosen.length} of ${most} pictures chosen: ${postings} postings in ${this.lists.length} lists.` : `Choose up to ${most} pictures. Each brings its ${this.data.pictures[0].terms.length} strongest terms; its other terms stay out of this small index.` }),
      this.table([]),
    );
    this.listen();
  }

  search() {
    const { chosen, pictures, words, dense } = this.data;
    const lists = this.lists;
    const asked = words.filter((word) => lists.some(([term]) => term === word));
    const chips = lists.map(([term]) => {
      const made = element("button", { type: "button", textContent: term });
      made.setAttribute("aria-pressed", asked.includes(term));
      made.dataset.term = term;
      made.onclick = () => {
        this.data.words = asked.includes(term) ? asked.filter((one) => one !== term) : [...asked, term];
        this.search();
        this.send("words", this.data.words.join(" "));
      };
      return made;
    });
    const scores = new Map(chosen.map((place) => [place, 0]));
    let touched = 0;
    for (const [term, list] of lists.filter(([term]) => asked.includes(term)))
      for (const [place, weight] of list) {
        scores.set(place, scores.get(place) + weight);
        touched += 1;
      }
    const order = [...scores].sort((one, other) => other[1] - one[1]);
    const limit = Math.max(...scores.values(), 1e-9);
    const ranked = element("ol", {}, ...order.map(([place, score]) => {
      const item = bar(pictures[place].alt, score / limit, score ? score.toFixed(2) : "no hit");
      item.firstChild.replaceChildren(`${this.name(place)} `, element("img", { src: media(pictures[place].picture), alt: pictures[place].alt }));
      item.classList.toggle("off", !score);
      return item;
    }));
    this.root.replaceChildren(
      element("p", { textContent: "Click the words of a query. Only their lists are read; each picture in a list gets the weight that stands beside it added to its score." }),
      element("div", { className: "chips" }, ...chips),
      element("p", {}, "The search read ", element("b", { textContent: `${touched} postings` }),
        `. Without an index, its dense vector would be compared with that of every picture, number by number: ${chosen.length} × ${dense} = `, element("b", { textContent: many(chosen.length * dense) }), " numbers, a dense scan."),
      element("div", { className: "beside" }, this.table(asked), ranked),
    );
    this.listen();
  }

  table(asked) {
    const rows = this.lists.map(([term, list]) => {
      const row = element("div", { className: asked.length && !asked.includes(term) ? "off" : "" },
        element("b", { textContent: term }),
        ...list.map(([place, weight]) => element("span", {}, element("b", { textContent: this.name(place) }), ` ${weight.toFixed(2)}`)));
      row.dataset.term = term;
      return row;
    });
    return element("div", { className: "lists" }, ...rows);
  }

  listen() {
    this.root.onmouseover = (event) => meet(this.root, event.target.closest("[data-term]")?.dataset.term);
  }

  whole() {
    const { terms, firsts, images, dense } = this.data;
    const longest = Math.max(...terms.map((one) => one.postings));
    this.k = Math.min(this.k ?? terms.length, terms.length);
    const list = element("ol");
    const told = element("p");
    const show = (k) => {
      this.k = k;
      const touched = terms.slice(0, k).reduce((sum, one) => sum + one.postings, 0);
      told.replaceChildren("Keep the ", touch, ` strongest of the query's ${terms.length} terms, and `, element("b", { textContent: many(touched) }),
        ` postings are read: one for every ${Math.max(1, Math.round((images * dense) / touched))} numbers of a dense scan. `,
        firsts[k - 1] === firsts[firsts.length - 1] ? "The first picture is the same as with all terms." : "Another picture comes first than with all terms.");
      list.replaceChildren(...terms.slice(0, SHOWN).map((one, place) => {
        const item = bar(one.term, one.postings / longest, many(one.postings));
        item.firstChild.append(element("small", { textContent: ` ${one.weight.toFixed(2)}` }));
        item.classList.toggle("off", place >= k);
        item.querySelector("i").className = one.literal ? "" : "second";
        return item;
      }));
      const rest = terms.slice(SHOWN);
      if (rest.length) list.append(element("li", { className: k > SHOWN ? "" : "off" }, element("span", { textContent: `+ ${rest.length} weaker` }), element("span"), element("span", { textContent: many(rest.reduce((sum, one) => sum + one.postings, 0)) })));
      slider.set(k);
    };
    const touch = touchable({ value: this.k, min: 1, max: terms.length, step: 1, label: "Terms kept", change: show });
    const slider = turning({ value: this.k, min: 1, max: terms.length, step: 1, label: "Terms kept", show: String, change: (k) => (touch.set(k), show(k)) });
    show(this.k);
    this.root.replaceChildren(told, slider,
      element("p", { className: "note", textContent: "Beside a term its weight in the query; the bar is how long its list is. Solid: the query says the term. Hatched: the head added it." }), list);
  }
}

// The board of the Search page: a query's terms, and the images they find.
//
// It ranks by itself while a slider moves, in the same steps and the same precision as the engine:
// weights are rounded to float32 where numpy rounds them, products are added up in float64 in the
// order of the terms' numbers, and ties go to the lower row. What the server sends when the slider
// is let go takes its place.

const SHOWN_TERMS = 12;
const NARROW = 600; // pixels
const boards = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let board = boards.get(parentElement);
  if (!board) boards.set(parentElement, (board = new Board(parentElement)));
  board.send = setTriggerValue;
  board.receive(data);
}

/** Little-endian numbers of a kind from base64. */
function numbers(text, Kind) {
  return new Kind(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const copy = (edit) => JSON.parse(JSON.stringify(edit));
const NO_EDIT = { p: 1, boost: {}, mute: [], include: [], exclude: [] };

/** The query's weights as an edit leaves them: Float64Array of float32 values, 0 where muted. */
export function shaped(terms, edit, expansion, most) {
  const weights = new Float64Array(terms.length);
  const p = Math.fround(expansion ? edit.p : 0);
  terms.forEach(({ term, weight, origin }, i) => {
    let w = Math.fround(weight);
    if (origin === "expansion") w = Math.fround(w * p);
    if (edit.mute.includes(term)) w = 0;
    if (term in edit.boost) w = Math.fround(w * Math.fround(edit.boost[term]));
    weights[i] = w;
  });
  if (most) {
    const order = [...weights.keys()].filter((i) => weights[i] > 0);
    order.sort((a, b) => weights[b] - weights[a] || a - b);
    for (const i of order.slice(most)) weights[i] = 0;
  }
  return weights;
}

/** Rows and scores of all hits, score descending, ties by row; and what a row left out can reach. */
export function rank(postings, count, terms, weights, edit) {
  const scores = new Float64Array(count);
  let beyond = 0;
  terms.forEach((_, i) => {
    const w = weights[i];
    if (!w) return;
    const { places, there, cut } = postings[i];
    for (let j = 0; j < places.length; j++) scores[places[j]] += w * there[j];
    beyond += w * cut;
  });
  const required = terms.map(({ term }, i) => (edit.include.includes(term) ? i : -1));
  for (const i of required.filter((one) => one >= 0)) {
    const active = new Uint8Array(count);
    for (const place of postings[i].places) active[place] = 1;
    for (let row = 0; row < count; row++) if (!active[row]) scores[row] = 0;
  }
  terms.forEach(({ term }, i) => {
    if (edit.exclude.includes(term)) for (const place of postings[i].places) scores[place] = 0;
  });
  const rows = [];
  for (let row = 0; row < count; row++) if (scores[row] > 0) rows.push(row);
  rows.sort((a, b) => scores[b] - scores[a] || a - b);
  return { rows, scores, beyond };
}

class Board {
  constructor(parent) {
    this.parent = parent;
    const find = (name) => parent.querySelector(name);
    this.terms = find(".terms");
    this.grid = find(".hits");
    this.rate = find(".rate");
    this.proof = find(".proof");
    this.edited = find(".edited");
    this.tiles = new Map();
    this.all = false;
    this.pending = null;
    this.frame = 0;
    this.selected = null;
    const slider = this.rate.querySelector("input");
    slider.oninput = () => this.turn(() => (this.edit.p = +slider.value));
    slider.onchange = () => this.release();
    find(".more").onclick = () => ((this.all = !this.all), this.drawTerms());
    find(".reset").onclick = () => this.change(() => (this.edit = { ...copy(NO_EDIT), reset: true }));
    find(".add").onsubmit = (event) => {
      event.preventDefault();
      const box = find(".add input");
      if (box.value.trim()) this.send("add", box.value.trim());
      box.value = "";
    };
    // Once a board: what is called with new data is not told when it is called again.
    this.heard = (event) => this.key(event);
    document.addEventListener("keydown", this.heard);
  }

  /** Take in what the server says; while a slider is held, only what it does not touch. */
  receive(data) {
    const first = !this.data;
    this.data = data;
    // A click on a tile changes none of what is ranked.
    const ranked = JSON.stringify([data.postings, data.ids, data.terms, data.expansion, data.most]);
    if (ranked !== this.ranked) {
      this.ranked = ranked;
      this.postings = data.postings.map(({ places, weights, cut }) => ({
        places: numbers(places, Uint32Array),
        there: numbers(weights, Float32Array),
        cut,
      }));
      this.before = this.ranksBefore();
    }
    const settled = !this.pending || same(this.pending, data.edit);
    if (!this.held && settled) {
      this.pending = null;
      this.edit = copy(data.edit);
    }
    const find = (name) => this.parent.querySelector(name);
    const opened = data.selected && data.selected !== this.chosen;
    if (opened) this.selected = data.selected; // a hit that is closed stays marked: keys go on there
    this.chosen = data.selected;
    // Where terms and tiles do not fit side by side, the tiles stand first.
    const narrow = find(".board").clientWidth < NARROW;
    const alone = find(".board").classList.contains("alone");
    find(".board").classList.toggle("alone", data.strip);
    if (((first || opened) && narrow) || (data.strip && !alone)) find("details").open = false;
    this.drawTerms();
    if (this.held) return;
    if (settled) this.show(data.hits, "server");
    else this.rankHere();
  }

  ranksBefore() {
    const { terms, ids, expansion, most } = this.data;
    const own = terms.map((one) => (one.added ? { ...one, weight: 0 } : one));
    const weights = shaped(own, NO_EDIT, expansion, most);
    const { rows } = rank(this.postings, ids.length, terms, weights, NO_EDIT);
    return new Map(rows.map((row, place) => [ids[row], place + 1]));
  }

  get isEdited() {
    const { p, boost, mute, include, exclude } = this.edit;
    const added = this.data.terms.some((one) => one.added);
    return p !== 1 || Object.keys(boost).length + mute.length + include.length + exclude.length > 0 || added;
  }

  /** Change the edit and rank anew in the next frame. */
  turn(change) {
    this.held = true;
    change();
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.rankHere();
      this.drawWeights();
    });
  }

  release() {
    this.held = false;
    if (this.frame) cancelAnimationFrame(this.frame), (this.frame = 0);
    this.rankHere();
    this.drawWeights();
    if (same(this.edit, this.data.edit)) return this.show(this.data.hits, "server");
    this.pending = copy(this.edit);
    if (this.pending.reset) delete this.pending.reset;
    this.send("edit", this.edit);
    if (this.edit.reset) delete this.edit.reset;
  }

  change(change) {
    change();
    this.release();
    this.drawTerms();
  }

  rankHere() {
    const { terms, ids, skip, k, expansion, most } = this.data;
    const weights = shaped(terms, this.edit, expansion, most);
    const { rows, scores, beyond } = rank(this.postings, ids.length, terms, weights, this.edit);
    const shown = rows.slice(skip, skip + k);
    const last = shown.length === k ? scores[shown[k - 1]] : 0;
    const proven = beyond === 0 || last > beyond;
    const hits = shown.map((row, place) => ({
      id: ids[row],
      rank: skip + place + 1,
      score: scores[row],
      parts: this.parts(row, weights),
    }));
    this.show(hits, "browser", proven);
  }

  /** What each term adds to the score of a row, the largest first. */
  parts(row, weights) {
    const found = [];
    this.data.terms.forEach(({ term, origin }, i) => {
      if (!weights[i]) return;
      const { places, there } = this.postings[i];
      let low = 0, high = places.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (places[middle] < row) low = middle + 1;
        else high = middle;
      }
      if (places[low] === row) found.push([term, weights[i] * there[low], origin]);
    });
    return found.sort((a, b) => b[1] - a[1]);
  }

  show(hits, order, proven = true) {
    this.grid.dataset.order = order;
    this.grid.dataset.edit = JSON.stringify(this.edit);
    this.grid.style.setProperty("--tile", `${this.data.tile}px`);
    this.hits = hits;
    const tiles = hits.map((hit) => this.tile(hit));
    const there = this.grid.children;
    if (tiles.length !== there.length || tiles.some((tile, i) => tile !== there[i]))
      this.grid.replaceChildren(...tiles);
    for (const id of this.tiles.keys())
      if (this.tiles.size > 400 && !hits.some((hit) => hit.id === id)) this.tiles.delete(id);
    this.proof.textContent =
      order === "server" ? "" : proven ? "Ranked here while you turn." : "Ranked here among the likely images; let go for all.";
    this.mark();
  }

  tile({ id, rank, score, parts }) {
    let made = this.tiles.get(id);
    if (!made) {
      const picture = element("img", { loading: "lazy", decoding: "async", draggable: false });
      picture.onerror = () => made.classList.add("bare");
      picture.onload = () => made.classList.remove("bare");
      made = element("a", { className: "tile" }, picture,
        element("b"), element("span", { className: "moved" }), element("i", { className: "gold" }),
        element("span", { className: "share" }, element("i"), element("i")), element("small"));
      made.onclick = (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.open(id);
      };
      this.tiles.set(id, made);
    }
    const { pictures, captions, gold, here } = this.data;
    const best = this.hits?.[0]?.score || score;
    const was = this.isEdited ? this.before.get(id) : rank;
    const told = JSON.stringify([rank, score, parts, best, was, pictures[id], captions[id], gold[id], here]);
    if (told === made.told) return made;
    made.told = told;
    const [picture, label, moved, star, share, note] = made.children;
    const address = pictures[id]?.replace(/^\/media\//, "media/");
    if (address && picture.getAttribute("src") !== address) picture.src = address;
    made.classList.toggle("bare", !picture.getAttribute("src"));
    picture.alt = captions[id] ?? `Image ${id}`;
    made.dataset.id = id;
    made.href = `?${new URLSearchParams({ ...here, hit: id })}`;
    made.title = captions[id] ?? id;
    label.textContent = `${rank} · ${score.toFixed(2)}`;
    const step = was === undefined ? null : was - rank;
    moved.textContent = step === 0 ? "" : step === null ? "new" : step > 0 ? `▲${step}` : `▼${-step}`;
    moved.className = `moved ${step === null || step > 0 ? "up" : "down"}`;
    star.textContent = gold[id] ?? "";
    star.hidden = !gold[id];
    const said = parts.reduce((sum, [, product, origin]) => sum + (origin === "literal" ? product : 0), 0);
    const total = parts.reduce((sum, [, product]) => sum + product, 0);
    share.children[0].style.width = `${(100 * said) / best}%`;
    share.children[1].style.width = `${(100 * (total - said)) / best}%`;
    share.title = `${said.toFixed(2)} literal + ${(total - said).toFixed(2)} by expansion`;
    note.textContent = parts.slice(0, 3).map(([term, product]) => `${term} ${product.toFixed(1)}`).join(" · ");
    return made;
  }

  open(id) {
    this.selected = id;
    this.mark();
    this.send("hit", id);
  }

  mark() {
    for (const tile of this.grid.children) {
      const chosen = tile.dataset.id === this.selected;
      tile.classList.toggle("chosen", chosen);
      if (chosen) tile.setAttribute("aria-current", "true");
      else tile.removeAttribute("aria-current");
    }
  }

  drawTerms() {
    const { terms, expansion, most, picture } = this.data;
    const order = [...terms.keys()].sort((a, b) => terms[b].weight - terms[a].weight || a - b);
    const touched = ({ term, added }) =>
      added || term in this.edit.boost || this.edit.mute.includes(term) ||
      this.edit.include.includes(term) || this.edit.exclude.includes(term);
    const visible = order.filter((i, place) => this.all || place < SHOWN_TERMS || touched(terms[i]));
    const literal = terms.filter((one) => one.origin === "literal" && one.weight > 0).length;
    const active = terms.filter((one) => one.weight > 0).length;
    this.parent.querySelector("summary").textContent = picture
      ? `${active} terms`
      : `${active} terms: ${literal} literal, ${active - literal} by expansion`;
    const more = this.parent.querySelector(".more");
    more.hidden = terms.length <= SHOWN_TERMS;
    more.textContent = this.all ? "Fewer terms" : `All ${terms.length} terms`;
    this.rate.hidden = picture || !expansion || active === literal;
    const list = this.parent.querySelector("datalist");
    if (list.childElementCount !== this.data.known.length)
      list.replaceChildren(...this.data.known.map((value) => element("option", { value })));
    const drawn = visible.map((i) => terms[i].term).join(" ") + String(expansion);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.lines = visible.map((i) => this.line(i));
      this.terms.replaceChildren(...this.lines.map((line) => line.item));
    }
    this.drawWeights();
  }

  line(i) {
    const { term, origin, added } = this.data.terms[i];
    const slider = element("input", { type: "range", min: 0, max: 3, step: 0.05 });
    slider.setAttribute("aria-label", `Weight of ${term}, times`);
    slider.oninput = () => this.turn(() => this.boost(term, +slider.value));
    slider.onchange = () => this.release();
    const name = element("a", { textContent: term, href: this.addressOf(term) });
    const button = (label, sign, list) => {
      const made = element("button", { type: "button", textContent: sign, title: label });
      made.setAttribute("aria-label", `${label}: ${term}`);
      made.onclick = () => this.change(() => this.toggle(term, list));
      return made;
    };
    const mute = added
      ? element("button", { type: "button", textContent: "✕", title: "Take out", onclick: () => this.send("drop", term) })
      : button("Mute", "✕", "mute");
    mute.setAttribute("aria-label", `${added ? "Take out" : "Mute"}: ${term}`);
    const must = button("Every image must activate it", "+", "include");
    const mustNot = button("No image may activate it", "–", "exclude");
    const bar = element("i", { className: origin });
    const weight = element("b");
    const item = element("li", {}, name, element("span", { className: "bar" }, bar, slider), weight,
      element("span", { className: "buttons" }, mute, must, mustNot));
    return { i, term, item, slider, bar, weight, mute, must, mustNot };
  }

  boost(term, factor) {
    if (factor === 1) delete this.edit.boost[term];
    else this.edit.boost[term] = factor;
  }

  toggle(term, list) {
    const there = this.edit[list].includes(term);
    for (const one of list === "mute" ? ["mute"] : ["include", "exclude"])
      this.edit[one] = this.edit[one].filter((other) => other !== term);
    if (!there) this.edit[list] = [...this.edit[list], term].sort();
  }

  drawWeights() {
    const { terms, expansion, most } = this.data;
    const weights = shaped(terms, this.edit, expansion, most);
    const limit = Math.max(...terms.map((one) => one.weight), ...weights, 1e-9);
    for (const { i, term, item, slider, bar, weight, mute, must, mustNot } of this.lines) {
      const factor = this.edit.boost[term] ?? 1;
      if (+slider.value !== factor) slider.value = factor;
      slider.setAttribute("aria-valuetext", `${factor}`);
      bar.style.width = `${(100 * weights[i]) / limit}%`;
      weight.textContent = weights[i].toFixed(2);
      item.classList.toggle("off", !weights[i]);
      item.classList.toggle("turned", factor !== 1);
      mute.setAttribute("aria-pressed", this.edit.mute.includes(term));
      must.setAttribute("aria-pressed", this.edit.include.includes(term));
      mustNot.setAttribute("aria-pressed", this.edit.exclude.includes(term));
    }
    const rate = this.rate.querySelector("input");
    if (+rate.value !== this.edit.p) rate.value = this.edit.p;
    rate.setAttribute("aria-valuetext", `${this.edit.p}`);
    this.rate.querySelector("output").textContent = this.edit.p.toFixed(2);
    this.edited.hidden = !this.isEdited;
    this.edited.firstElementChild.textContent = "Edited: arrows show how ranks moved.";
  }

  addressOf(term) {
    return `term?${new URLSearchParams({ ...this.data.carried, term })}`;
  }

  /** Keys for the whole page; whoever types keeps them. */
  key(event) {
    if (!this.parent.isConnected) document.removeEventListener("keydown", this.heard);
    if (!this.parent.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = this.parent.querySelector("dialog");
    const at = event.composedPath()[0];
    const typing = at instanceof Element && at.matches("input, textarea, select, [contenteditable=true], [role=combobox]");
    if (typing || keys.open) return;
    const step = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "/") document.querySelector("[data-testid=stMain] input[type=text]")?.focus();
    else if (event.key === "?") keys.showModal();
    else if (event.key === "Escape" && this.data.selected) this.send("hit", "");
    else if (event.key === "Enter" && this.selected && (at === document.body || this.grid.contains(at))) this.open(this.selected);
    else if (step && this.hits.length) {
      const place = this.hits.findIndex((hit) => hit.id === this.selected) + step;
      const next = this.hits[Math.min(Math.max(place, 0), this.hits.length - 1)];
      this.selected = next.id;
      this.mark();
      this.tiles.get(next.id).focus({ preventScroll: true });
      this.tiles.get(next.id).scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  }
}

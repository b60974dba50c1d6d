// Lesson 6: a missed answer beside what stands before it, and a query whose terms can be muted.

const SHOWN = 12;

export default function ({ data, parentElement }) {
  viewOf(parentElement, View).receive(data);
}

class View {
  constructor(root) {
    this.root = root;
  }

  receive(data) {
    if (this.data?.query !== data.query) this.muted = new Set();
    this.data = data;
    this.draw();
  }

  /** Scores of all pictures with the terms that are not muted. */
  get scores() {
    const scores = new Float64Array(this.data.images);
    this.data.terms.forEach(({ postings }, i) => {
      if (!this.muted.has(i)) for (const [row, product] of postings) scores[row] += product;
    });
    return scores;
  }

  draw() {
    const { terms, answer, rival, images } = this.data;
    const scores = this.scores;
    const own = scores[answer.row];
    const ahead = scores.reduce((sum, score, row) => sum + (row !== answer.row && score >= own - 1e-6), 0);
    const gap = scores[rival.row] - own;
    const edited = this.muted.size;
    const picture = (title, one) => element("div", {}, element("p", {}, element("b", { textContent: title }), ` · score ${scores[one.row].toFixed(2)}`),
      element("img", { src: media(one.picture), alt: one.captions[0] ?? "" }),
      element("small", {}, ...one.captions.map((caption) => element("span", { textContent: caption, style: "display: block" }))));
    const limit = Math.max(...terms.flatMap((one) => [one.answer, one.rival]), 1e-9);
    const rows = terms.slice(0, SHOWN).map((one, i) => this.row(one, i, limit));
    const back = element("button", { type: "button", textContent: "Unmute all", disabled: !edited });
    back.onclick = () => {
      this.muted.clear();
      this.draw();
    };
    this.root.replaceChildren(
      element("div", { className: "beside pictures" }, picture("The answer", answer), picture("The rival", rival)),
      element("p", {}, own > 0 ? "The answer is at " : "The answer is no hit: ", element("b", { textContent: own > 0 ? `rank ${ahead + 1}` : "no shared term" }),
        ` of ${many(images)}; `, gap > 0 ? "the rival is ahead by " : "it is ahead of this rival by ", element("b", { textContent: Math.abs(gap).toFixed(2) }), ".",
        edited ? ` ${edited} of ${terms.length} terms muted.` : " Click a term to mute it."),
      element("div", { className: "terms" }, element("span", { textContent: "what it gives the answer" }), element("span"), element("span", { textContent: "what it gives the rival" }), ...rows.flat()),
      element("div", { className: "chips" }, back, element("small", { textContent: "Underlined: the query says it. The terms on which the two differ most." })),
    );
    this.root.onmouseover = (event) => meet(this.root, event.target.closest("[data-term]")?.dataset.term);
  }

  row({ term, literal, answer, rival }, i, limit) {
    const muted = this.muted.has(i);
    const side = (value, className) => {
      const made = element("i", { className, hidden: !value });
      made.style.width = `${(72 * value) / limit}%`;
      const cell = element("span", { className: muted ? "off" : "" }, element("b", { textContent: value ? value.toFixed(2) : "–" }));
      className === "left" ? cell.append(made) : cell.prepend(made);
      cell.dataset.term = term;
      return cell;
    };
    const name = element("button", { type: "button", textContent: term, title: muted ? "Unmute" : "Mute" });
    if (literal) name.style.textDecoration = "underline";
    name.setAttribute("aria-pressed", muted);
    name.setAttribute("aria-label", `${muted ? "Unmute" : "Mute"} ${term}: ${answer.toFixed(2)} to the answer, ${rival.toFixed(2)} to the rival`);
    if (muted) name.style.textDecoration = "line-through";
    name.dataset.term = term;
    name.onclick = () => {
      muted ? this.muted.delete(i) : this.muted.add(i);
      this.draw();
    };
    return [side(answer, "left"), name, side(rival, "right")];
  }
}

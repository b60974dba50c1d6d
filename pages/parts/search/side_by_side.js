// Two rankings of one query: a row for each hit, and a line between the two places of an image.
//
// A line that rises to the right is drawn through, one that falls is dashed, so that colour is not
// alone in telling them apart.

const ROW = 64; // pixels, as --row says
const SVG = "http://www.w3.org/2000/svg";

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const way = (from, to) => (to === from ? "" : to < from ? "up" : "down");

export default function ({ data, parentElement, setTriggerValue }) {
  const pair = parentElement.querySelector(".pair");
  const [left, right] = data.sides;
  const lists = data.sides.map((side) => list(side, data, setTriggerValue));
  pair.replaceChildren(lists[0], lines(left, right), lists[1]);
  // The headings may take several lines: the picture of lines begins where the lists do.
  const head = Math.max(...lists.map((one) => one.firstElementChild.offsetHeight));
  for (const one of lists) one.firstElementChild.style.minHeight = `${head}px`;
  pair.querySelector("svg").style.top = `${lists[0].querySelector("ol").offsetTop - pair.querySelector(".lines").offsetTop}px`;
  const meet = (id) => {
    for (const one of pair.querySelectorAll("[data-id]")) one.classList.toggle("met", one.dataset.id === id);
  };
  const met = (event) => meet(event.target.closest?.(".hit")?.dataset.id);
  if (!pair.onmouseover) pair.addEventListener("focusin", (event) => pair.onmouseover(event));
  pair.onmouseover = met;
  pair.onmouseleave = () => meet(undefined);
}

function list(side, data, send) {
  const rows = side.rows.map((row) => element("li", {}, hit(row, data, send)));
  const made = element("section", {}, element("h3", { textContent: side.name }), element("ol", {}, ...rows));
  made.setAttribute("aria-label", side.name);
  if (!rows.length) made.append(element("p", { textContent: "No image is found." }));
  return made;
}

function hit({ id, rank, score, there, note }, { pictures, captions, gold, here, opens, selected }, send) {
  const picture = element("img", { loading: "lazy", decoding: "async", draggable: false, alt: "" });
  const address = pictures[id]?.replace(/^\/media\//, "media/");
  if (address) picture.src = address;
  const caption = captions[id] ?? `Image ${id}`;
  const other = there ? `→ ${there}` : "→ not found";
  const arrow = !there || there === rank ? "" : there < rank ? ` ▲${rank - there}` : ` ▼${there - rank}`;
  const text = element("span", {},
    element("b", { textContent: rank }), element("span", { className: "score", textContent: ` · ${score.toFixed(2)}` }),
    element("span", { className: `moved ${there ? way(rank, there) : "down"}`, textContent: other + arrow }),
    element("small", { textContent: note || caption }));
  if (gold[id]) text.prepend(element("i", { className: "gold", textContent: "★ ", title: gold[id] }));
  const made = element("a", { className: "hit", href: `?${new URLSearchParams({ ...here, [opens]: id })}`, title: caption }, picture, text);
  picture.onerror = () => made.classList.add("bare");
  made.classList.toggle("bare", !address);
  made.classList.toggle("chosen", id === selected);
  if (id === selected) made.setAttribute("aria-current", "true");
  made.dataset.id = id;
  made.setAttribute("aria-label", `Rank ${rank}, ${there ? `rank ${there} in the other list` : "not found by the other"}: ${caption}`);
  made.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    send("hit", id);
  };
  return made;
}

function lines(left, right) {
  const height = ROW * Math.max(left.rows.length, right.rows.length, 1);
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("viewBox", `0 0 100 ${height}`);
  drawn.setAttribute("preserveAspectRatio", "none");
  drawn.setAttribute("aria-hidden", "true");
  drawn.style.height = `${height}px`;
  const places = new Map(right.rows.map((row, place) => [row.id, place]));
  left.rows.forEach(({ id, rank, there }, place) => {
    if (!places.has(id)) return;
    const line = document.createElementNS(SVG, "line");
    const ends = { x1: 2, x2: 98, y1: ROW * (place + 0.5), y2: ROW * (places.get(id) + 0.5) };
    for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
    line.setAttribute("class", way(rank, there));
    line.dataset.id = id;
    drawn.append(line);
  });
  return element("div", { className: "lines" }, drawn);
}

// Many links to places within the app, drawn at once: chips, lines, tiles with a picture, or bars.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".links");
  list.onclick = data.changes ? (event) => open(event, setTriggerValue) : null;
  const told = JSON.stringify(data);
  if (list.told === told) return;
  list.told = told;
  list.className = `links ${data.kind}`;
  list.style.setProperty("--least", `${data.width}px`);
  list.replaceChildren(...data.links.map(drawn));
}

/** A plain click asks the server for what the link names; any other is the browser's. */
function open(event, send) {
  const link = event.target.closest("a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  send("opened", link.title);
}

function drawn({ href, lead, label, note, picture, alt, share }) {
  const made = element("a", { href });
  if (share !== undefined) {
    const bar = element("i");
    bar.style.width = `${100 * share}%`;
    made.title = label;
    made.append(element("span", { textContent: label }), element("span", {}, bar),
      element("b", { textContent: lead }), element("small", { textContent: note }));
    return made;
  }
  if (picture !== undefined) {
    const image = element("img", { decoding: "async", loading: "lazy", draggable: false, alt });
    image.onerror = () => made.classList.add("bare");
    image.src = picture.replace(/^\/media\//, "media/");
    made.append(image);
    made.title = alt;
  }
  if (lead) made.append(element("b", { textContent: lead }), label ? " · " : "");
  made.append(label);
  if (note) made.append(" ", element("small", { textContent: note }));
  return made;
}

// Many links to places within the app, drawn at once: chips of words, or tiles with a picture.

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector(".links");
  list.className = `links ${data.kind}`;
  list.style.setProperty("--least", `${data.width}px`);
  list.replaceChildren(...data.links.map(drawn));
}

function drawn({ href, lead, label, note, picture, alt }) {
  const made = element("a", { href });
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
  made.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (made.href === location.href) return;
    // As the browser's own back and forward do, so the page is not loaded anew.
    history.pushState({}, "", made.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  };
  return made;
}

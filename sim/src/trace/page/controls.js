// What people do with the page.

let frame = 0;
let telling = 0;

// Something has to be drawn anew, and a little later told.
function changed() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); report(); });
  clearTimeout(telling);
  telling = setTimeout(tell, 120);
}

function report() {
  const { messages: list, inView, every } = drawn;
  part("range").textContent = `${seconds(Math.max(0, clock.time(view.from)))} to ${seconds(Math.min(end, clock.time(view.to)))}`;
  const what = wanted.list.length === messages.count ? "messages"
    : `of ${thousands(wanted.list.length)} chosen messages (${thousands(messages.count)} in all)`;
  part("shown").textContent = every > 1
    ? `${thousands(inView)} ${what} here, too many to see: 1 in ${every} drawn, ${thousands(list.length)}`
    : `${thousands(inView)} ${what} here, all drawn`;
  part("shown").className = every > 1 ? "sampled" : "";
}

// Changes what is wanted.
function set(changes) {
  Object.assign(filter, changes);
  part("subject").value = filter.subject ?? "";
  part("party").value = filter.party ?? "";
  if (part("text").value !== filter.text) part("text").value = filter.text;
  part("layers").querySelectorAll("input").forEach((box, i) => { box.checked = filter.layers[i]; });
  choose();
  count();
  changed();
}

function refresh() {
  readColours();
  measure();
  count();
  legend();
  draw();
  report();
}

// The mark or message at a point of the canvas.
function at(px, py) {
  let [best, nearest] = [null, 9];
  for (const { mark, x, y } of drawn.marks) {
    const far = Math.hypot(px - x, py - y);
    if (far <= nearest) [best, nearest] = [{ mark }, far];
  }
  if (best) return best;
  nearest = 7;
  for (const { i, x0, y0, x1, y1 } of drawn.messages) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / (dx * dx + dy * dy || 1)));
    const far = Math.hypot(px - x0 - along * dx, py - y0 - along * dy);
    if (far < nearest) [best, nearest] = [{ message: i }, far];
  }
  return best;
}

// The next or previous of the wanted messages.
function step(by) {
  const list = wanted.list;
  if (!list.length) return;
  let k = choice?.message === undefined
    ? firstFrom(clock.time(view.from)) - (by < 0 ? 0 : 1)
    : firstFrom(messages.arrived[choice.message]);
  if (choice?.message !== undefined) while (k < list.length && list[k] < choice.message) k++;
  const message = list[Math.max(0, Math.min(list.length - 1, k + by))];
  const middle = clock.place(messages.arrived[message]);
  if (middle < view.from || middle > view.to) centre(messages.arrived[message]);
  chose({ message });
}

const keys = {
  ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": () => zoom(0.6), "=": () => zoom(0.6),
  "-": () => zoom(1 / 0.6), 0: fit, Home: fit, ArrowDown: () => step(1), ArrowUp: () => step(-1),
  Enter: zoomToChoice, Escape: () => chose(null),
};
canvas.addEventListener("keydown", event => {
  const act = !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
canvas.addEventListener("wheel", event => {
  event.preventDefault();
  const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
  if (sideways) move((event.deltaX || event.deltaY) / 1000);
  else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), placeAt(event.offsetX));
}, { passive: false });

let drag = null;
canvas.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  drag = { x: event.offsetX, from: view.from, to: view.to, far: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", event => {
  if (drag) {
    drag.far ||= Math.abs(event.offsetX - drag.x) > 4;
    if (!drag.far) return;
    canvas.classList.add("dragging");
    const by = (drag.x - event.offsetX) / (layout.width - layout.left - layout.right) * (drag.to - drag.from);
    show(drag.from + by, drag.to + by);
    return;
  }
  const found = at(event.offsetX, event.offsetY);
  canvas.title = found?.mark?.text ?? (found ? pathOf(found.message) : "");
  if (found?.message !== hover?.message || found?.mark !== hover?.mark) {
    hover = found;
    if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
  }
});
canvas.addEventListener("pointerup", event => {
  if (drag && !drag.far) chose(at(event.offsetX, event.offsetY));
  drag = null;
  canvas.classList.remove("dragging");
});
canvas.addEventListener("pointercancel", () => { drag = null; });
canvas.addEventListener("pointerleave", () => { hover = null; changed(); });

overview.addEventListener("pointerdown", event => {
  overview.setPointerCapture(event.pointerId);
  centre(clock.time(overviewPlace(event.offsetX)));
});
overview.addEventListener("pointermove", event => {
  if (event.buttons & 1) centre(clock.time(overviewPlace(event.offsetX)));
});

for (const [id, act] of Object.entries({
  left: () => move(-0.4), right: () => move(0.4), closer: () => zoom(0.6), wider: () => zoom(1 / 0.6), fit,
  reset: () => set({ layers: run.layers.map(() => true), party: null, subject: null, text: "" }),
})) part(id).addEventListener("click", act);
part("controls").addEventListener("submit", event => event.preventDefault());
part("text").addEventListener("input", () => set({ text: part("text").value }));
part("party").addEventListener("change", event =>
  set({ party: event.target.value === "" ? null : Number(event.target.value) }));
part("subject").addEventListener("change", event => set({ subject: event.target.value || null }));
part("fold").addEventListener("change", event => {
  clock.fold = event.target.checked;
  count();
  fit();
});

function legend() {
  const used = new Set(run.marks.map(mark => mark.kind));
  const items = Object.entries(signs).filter(([kind]) => used.has(kind)).map(([kind, [, means]]) => {
    const small = element("canvas", undefined, { width: 32, height: 32 });
    const p = small.getContext("2d");
    p.scale(2, 2);
    sign(p, { kind, outcome: "accepted" }, 8, 8);
    const item = element("span");
    item.append(small, means);
    return item;
  });
  const phases = ["waits for a position", "takes votes", "sealed", "computed and signed", "certified somewhere"];
  const bands = !questions.length ? [] : phases.map((means, i) => {
    const item = element("span");
    item.append(element("span", "", { className: `swatch phase-${i}` }), means);
    return item;
  });
  part("legend").replaceChildren(...bands, ...items);
}

function start() {
  document.title = `Run ${run.token}`;
  part("token").textContent = run.token;
  part("verdict").textContent = run.violation
    ? `${run.violation.checker} at ${seconds(run.violation.time)}: ${run.violation.what}`
    : "All properties hold";
  part("verdict").classList.toggle("bad", run.violation !== null);
  part("summary").textContent = `${parties} organisations, ${seconds(end)} of virtual time, `
    + `${thousands(messages.count)} messages, ${bytes(run.bytes)}, ${thousands(run.steps)} steps, `
    + `trace ${run.trace}`;
  part("plan").textContent = run.plan;
  const counts = run.layers.map(() => 0);
  for (let i = 0; i < messages.count; i++) counts[messages.layer[i]]++;
  part("layers").append(...run.layers.map((name, layer) => {
    const label = element("label", undefined, { className: "layer", hidden: counts[layer] === 0 });
    const box = element("input", undefined, { type: "checkbox", checked: true });
    box.addEventListener("change", () =>
      set({ layers: filter.layers.map((on, i) => i === layer ? box.checked : on) }));
    label.append(box, element("span", "", { className: `dot layer-${layer}` }), name,
      element("small", thousands(counts[layer])));
    return label;
  }));
  const option = (value, text) => element("option", text, { value });
  part("party").append(option("", "any"), ...run.parties.map((_, i) => option(i, partyName(i))));
  const kinds = Map.groupBy(run.subjects, kindOf);
  const asked = subject => {
    const question = questions.find(question => `d${question.position}` === subject);
    return question ? `${subject}: ${question.title}` : subject;
  };
  part("subject").append(option("", "anything"), ...[...kinds].flatMap(([kind, list]) => {
    if (list.length === 1) return [option(list[0], asked(list[0]))];
    const group = element("optgroup", undefined, { label: kind === "d" ? "decisions" : `${kind}s` });
    const order = [...list].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    group.append(option(`${kind}*`, kind === "d" ? "all decisions" : `all ${kind}s`),
      ...order.map(subject => option(subject, asked(subject))));
    return [group];
  }));
  say("Nothing chosen", "Click a message, a mark or a line of the story.", [], []);
  choose();
  refresh();
  fit();
  new ResizeObserver(() => { if (canvas.clientWidth !== layout.width) refresh(); }).observe(part("stage"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  addEventListener("beforeprint", refresh);
  addEventListener("afterprint", refresh);
}

start();

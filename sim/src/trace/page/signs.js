// Colours, and the signs of what happens at a party.

const colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "card", "ink", "soft", "faint", "lane", "band", "focus", "bad", "good",
    "warn", "choice", "shade"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
  colours.layers = run.layers.map((_, i) => style.getPropertyValue(`--layer-${i}`).trim());
  colours.phases = [0, 1, 2, 3, 4].map(i => style.getPropertyValue(`--phase-${i}`).trim());
}

// Paths around the origin, about ten across.
const circle = (p, r) => { p.beginPath(); p.arc(0, 0, r, 0, 2 * Math.PI); };
const outline = (p, ...points) => {
  p.beginPath();
  points.forEach(([x, y], i) => i ? p.lineTo(x, y) : p.moveTo(x, y));
};
const filled = (p, colour) => { p.fillStyle = colour; p.fill(); p.strokeStyle = colours.card; p.stroke(); };
const letter = (p, text, colour) => {
  circle(p, 6.5);
  filled(p, colour);
  p.fillStyle = colours.card;
  p.font = "bold 10px system-ui, sans-serif";
  [p.textAlign, p.textBaseline] = ["center", "middle"];
  p.fillText(text, 0, 0.5);
};
const flag = (p, colour) => {
  outline(p, [-3, 7], [-3, -8]);
  p.strokeStyle = colour;
  p.stroke();
  outline(p, [-3, -8], [7, -4.5], [-3, -1]);
  filled(p, colour);
};
const outcomes = { accepted: "good", rejected: "bad", expired: "soft" };

// By kind of mark: its sign, and what it means. Later ones are drawn over earlier ones.
const signs = {
  timer: [p => { outline(p, [0, -4], [0, 4]); p.strokeStyle = colours.soft; p.stroke(); }, "timer"],
  up: [p => { outline(p, [-4, 5], [5, 0], [-4, -5]); filled(p, colours.soft); }, "comes up"],
  erased: [p => { circle(p, 4); p.strokeStyle = colours.soft; p.stroke(); }, "keys erased"],
  asked: [p => letter(p, "?", colours.focus), "question asked"],
  vote: [p => { circle(p, 4); filled(p, colours.ink); }, "vote entered"],
  sealed: [p => { outline(p, [0, -6], [6, 0], [0, 6], [-6, 0]); p.closePath(); filled(p, colours.layers[3]); },
    "votes sealed"],
  refused: [p => { circle(p, 5); filled(p, colours.warn); outline(p, [-3, 0], [3, 0]); p.stroke(); }, "refused"],
  lapsed: [p => letter(p, "~", colours.warn), "question lapsed"],
  epoch: [p => letter(p, "E", colours.layers[4]), "epoch begins"],
  keys: [p => letter(p, "K", colours.layers[4]), "keys made"],
  confirmed: [p => letter(p, "C", colours.layers[0]), "keys confirmed"],
  certified: [(p, mark) => flag(p, colours[outcomes[mark?.outcome] ?? "good"]), "certificate"],
  blame: [p => letter(p, "!", colours.warn), "blame"],
  undecided: [p => letter(p, "…", colours.bad), "still open at the end"],
  pause: [p => { outline(p, [-3, -5], [-3, 5]); p.strokeStyle = colours.warn; p.lineWidth = 3; p.stroke();
    outline(p, [3, -5], [3, 5]); p.stroke(); }, "pauses"],
  resumed: [p => { outline(p, [-4, 5.5], [6, 0], [-4, -5.5]); filled(p, colours.warn); }, "goes on"],
  down: [p => { outline(p, [-6, 0], [6, 0]); p.strokeStyle = colours.bad; p.lineWidth = 3; p.stroke(); },
    "does not start"],
  restart: [p => { outline(p, [-4, 5.5], [6, 0], [-4, -5.5]); filled(p, colours.good); }, "starts again"],
  killed: [p => {
    p.lineWidth = 3;
    p.strokeStyle = colours.bad;
    outline(p, [-5, -5], [5, 5]); p.stroke();
    outline(p, [5, -5], [-5, 5]); p.stroke();
  }, "killed"],
};
const rank = Object.fromEntries(Object.keys(signs).map((kind, i) => [kind, i]));

function sign(p, mark, x, y) {
  p.save();
  p.translate(x, y);
  p.lineWidth = 1.5;
  signs[mark.kind][0](p, mark);
  p.restore();
}

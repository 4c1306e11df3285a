// Parties as lanes, messages as arrows, questions as bands.

// No more arrows at a time; of more, every so manyeth is drawn.
const MOST = 5000;
// Heads are drawn on so few.
const HEADS = 1200;

const canvas = document.getElementById("lanes");
const overview = document.getElementById("overview");
const layout = { width: 0, left: 0, right: 10, axis: 20, row: 0, rows: 20, lane: 0, top: 0, height: 0 };

// What was drawn last, to find what is pointed at.
let drawn = { messages: [], marks: [], inView: 0, every: 1 };
let choice = null;
let hover = null;

const x = time => layout.left
  + (clock.place(time) - view.from) / (view.to - view.from) * (layout.width - layout.left - layout.right);
const placeAt = x => view.from
  + (x - layout.left) / (layout.width - layout.left - layout.right) * (view.to - view.from);
const y = party => layout.top + (party + 0.5) * layout.lane;

// Sizes both canvases for the width there is.
function measure() {
  layout.width = canvas.clientWidth;
  const narrow = layout.width < 560;
  layout.left = narrow ? 46 : 96;
  layout.row = Math.min(18, Math.max(5, 220 / Math.max(questions.length, 1)));
  layout.rows = layout.axis + 4;
  layout.top = layout.rows + layout.row * questions.length + 8;
  layout.lane = Math.min(84, Math.max(34, 540 / parties));
  layout.height = layout.top + layout.lane * parties + 4;
  canvas.style.height = `${layout.height}px`;
  for (const each of [canvas, overview]) {
    const scale = window.devicePixelRatio || 1;
    each.width = Math.round(each.clientWidth * scale);
    each.height = Math.round(each.clientHeight * scale);
    each.getContext("2d").setTransform(scale, 0, 0, scale, 0, 0);
  }
}

function draw() {
  const p = canvas.getContext("2d");
  p.fillStyle = colours.card;
  p.fillRect(0, 0, layout.width, layout.height);
  p.save();
  p.beginPath();
  p.rect(layout.left - 8, 0, layout.width - layout.left + 8, layout.height);
  p.clip();
  drawTime(p);
  questions.forEach((question, i) => drawQuestion(p, question, layout.rows + i * layout.row));
  for (let party = 0; party < parties; party++) drawLane(p, party);
  drawNetwork(p);
  drawMessages(p);
  drawMarks(p);
  drawChoice(p);
  p.restore();
  drawLabels(p);
  drawOverview();
}

function text(p, what, x, y, { colour = colours.soft, font = "12px system-ui, sans-serif", align = "left" } = {}) {
  p.font = font;
  p.fillStyle = colour;
  [p.textAlign, p.textBaseline] = [align, "middle"];
  p.fillText(what, x, y);
}

function line(p, x0, y0, x1, y1, colour, width = 1) {
  p.strokeStyle = colour;
  p.lineWidth = width;
  p.beginPath();
  p.moveTo(x0, y0);
  p.lineTo(x1, y1);
  p.stroke();
}

// Whether a time can be written around here.
const fits = at => at >= layout.left + 20 && at <= layout.width - 28;

function drawTime(p) {
  const pauses = clock.fold ? clock.folded : [];
  const pixels = layout.width - layout.left - layout.right;
  const raw = (view.to - view.from) / pixels * 90;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].map(k => k * power).find(step => step >= raw));
  const digits = Math.min(6, Math.max(0, Math.ceil(6 - Math.log10(step))));
  const stretches = [...pauses.map(([a]) => a), end];
  let [free, from] = [-Infinity, 0];
  const [low, high] = [clock.time(view.from), clock.time(view.to)];
  stretches.forEach((to, i) => {
    // After a fold, where it goes on.
    if (i > 0 && from >= low && from <= high && x(from) - free >= 66 && fits(x(from))) {
      text(p, seconds(from, digits), x(from), 9, { align: "center" });
      free = x(from);
    }
    const first = Math.ceil(Math.max(from, low) / step) * step;
    for (let time = first; time <= Math.min(to, high); time += step) {
      const at = x(time);
      line(p, at, layout.axis, at, layout.height, colours.faint);
      if (at - free < 66 || !fits(at)) continue;
      text(p, seconds(time, digits), at, 9, { align: "center" });
      free = at;
    }
    from = pauses[i]?.[1] ?? end;
  });
  for (const [a, b] of pauses) {
    const [left, right] = [x(a), x(b)];
    if (right < layout.left || left > layout.width) continue;
    p.fillStyle = colours.band;
    p.fillRect(left, layout.axis, right - left, layout.height);
    const label = `${Math.round((b - a) / 1e5) / 10} s`;
    if (right - left < 12) continue;
    p.save();
    p.translate((left + right) / 2, layout.height - 8);
    p.rotate(-Math.PI / 2);
    text(p, `${label} quiet`, 0, 0, { font: "11px system-ui, sans-serif" });
    p.restore();
  }
}

function drawQuestion(p, question, top) {
  const { asked, ordered, sealed, computing, certified } = question.phases;
  const steps = [asked, ordered, sealed, computing, certified, question.last];
  for (let i = 0; i < 5; i++) {
    if (steps[i] === null) continue;
    const next = steps.slice(i + 1).find(time => time !== null) ?? end;
    const [left, right] = [x(steps[i]), x(next)];
    p.fillStyle = colours.phases[i];
    p.fillRect(left, top + 1, Math.max(right - left, 1), layout.row - 2);
  }
  if (certified !== null && layout.row >= 9) {
    p.save();
    p.translate(x(certified), top + layout.row / 2);
    p.scale(0.8, 0.8);
    p.lineWidth = 1.5;
    flag(p, colours[outcomes[question.outcome] ?? "soft"]);
    p.restore();
  }
}

function drawLane(p, party) {
  const at = y(party);
  line(p, layout.left - 8, at, layout.width, at, colours.lane);
  for (const [list, colour] of [[paused, colours.warn], [down, colours.bad]]) {
    for (const [a, b] of list[party]) {
      const [left, right] = [x(a), x(Math.min(b, end))];
      p.fillStyle = colours.band;
      p.fillRect(left, at - layout.lane * 0.3, right - left, layout.lane * 0.6);
      p.setLineDash([3, 4]);
      line(p, left, at, right, at, colour, 2);
      p.setLineDash([]);
    }
  }
}

function drawNetwork(p) {
  for (const mark of run.marks) {
    if (mark.party === undefined) {
      line(p, x(mark.time), layout.axis, x(mark.time), layout.height, colours.soft);
    }
  }
  if (run.violation) {
    const at = x(run.violation.time);
    line(p, at, layout.axis, at, layout.height, colours.bad, 2);
    text(p, run.violation.checker, at - 5, layout.top + 6, { colour: colours.bad, align: "right" });
  }
}

// A number that has nothing to do with when a message was sent, to draw every so manyeth.
const mixed = i => Math.imul(i + 1, 0x9e3779b1) >>> 0;

function drawMessages(p) {
  const inView = between(clock.time(view.from), clock.time(view.to));
  const every = Math.ceil(inView.length / MOST);
  const list = every > 1 ? inView.filter(i => mixed(i) % every === 0) : inView;
  p.globalAlpha = list.length > 2500 ? 0.3 : list.length > 600 ? 0.5 : 0.9;
  p.lineWidth = list.length > 600 ? 1 : 1.3;
  const byLayer = run.layers.map(() => new Path2D());
  const heads = list.length <= HEADS;
  const segments = [];
  for (const i of list) {
    const segment = { i, x0: x(messages.sent[i]), y0: y(messages.from[i]),
      x1: x(messages.arrived[i]), y1: y(messages.to[i]) };
    segments.push(segment);
    const path = byLayer[messages.layer[i]];
    path.moveTo(segment.x0, segment.y0);
    path.lineTo(segment.x1, segment.y1);
    if (heads) head(path, segment);
  }
  byLayer.forEach((path, layer) => {
    p.strokeStyle = colours.layers[layer];
    p.stroke(path);
  });
  p.globalAlpha = 1;
  drawn = { messages: segments, marks: [], inView: inView.length, every };
}

function head(path, { x0, y0, x1, y1 }, size = 6) {
  const angle = Math.atan2(y1 - y0, x1 - x0);
  for (const side of [-0.42, 0.42]) {
    path.moveTo(x1, y1);
    path.lineTo(x1 - size * Math.cos(angle + side), y1 - size * Math.sin(angle + side));
  }
}

function drawMarks(p) {
  const [low, high] = [clock.time(view.from), clock.time(view.to)];
  const last = {};
  const found = run.marks.filter(mark => mark.kind in signs && mark.party !== undefined
    && mark.time >= low && mark.time <= high && isMarkWanted(mark));
  found.sort((a, b) => rank[a.kind] - rank[b.kind] || a.time - b.time);
  for (const mark of found) {
    const at = x(mark.time);
    const key = `${mark.party} ${mark.kind}`;
    // Signs of a kind that would lie on each other are one.
    if (at - (last[key] ?? -Infinity) < 4) continue;
    last[key] = at;
    sign(p, mark, at, y(mark.party));
    drawn.marks.push({ mark, x: at, y: y(mark.party) });
  }
}

function drawChoice(p) {
  for (const [what, width] of [[hover, 2], [choice, 3]]) {
    if (what?.message !== undefined) {
      const i = what.message;
      const segment = { x0: x(messages.sent[i]), y0: y(messages.from[i]),
        x1: x(messages.arrived[i]), y1: y(messages.to[i]) };
      const path = new Path2D();
      path.moveTo(segment.x0, segment.y0);
      path.lineTo(segment.x1, segment.y1);
      head(path, segment, 9);
      for (const [colour, by] of [[colours.card, 4], [what === choice ? colours.choice : colours.layers[messages.layer[i]], 0]]) {
        p.strokeStyle = colour;
        p.lineWidth = width + by;
        p.stroke(path);
      }
      p.fillStyle = colours.choice;
      p.beginPath();
      p.arc(segment.x0, segment.y0, width + 0.5, 0, 2 * Math.PI);
      p.fill();
    } else if (what?.mark) {
      const at = x(what.mark.time);
      line(p, at, layout.axis, at, layout.height, colours.choice);
      if (what.mark.party === undefined) continue;
      p.strokeStyle = colours.choice;
      p.lineWidth = width - 0.5;
      p.beginPath();
      p.arc(at, y(what.mark.party), 11, 0, 2 * Math.PI);
      p.stroke();
    }
  }
}

function drawLabels(p) {
  const narrow = layout.left < 60;
  p.fillStyle = colours.card;
  p.fillRect(0, 0, layout.left - 8, layout.height);
  if (layout.row >= 10) {
    questions.forEach((question, i) => {
      const place = question.position === null ? "–" : `d${question.position}`;
      const label = narrow ? place : `${place}  question ${question.number}`;
      text(p, label, 2, layout.rows + (i + 0.5) * layout.row, { font: "11px system-ui, sans-serif" });
    });
  } else if (questions.length) {
    text(p, narrow ? "" : `${questions.length} questions`, 2, layout.rows + 8);
  }
  for (let party = 0; party < parties; party++) {
    const bad = run.parties[party].byzantine !== null;
    const label = narrow ? `${party}` : `party ${party}`;
    text(p, label, 2, y(party) - (bad ? 7 : 0), { colour: colours.ink, font: "600 13px system-ui, sans-serif" });
    if (bad) text(p, narrow ? "Byz." : "Byzantine", 2, y(party) + 8, { colour: colours.bad, font: "11px system-ui, sans-serif" });
  }
}

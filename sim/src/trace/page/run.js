"use strict";

// The run, as the simulator wrote it into this page. Times are virtual microseconds.
const run = JSON.parse(document.getElementById("run").textContent);
const parties = run.parties.length;

// Messages in the order they arrived, in columns.
const messages = (() => {
  const columns = run.messages;
  const count = columns.took.length;
  const arrived = new Float64Array(count);
  const sent = new Float64Array(count);
  let now = 0;
  for (let i = 0; i < count; i++) {
    now += columns.after[i];
    arrived[i] = now;
    sent[i] = now - columns.took[i];
  }
  const layer = Uint8Array.from(columns.path, path => run.paths[path][0]);
  const [from, to] = [Uint16Array.from(columns.from), Uint16Array.from(columns.to)];
  const path = Uint32Array.from(columns.path);
  return { count, arrived, sent, from, to, path, layer, size: columns.size, epoch: columns.epoch };
})();

const pathOf = i => run.paths[messages.path[i]][2];
const subjectOf = i => run.subjects[run.paths[messages.path[i]][1]];

// What became of each question: when it first reached each phase anywhere.
const questions = run.questions.map(question => {
  const phases = { asked: null, ordered: null, sealed: null, computing: null, certified: null };
  const found = { ...question, position: null, outcome: null, last: null, phases };
  for (const mark of run.marks) {
    if (mark.question !== question.number) continue;
    if (mark.kind in phases && phases[mark.kind] === null) phases[mark.kind] = mark.time;
    if (mark.position !== undefined && found.position === null) found.position = mark.position;
    if (mark.kind === "certified") {
      found.outcome = mark.outcome;
      found.last = mark.time;
    }
  }
  return found;
}).sort((a, b) => (a.phases.asked ?? 0) - (b.phases.asked ?? 0));

// When each party was down, or paused.
const stretches = (begins, ends) => {
  const found = Array.from({ length: parties }, () => []);
  for (const { kind, party, time } of run.marks) {
    if (begins.includes(kind)) found[party].push([time, Infinity]);
    const open = kind === ends && found[party].at(-1);
    if (open) open[1] = time;
  }
  return found;
};
const down = stretches(["killed", "down"], "restart");
const paused = stretches(["pause"], "resumed");

const end = Math.max(run.time, messages.count ? messages.arrived[messages.count - 1] : 0, 1,
  run.marks.at(-1)?.time ?? 0);

const seconds = (time, digits = 3) => `${(time / 1e6).toFixed(digits)} s`;
const duration = time => time < 1e3 ? `${time} µs`
  : time < 1e6 ? `${(time / 1e3).toFixed(time < 1e4 ? 2 : 1)} ms` : seconds(time);
const thousands = number => number.toLocaleString("en");
const bytes = number => number < 1e4 ? `${thousands(number)} bytes`
  : number < 1e6 ? `${(number / 1e3).toFixed(1)} kB` : `${(number / 1e6).toFixed(1)} MB`;

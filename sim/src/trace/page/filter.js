// Which messages and marks are wanted.

const filter = { layers: run.layers.map(() => true), party: null, subject: null, text: "" };

// Messages that are wanted, in the order they arrived, and for each how early one from there on was
// sent.
let wanted = { list: new Uint32Array(0), earliest: new Float64Array(0) };

// A subject is wanted as itself, or as all of its kind: `d3`, `d*`.
const isAbout = subject => filter.subject === null || filter.subject === subject
  || (filter.subject.endsWith("*") && kindOf(subject) === filter.subject.slice(0, -1));
const kindOf = subject => subject.replace(/[ \d].*$/, "");

function choose() {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean);
  const paths = run.paths.map(([layer, subject, text]) => filter.layers[layer]
    && isAbout(run.subjects[subject])
    && words.every(word => text.toLowerCase().includes(word)));
  const list = [];
  for (let i = 0; i < messages.count; i++) {
    const ends = filter.party === null
      || messages.from[i] === filter.party || messages.to[i] === filter.party;
    if (ends && paths[messages.path[i]]) list.push(i);
  }
  const earliest = new Float64Array(list.length);
  let least = Infinity;
  for (let k = list.length - 1; k >= 0; k--) {
    least = Math.min(least, messages.sent[list[k]]);
    earliest[k] = least;
  }
  wanted = { list: Uint32Array.from(list), earliest };
}

// The first of the wanted messages that arrived at this time or later.
function firstFrom(time) {
  let [low, high] = [0, wanted.list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (messages.arrived[wanted.list[middle]] < time) low = middle + 1; else high = middle;
  }
  return low;
}

// Wanted messages that were on their way between two times.
function between(from, to) {
  const found = [];
  for (let k = firstFrom(from); k < wanted.list.length && wanted.earliest[k] <= to; k++) {
    if (messages.sent[wanted.list[k]] <= to) found.push(wanted.list[k]);
  }
  return found;
}

// Marks of the wanted party and decision.
function isMarkWanted(mark) {
  if (filter.party !== null && mark.party !== undefined && mark.party !== filter.party) return false;
  if (filter.subject === null || mark.question === undefined) return true;
  const question = questions.find(question => question.number === mark.question);
  return question?.position != null && isAbout(`d${question.position}`);
}

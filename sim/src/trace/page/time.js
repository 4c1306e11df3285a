// Virtual time on the page. Where nothing happens for long, time is folded: an axis of two minutes
// of which most is waiting for a deadline would show nothing.

// Longer pauses are folded.
const QUIET = 250e3;

const clock = (() => {
  const points = new Float64Array(2 * messages.count + run.marks.length + 2);
  points.set(messages.sent);
  points.set(messages.arrived, messages.count);
  run.marks.forEach((mark, i) => { points[2 * messages.count + i] = mark.time; });
  points[points.length - 1] = end;
  points.sort();
  const pauses = [];
  for (let i = 1; i < points.length; i++) {
    if (points[i] - points[i - 1] > QUIET) pauses.push([points[i - 1], points[i]]);
  }
  const busy = end - pauses.reduce((sum, [a, b]) => sum + b - a, 0);
  // What is left of a pause.
  const rest = Math.max(busy / (8 * (pauses.length + 8)), 2e3);
  const folded = pauses.filter(([a, b]) => b - a > 2 * rest);
  // Knots of a piecewise linear map from time to place.
  const build = list => {
    const knots = [[0, 0]];
    let gone = 0;
    for (const [a, b] of list) {
      knots.push([a, a - gone]);
      gone += b - a - rest;
      knots.push([b, b - gone]);
    }
    knots.push([end, end - gone]);
    return knots;
  };
  const maps = { true: build(folded), false: build([]) };
  const state = { fold: true, folded };
  const along = (x, from, to) => {
    const knots = maps[state.fold];
    let [low, high] = [0, knots.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (knots[middle][from] <= x) low = middle; else high = middle;
    }
    const [a, b] = [knots[low], knots[high]];
    const length = b[from] - a[from];
    return length > 0 ? a[to] + (x - a[from]) / length * (b[to] - a[to]) : a[to];
  };
  state.place = time => along(time, 0, 1);
  state.time = place => along(place, 1, 0);
  state.length = () => maps[state.fold].at(-1)[1];
  return state;
})();

// The places that are shown.
const view = { from: 0, to: clock.length() };

// No closer than this many microseconds.
const CLOSEST = 200;

function show(from, to) {
  const margin = clock.length() * 0.02;
  const most = clock.length() + 2 * margin;
  const width = Math.min(Math.max(to - from, CLOSEST), most);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - width / 2, -margin), clock.length() + margin - width);
  view.to = view.from + width;
  changed();
}

const fit = () => show(-clock.length(), 2 * clock.length());
const zoom = (factor, around = (view.from + view.to) / 2) =>
  show(around - (around - view.from) * factor, around + (view.to - around) * factor);
const move = part => {
  const by = (view.to - view.from) * part;
  show(view.from + by, view.to + by);
};
const centre = time => {
  const half = (view.to - view.from) / 2;
  show(clock.place(time) - half, clock.place(time) + half);
};

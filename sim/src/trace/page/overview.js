// How many messages there are over the whole run, and which part of it is shown.

const histogram = document.createElement("canvas");

const overviewX = place => place / clock.length() * overview.clientWidth;
const overviewPlace = x => x / overview.clientWidth * clock.length();

function count() {
  const width = Math.max(1, overview.clientWidth);
  const height = overview.clientHeight;
  const bins = run.layers.map(() => new Float64Array(width));
  const all = new Float64Array(width);
  for (const i of wanted.list) {
    const bin = Math.min(width - 1, Math.floor(overviewX(clock.place(messages.arrived[i]))));
    bins[messages.layer[i]][bin]++;
    all[bin]++;
  }
  // Roots, so that a few messages beside very many can be seen.
  const most = Math.sqrt(all.reduce((a, b) => Math.max(a, b), 1));
  [histogram.width, histogram.height] = [overview.width, overview.height];
  const p = histogram.getContext("2d");
  p.setTransform(overview.width / width, 0, 0, overview.width / width, 0, 0);
  p.fillStyle = colours.paper;
  p.fillRect(0, 0, width, height);
  for (let bin = 0; bin < width; bin++) {
    if (all[bin] === 0) continue;
    let bottom = height;
    const whole = Math.sqrt(all[bin]) / most * (height - 4);
    bins.forEach((counts, layer) => {
      const part = whole * counts[bin] / all[bin];
      p.fillStyle = colours.layers[layer];
      p.fillRect(bin, bottom - part, 1, part);
      bottom -= part;
    });
  }
}

function drawOverview() {
  const p = overview.getContext("2d");
  const [width, height] = [overview.clientWidth, overview.clientHeight];
  if (histogram.width) p.drawImage(histogram, 0, 0, width, height);
  const [left, right] = [overviewX(view.from), overviewX(view.to)];
  p.fillStyle = colours.shade;
  p.fillRect(left, 0, right - left, height);
  p.strokeStyle = colours.focus;
  p.lineWidth = 1.5;
  p.strokeRect(Math.max(left, 0.75), 0.75, Math.min(right, width - 0.75) - Math.max(left, 0.75), height - 1.5);
}

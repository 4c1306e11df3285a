// What was chosen, and what happens in the part that is shown.

// No more lines at a time.
const LINES = 200;

const element = (name, text, attributes = {}) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made[key] = value;
  return made;
};
const part = id => document.getElementById(id);
const partyName = party => {
  const does = run.parties[party].byzantine;
  return does === null ? `party ${party}` : `party ${party} (Byzantine: ${does})`;
};
const action = (label, act) => {
  const button = element("button", label, { type: "button" });
  button.addEventListener("click", act);
  return button;
};

function say(title, path, facts, actions) {
  part("chosen-title").textContent = title;
  part("path").textContent = path;
  part("path").classList.toggle("hint", actions.length === 0);
  part("facts").replaceChildren(...facts.flatMap(([key, value]) =>
    [element("dt", key), element("dd", value)]));
  part("actions").replaceChildren(...actions);
}

function chose(what) {
  choice = what;
  if (what?.message !== undefined) sayMessage(what.message);
  else if (what?.mark) sayMark(what.mark);
  else say("Nothing chosen", "Click a message, a mark or a line of the story.", [], []);
  changed();
}

function sayMessage(i) {
  const took = messages.arrived[i] - messages.sent[i];
  say("Message", pathOf(i), [
    ["protocol", run.layers[messages.layer[i]]],
    ["from", partyName(messages.from[i])],
    ["to", partyName(messages.to[i])],
    ["sent", seconds(messages.sent[i], 6)],
    ["arrived", seconds(messages.arrived[i], 6)],
    ["on its way", duration(took)],
    ["size", bytes(messages.size[i])],
    ["epoch", `${messages.epoch[i]}`],
    ["number", `${thousands(i + 1)} of ${thousands(messages.count)}`],
  ], [
    action(`Only ${subjectOf(i)}`, () => set({ subject: subjectOf(i) })),
    action("Only this path", () => set({ text: pathOf(i) })),
    action("Zoom to it", zoomToChoice),
  ]);
}

function sayMark(mark) {
  const question = questions.find(question => question.number === mark.question);
  const facts = [["time", seconds(mark.time, 6)]];
  if (mark.party !== undefined) facts.push(["at", partyName(mark.party)]);
  if (question) {
    facts.push(["question", `${question.number}: ${question.title}`], ["rule", question.rule],
      ["asked by", `party ${question.proposer}`],
      ["position", question.position === null ? "none yet" : `d${question.position}`],
      ["outcome", question.outcome ?? "none yet"]);
  }
  const actions = [action("Zoom to it", zoomToChoice)];
  if (question && question.position !== null) {
    actions.unshift(action(`Only d${question.position}`, () => set({ subject: `d${question.position}` })));
  }
  say(mark.party === undefined ? "The network" : "At a party", mark.text, facts, actions);
}

function zoomToChoice() {
  const [from, to] = choice?.message !== undefined
    ? [messages.sent[choice.message], messages.arrived[choice.message]]
    : [choice?.mark?.time, choice?.mark?.time];
  if (from === undefined) return;
  const around = Math.max(clock.place(to) - clock.place(from), 2e3);
  show(clock.place(from) - around, clock.place(to) + around);
}

const tones = { killed: "bad", down: "bad", undecided: "bad", pause: "warn", blame: "warn", refused: "warn", lapsed: "warn", certified: "good", keys: "good" };

function tell() {
  const [low, high] = [clock.time(view.from), clock.time(view.to)];
  const here = run.marks.filter(mark => mark.time >= low && mark.time <= high
    && mark.kind !== "draw" && isMarkWanted(mark));
  part("story").replaceChildren(...here.slice(0, LINES).map(mark => {
    const item = element("li");
    const button = element("button", undefined, { type: "button" });
    button.append(element("time", seconds(mark.time)),
      element("span", mark.text, { className: tones[mark.kind] ?? "" }));
    button.addEventListener("click", () => {
      centre(mark.time);
      chose({ mark });
    });
    item.append(button);
    return item;
  }));
  part("more").textContent = here.length > LINES
    ? `… and ${thousands(here.length - LINES)} more: zoom in to see them` : "";
}

(() => {
  const queries = JSON.parse(document.getElementById("data").textContent);

  const side = (title, answer) => {
    if (answer === null) return make("div", "", make("h4", "", `${title}: no answer`));
    const cell = make("div", "", make("h4", "", `${title}: `, make("b", answer.mark, answer.mark)), text(answer.text, false));
    if (answer.tokens !== null) cell.append(make("p", "facts", `${number(answer.tokens)} tokens answered`));
    return cell;
  };

  const listed = (title, texts) => {
    const line = make("p", "facts", title);
    texts.forEach((item, index) => line.append(index ? ", " : " ", foreign("bdi", item)));
    return line;
  };

  const card = (query) => {
    const direction = make("span", query.direction === "newly wrong" ? "wrong" : "right", query.direction);
    const head = make("h3", "", foreign("bdi", query.id), direction, make("span", "", foreign("bdi", query.stratum)));
    if (query.cluster !== null) head.append(make("span", "", "cluster ", foreign("bdi", query.cluster)));
    const made = make("article", "", head);
    if (query.prompt) made.append(text(query.prompt, true));
    if (query.choices.length) made.append(listed("choices", query.choices));
    if (query.references.length) {
      made.append(listed(query.references.length > 1 ? "references" : "reference", query.references));
    }
    const sides = [["student then", query.then], ["student now", query.now], ["teacher", query.teacher]];
    made.append(make("div", "sides three-of", ...sides.map(([title, answer]) => side(title, answer))));
    return made;
  };

  const searched = (query) => {
    const said = [query.then, query.now, query.teacher].map((answer) => answer?.text || "");
    return [query.id, query.cluster || "", query.prompt, ...query.references, ...query.choices, ...said];
  };

  browse(queries, { size: 10, fields: ["stratum", "direction"], card, searched, top: "changed" });
})();

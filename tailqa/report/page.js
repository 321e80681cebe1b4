(() => {
  const TITLES = {
    teacher_only: "only the teacher right",
    student_only: "only the student right",
    failed: "failed",
    ungraded: "ungraded",
    neither: "both wrong",
    both: "both right",
  };
  const queries = JSON.parse(document.getElementById("data").textContent);
  // Of an imported run the texts may not be known, which is not the same as empty.
  const recorded = queries.some((query) =>
    [query.teacher, query.student].some((side) => side.samples.some((sample) => sample.text))
  );

  const choices = (query, sample) => {
    const best = Math.max(...sample.logprobs.map((value) => (value === null ? -Infinity : value)));
    const rows = query.choices.map((choice, index) => {
      const value = sample.logprobs[index];
      const shown = value === null ? "–" : value.toFixed(3).replace("-", "−");
      const right = query.references.includes(choice) ? " ✓" : "";
      const cells = [foreign("td", choice + right), make("td", "r", shown)];
      return make("tr", value === best ? "picked" : "", ...cells);
    });
    return make("table", "choices", make("tbody", "", ...rows));
  };

  const facts = (sample) => {
    const line = make("p", "facts");
    const parts = sample.logprobs ? [["log-probability of each choice"]] : [];
    if (sample.extracted !== null) parts.push(["read as ", foreign("bdi", sample.extracted)]);
    if (sample.score !== null && sample.score > 0 && sample.score < 1) {
      parts.push([`score ${sample.score.toFixed(3)}`]);
    }
    const tokens = [];
    if (sample.prompt_tokens !== null) tokens.push(`${number(sample.prompt_tokens)} prompt tokens`);
    if (sample.completion_tokens !== null) {
      const done = sample.logprobs ? "scored" : "answered";
      tokens.push(`${number(sample.completion_tokens)} ${tokens.length ? "" : "tokens "}${done}`);
    }
    if (tokens.length) parts.push([tokens.join(", ")]);
    if (sample.finish_reason === "length") parts.push(["cut off at the token limit"]);
    if (sample.reason !== null) parts.push([foreign("bdi", sample.reason)]);
    parts.forEach((part, index) => line.append(...(index ? [" · "] : []), ...part));
    return line;
  };

  const answer = (query, sample, title) => {
    const head = make("h4", "", `${title}: `, make("b", sample.status, sample.status));
    const written = recorded ? [text(sample.text, false)] : [];
    const body = sample.logprobs ? [choices(query, sample)] : written;
    return make("div", "", head, ...body, facts(sample));
  };

  const side = (query, name) => {
    const samples = query[name].samples;
    const cell = make("div", "");
    if (!samples.length) cell.append(make("h4", "", `${name}: no answer`));
    else cell.append(answer(query, samples[0], name));
    if (samples.length > 1) {
      const rest = samples.slice(1);
      const details = make("details", "", make("summary", "", `${rest.length} more ${rest.length === 1 ? "sample" : "samples"}`));
      details.append(...rest.map((sample, index) => answer(query, sample, `sample ${index + 2}`)));
      cell.append(details);
    }
    return cell;
  };

  const prompts = (query) => {
    const same = query.teacher.prompt === query.student.prompt;
    const one = (title, prompt) => make("div", "", make("h4", "", title), text(prompt, true));
    if (same) return one("prompt sent to both", query.teacher.prompt);
    const both = ["teacher", "student"].map((name) => one(`prompt sent to the ${name}`, query[name].prompt));
    return make("div", "sides", ...both);
  };

  const card = (query) => {
    const head = make("h3", "", foreign("bdi", query.id), make("span", query.outcome, TITLES[query.outcome]));
    head.append(make("span", "", foreign("bdi", query.stratum)));
    if (query.cluster !== null) head.append(make("span", "", "cluster ", foreign("bdi", query.cluster)));
    const references = make("p", "facts", query.references.length > 1 ? "references " : "reference ");
    query.references.forEach((reference, index) => references.append(index ? ", " : "", foreign("bdi", reference)));
    const sides = make("div", "sides", side(query, "teacher"), side(query, "student"));
    const asked = query.teacher.prompt || query.student.prompt ? prompts(query) : "";
    return make("article", "", head, asked, query.references.length ? references : "", sides);
  };

  const searched = (query) => {
    const sides = [query.teacher, query.student];
    const said = sides.flatMap((side) => [side.prompt, ...side.samples.map((sample) => sample.text)]);
    return [query.id, query.cluster || "", ...query.references, ...query.choices, ...said];
  };

  const fields = ["stratum", "outcome"];
  const filter = browse(queries, { size: 20, fields, card, searched, top: "answers" });
  document.querySelectorAll("a[data-outcome]").forEach((link) => {
    link.addEventListener("click", () => {
      for (const name of fields) document.getElementById(name).value = link.dataset[name];
      document.getElementById("search").value = "";
      filter();
    });
  });
})();

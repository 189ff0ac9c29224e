/// The page. Everything that an object says is put into it as text, never as markup.
enum ConsolePage {
  static let html: String = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Tricenter</title>
    <style>
    :root { color-scheme: light dark; --line: light-dark(#ccd3da, #3a424b); --faint: light-dark(#5d6873, #94a0ac);
      --card: light-dark(#ffffff, #1c2127); --page: light-dark(#f3f5f7, #12161a); --good: #1f9d61; --warn: #c98a12; --bad: #d2433f; --active: #2f6fd6; }
    body { font: 14px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 16px; max-width: 1200px; background: var(--page); }
    h1 { font-size: 18px; margin: 0; } h2 { font-size: 14px; margin: 24px 0 8px; }
    header { display: flex; gap: 24px; align-items: baseline; flex-wrap: wrap; }
    .faint { color: var(--faint); } .bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--good); }
    .cities { display: flex; gap: 16px; align-items: stretch; flex-wrap: wrap; margin-top: 16px; }
    .city { border: 1px dashed var(--line); border-radius: 10px; padding: 10px; display: flex; gap: 12px; flex-wrap: wrap; flex: 1 1 auto; position: relative; padding-top: 28px; }
    .city > .faint { position: absolute; top: 6px; left: 12px; }
    .center { background: var(--card); border: 2px solid var(--line); border-radius: 8px; padding: 10px; flex: 1 1 220px; }
    .center.active { border-color: var(--active); } .center.gone { border-color: var(--bad); border-style: dashed; }
    .badge { float: right; font-size: 12px; padding: 0 8px; border-radius: 9px; border: 1px solid currentColor; }
    .active .badge { color: var(--active); font-weight: 600; }
    .host { border-top: 1px solid var(--line); margin-top: 8px; padding-top: 6px; }
    .pods { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 4px; min-height: 12px; }
    .pod { width: 12px; height: 12px; border-radius: 3px; background: var(--warn); }
    .pod.ready { background: var(--good); } .pod.failed { background: var(--bad); } .pod.leaving { opacity: .35; }
    table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); }
    td, th { text-align: left; padding: 3px 10px; border-top: 1px solid var(--line); vertical-align: top; font-weight: normal; }
    th { color: var(--faint); } td.age { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
    #stale { display: none; background: var(--bad); color: #fff; padding: 6px 12px; border-radius: 6px; margin-top: 12px; }
    </style>
    </head>
    <body>
    <header><h1>Tricenter</h1><div id="clusters"></div><div id="pods" class="faint"></div></header>
    <div id="stale"></div>
    <div id="cities" class="cities"></div>
    <h2>Failovers</h2><table id="failovers"></table>
    <h2>Events</h2><table id="events"></table>
    <p id="sources" class="faint"></p>
    <script>
    "use strict";
    const byId = id => document.getElementById(id);
    function element(tag, className, text) {
      const node = document.createElement(tag);
      if (className) node.className = className;
      if (text !== undefined && text !== null) node.textContent = text;
      return node;
    }
    function age(ms) {
      if (ms === null || ms === undefined) return "never";
      if (ms < 10000) return (ms / 1000).toFixed(1) + " s";
      const s = Math.round(ms / 1000);
      if (s < 120) return s + " s";
      if (s < 7200) return Math.floor(s / 60) + " min";
      return s < 172800 ? Math.floor(s / 3600) + " h" : Math.floor(s / 86400) + " d";
    }
    function fill(parent, children) { parent.replaceChildren(...children); }
    function table(id, heads, rows, empty) {
      const head = element("tr");
      heads.forEach(text => head.append(element("th", "", text)));
      const lines = rows.map(cells => {
        const row = element("tr");
        cells.forEach(([text, className]) => row.append(element("td", className, text)));
        return row;
      });
      if (!lines.length) lines.push(element("td", "faint", empty));
      fill(byId(id), [head, ...lines]);
    }
    function host(host) {
      const box = element("div", "host");
      const node = host.node;
      const state = !node ? ["no node", "faint"] : node.fencedEpoch !== null ? ["fenced, epoch " + node.fencedEpoch, "warn"]
        : node.ready === "True" ? ["ready", "good"] : [node.ready === "False" ? "not ready" : "unknown", "bad"];
      box.append(element("strong", "", host.name), " ", element("span", "faint", (host.address || "") + (host.voter ? ", voter" : "")));
      box.append(element("div", state[1], state[0] + (node ? ", heard " + age(node.heartbeatAge) + " ago" : "")));
      const pods = element("div", "pods");
      host.pods.forEach(pod => {
        const dot = element("span", "pod" + (pod.ready ? " ready" : pod.phase === "Failed" ? " failed" : "") + (pod.leaving ? " leaving" : ""));
        dot.title = pod.name + ": " + (pod.leaving ? "leaving, " : "") + (pod.ready ? "ready" : pod.phase) + ", " + (pod.address || "no address")
          + ", " + pod.restarts + " restarts, " + age(pod.age) + " old";
        pods.append(dot);
      });
      box.append(pods);
      return box;
    }
    function center(center, active) {
      const isActive = active.has(center.name);
      const box = element("div", "center" + (isActive ? " active" : center.phase === "Unreachable" ? " gone" : ""));
      box.append(element("span", "badge", isActive ? "ACTIVE" : center.phase || "not heard of"));
      box.append(element("strong", "", center.name), element("div", "faint", center.role + ", heard " + age(center.heardAge) + " ago"));
      center.hosts.forEach(each => box.append(host(each)));
      return box;
    }
    function draw(state) {
      const active = new Set(state.clusters.map(each => each.active));
      fill(byId("clusters"), state.clusters.map(each => {
        const line = element("div");
        const late = each.renewedAge > each.leaseMilliseconds;
        line.append(element("strong", "", each.name), " is active in ", element("strong", "", each.active || "no center"),
          ", epoch " + (each.epoch ?? "none") + ", for " + age(each.sinceAge) + ", lease renewed ",
          element("span", late ? "bad" : "", age(each.renewedAge) + " ago"));
        return line;
      }));
      byId("pods").textContent = state.podsReady + " of " + state.pods + " pods ready";
      const cities = new Map();
      state.centers.forEach(each => cities.set(each.city, [...(cities.get(each.city) || []), each]));
      fill(byId("cities"), [...cities].map(([name, centers]) => {
        const box = element("div", "city");
        box.append(element("span", "faint", name), ...centers.map(each => center(each, active)));
        return box;
      }));
      table("failovers", ["cluster", "from", "to", "kind", "phase", "reason", ""], state.failovers.map(each =>
        [[each.cluster], [each.from], [each.to], [each.kind], [each.phase, each.phase === "Completed" ? "good" : "warn"], [each.message || each.reason],
          [age(each.age), "age faint"]]), "none");
      table("events", ["", "object", "reason", "message", ""], state.events.map(each =>
        [[each.type, each.type === "Warning" ? "warn" : "faint"], [each.object], [each.reason + (each.count > 1 ? " × " + each.count : "")],
          [each.message], [age(each.age), "age faint"]]), "none");
      const old = state.sources.filter(each => each.error !== null || each.age === null);
      byId("sources").textContent = "Read: " + state.sources.map(each => each.resource + " " + age(each.age) + " ago").join(", ") + ".";
      const stale = byId("stale");
      stale.style.display = old.length ? "block" : "none";
      stale.textContent = old.map(each => each.resource + " as of " + age(each.age) + " ago: " + (each.error || "not read yet")).join(" · ");
    }
    let last = null;
    async function turn() {
      try {
        const answer = await fetch("state.json", { signal: AbortSignal.timeout(5000) });
        if (!answer.ok) throw new Error("the server says " + answer.status);
        draw(await answer.json());
        last = performance.now();
      } catch (error) {
        const stale = byId("stale");
        stale.style.display = "block";
        stale.textContent = "No answer from this center (" + error.message + "). What is shown is "
          + (last === null ? "nothing yet." : age(performance.now() - last) + " old.");
      }
      setTimeout(turn, document.hidden ? 5000 : 1000);
    }
    turn();
    </script>
    </body>
    </html>
    """#
}

"use strict";
// Draws the curves of the page from the JSON in it. All else stands in the page as it is.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const THEMES = {
    light: {
      ink: "#5c6778", grid: "#e9ecf1", target: "#8a94a4",
      colors: ["#2463b4", "#d1590b", "#13795b", "#a53a8b", "#8f6a00", "#5a54c4", "#bb3a33", "#0f7d93"],
    },
    dark: {
      ink: "#98a3b5", grid: "#2a323e", target: "#7d889a",
      colors: ["#6fb0ff", "#ff9f52", "#4fcb9f", "#ef8fd2", "#e6c04d", "#aaa4ff", "#ff8f85", "#5fd0e6"],
    },
  };
  const darkened = matchMedia("(prefers-color-scheme: dark)");
  const hidden = new Set();
  const plots = [];
  let axis = "steps", zoom = null, printing = false;

  const theme = () => THEMES[darkened.matches && !printing ? "dark" : "light"];
  const color = (group) => theme().colors[group % theme().colors.length];
  const faint = (text, share) => text + Math.round(share * 255).toString(16).padStart(2, "0");
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
  const exact = (value) => {
    if (value == null) return "";
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4;
    return size > 0 && size < 0.001 ? value.toExponential(2) : value.toLocaleString("en", { maximumFractionDigits: digits });
  };
  const make = (name, className, text) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text != null) element.textContent = text;
    return element;
  };

  // What uPlot is given of a chart: a table of x and y for each series, joined at all x.
  function seriesOf(chart) {
    const tables = [], series = [{}], bands = [], notes = [];
    // No two points of a series may have the same x, as episodes have that end at the same step.
    const apart = (xs) => {
      let last = -Infinity;
      return xs.map((x) => (last = x > last ? x : last + ends()[1] * 1e-6));
    };
    const add = (xs, ys, group, options, note) => {
      tables.push([apart(xs), ys]);
      series.push({ show: !hidden.has(group), points: { show: false }, ...options });
      notes.push({ group, ...note });
    };
    for (const dots of chart.dots || []) {
      add(dots[axis], dots.values, dots.group, {
        paths: () => null,
        points: { show: true, size: 4, width: 0, fill: faint(color(dots.group), 0.4), stroke: "transparent" },
      });
    }
    for (const band of chart.bands || []) {
      const of = band[axis];
      const edge = { stroke: "transparent", width: 0 };
      add(of.at, of.high, band.group, edge);
      add(of.at, of.low, band.group, edge);
      bands.push({ series: [series.length - 2, series.length - 1], fill: faint(color(band.group), 0.16) });
    }
    const alone = !(chart.bands || []).length;
    for (const line of chart.lines) {
      const banded = (chart.bands || []).some((band) => band.group === line.group);
      // Where episodes are dots of the group's colour, their mean stands out from them.
      const plain = chart.dots && chart.dots.length ? color(1) : color(line.group);
      add(line[axis], line.values, line.group, {
        stroke: banded ? faint(plain, 0.45) : plain, width: banded ? 0.9 : chart.main ? 2.2 : 1.4,
      }, banded ? {} : { name: line.name });
    }
    for (const band of chart.bands || []) {
      const of = band[axis];
      add(of.at, of.median, band.group, { stroke: color(band.group), width: chart.main ? 2.6 : 1.8 },
        { name: data.groups[band.group].name });
    }
    for (const points of chart.points || []) {
      const fill = points.sampled ? "transparent" : color(points.color ?? points.group);
      add(points[axis], points.values, points.group, {
        paths: () => null,
        points: { show: true, size: points.decides ? (alone ? 11 : 8) : alone ? 7 : 5, width: 2, fill, stroke: color(points.color ?? points.group) },
      }, { name: points.name });
    }
    return { data: tables.length > 1 ? uPlot.join(tables) : tables[0] || [[], []], series, bands, notes };
  }

  function drawMarks(u, chart) {
    if (!chart.main) return;
    const { ctx, bbox } = u, ratio = uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.font = `${12 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    for (const target of data.targets) {
      const y = u.valToPos(target, "y", true);
      ctx.strokeStyle = ctx.fillStyle = theme().target;
      ctx.setLineDash([6 * ratio, 4 * ratio]);
      ctx.beginPath(); ctx.moveTo(bbox.left, y); ctx.lineTo(bbox.left + bbox.width, y); ctx.stroke();
      ctx.fillText(`target ${exact(target)}`, bbox.left + 6 * ratio, y - 2 * ratio);
    }
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    for (const run of data.runs) {
      if (!run.solved || hidden.has(run.group)) continue;
      const x = u.valToPos(run.solved[axis], "x", true);
      ctx.strokeStyle = color(data.runs.length === 1 ? 2 : run.group);
      ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
    }
    ctx.restore();
  }

  function read(u, chart, notes) {
    const readout = chart.readout;
    readout.replaceChildren(u.cursor.left == null || u.cursor.left < 0 ? chart.key || "" : "");
    if (u.cursor.left == null || u.cursor.left < 0) return;
    const at = u.posToVal(u.cursor.left, "x");
    readout.append(axis === "steps" ? `${Math.round(at).toLocaleString("en")} steps` : `${exact(at)} s`);
    notes.forEach((note, index) => {
      const value = u.series[index + 1].show ? u.data[index + 1][u.cursor.idxs[index + 1]] : null;
      if (!note.name || value == null || readout.childElementCount > 7) return;
      readout.append(` · ${notes.length > 1 ? note.name : ""} `, make("b", "", exact(value)));
    });
  }

  // One scale for all charts: each shows the same steps or seconds.
  const ends = () => [0, Math.max(1, ...data.ends[axis])];
  function zoomTo(range) {
    zoom = range;
    for (const { u } of plots) u.setScale("x", { min: (zoom || ends())[0], max: (zoom || ends())[1] });
    document.getElementById("whole").hidden = zoom == null;
  }

  function plot(chart, place) {
    const built = seriesOf(chart);
    const height = chart.main ? (innerWidth < 640 ? 280 : 360) : 170;
    const axes = { stroke: theme().ink, grid: { stroke: theme().grid, width: 1 }, ticks: { stroke: theme().grid, width: 1 }, font: "12px system-ui, sans-serif" };
    const u = new uPlot({
      width: Math.max(place.clientWidth, 200), height, series: built.series, bands: built.bands,
      legend: { show: false },
      scales: {
        x: { time: false, range: () => zoom || ends() },
        y: {
          range: (_, low, high) => {
            if (low == null) return [0, 1];
            const targets = chart.main && !zoom ? data.targets : [];
            return uPlot.rangeNum(Math.min(low, ...targets), Math.max(high, ...targets), 0.06, true);
          },
        },
      },
      axes: [
        { ...axes, values: (_, ticks) => ticks.map((tick) => short.format(tick)), space: 70 },
        { ...axes, values: (_, ticks) => ticks.map((tick) => short.format(tick)), size: 56, space: chart.main ? 40 : 30 },
      ],
      cursor: {
        sync: { key: "all", scales: ["x", null], setSeries: false, filters: { pub: (type) => /^mouse(move|leave|enter)$/.test(type) } },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => { zoomTo(null); return null; } },
        points: { size: 7 },
        hover: { skip: [null, undefined] },
        y: false,
      },
      hooks: {
        draw: [(u) => drawMarks(u, chart)],
        ready: [(u) => read(u, chart, built.notes)],
        setCursor: [(u) => read(u, chart, built.notes)],
        setSelect: [(u) => {
          const { left, width } = u.select;
          if (width < 4) return;
          const range = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          zoomTo(range);
        }],
      },
    }, built.data, place);
    return { u, chart, place, notes: built.notes };
  }

  function drawAll() {
    while (plots.length) plots.pop().u.destroy();
    for (const chart of data.charts) plots.push(plot(chart, chart.place));
    for (const swatch of document.querySelectorAll("[data-group]")) {
      swatch.style.borderColor = swatch.style.backgroundColor = color(Number(swatch.dataset.group));
    }
  }

  function layOut() {
    for (const chart of data.charts) {
      const box = make("div", chart.main ? "chart main" : "chart");
      const head = make("header");
      head.append(make("h3", "", chart.title), make("span", "readout"));
      chart.readout = head.lastChild;
      chart.place = make("div", "plot");
      chart.place.setAttribute("role", "img");
      chart.place.setAttribute("aria-label", chart.title);
      box.append(head, chart.place);
      document.getElementById(chart.main ? "first" : "others").append(box);
    }
    const legend = document.getElementById("legend");
    if (data.groups.length > 1) {
      data.groups.forEach((group, index) => {
        const button = make("button");
        button.type = "button";
        button.setAttribute("aria-pressed", "true");
        const dot = make("span", "dot");
        dot.dataset.group = index;
        button.append(dot, group.name);
        button.addEventListener("click", () => {
          hidden[hidden.has(index) ? "delete" : "add"](index);
          button.setAttribute("aria-pressed", String(!hidden.has(index)));
          for (const { u, notes } of plots) {
            notes.forEach((note, series) => { if (note.group === index) u.setSeries(series + 1, { show: !hidden.has(index) }); });
          }
        });
        legend.append(button);
      });
    }
    for (const button of document.querySelectorAll("[data-axis]")) {
      button.addEventListener("click", () => {
        axis = button.dataset.axis;
        zoom = null;
        document.getElementById("whole").hidden = true;
        for (const other of document.querySelectorAll("[data-axis]")) {
          other.setAttribute("aria-pressed", String(other === button));
        }
        drawAll();
      });
    }
    document.getElementById("whole").addEventListener("click", () => zoomTo(null));
  }

  layOut();
  drawAll();
  new ResizeObserver(() => {
    for (const { u, place } of plots) {
      if (place.clientWidth && place.clientWidth !== u.width) u.setSize({ width: place.clientWidth, height: u.height });
    }
  }).observe(document.querySelector("main"));
  darkened.addEventListener("change", drawAll);
  for (const [event, value] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { printing = value; drawAll(); });
  }
  document.documentElement.dataset.ready = "true";
})();

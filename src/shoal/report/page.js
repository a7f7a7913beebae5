(function () {
  "use strict";
  var root = document.documentElement;
  var narrow = window.matchMedia("(max-width: 560px)");

  function stored() { try { return localStorage.getItem("shoal-theme"); } catch (e) { return null; } }
  function preferred() { return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"; }
  root.dataset.theme = stored() || preferred();

  function color(name) { return getComputedStyle(root).getPropertyValue(name).trim(); }

  var canvasGL = document.createElement("canvas");
  var hasWebGL = !!(canvasGL.getContext("webgl2") || canvasGL.getContext("webgl"));

  // Colours of text, grid and scales follow the page's theme; colours of clusters do not change.
  function themed(figure) {
    var text = color("--text"), soft = color("--soft"), line = color("--line"), card = color("--card");
    var layout = JSON.parse(JSON.stringify(figure.layout));
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: text };
    layout.hoverlabel = { bgcolor: card, bordercolor: line, font: { color: text }, align: "left" };
    ["xaxis", "yaxis"].forEach(function (key) {
      var axis = layout[key] = layout[key] || {};
      axis.gridcolor = axis.linecolor = axis.zerolinecolor = line;
      axis.tickfont = { color: soft };
      axis.automargin = true;
      var title = axis.title || {};
      axis.title = { text: title.text, standoff: 10, font: { color: soft, size: 13 } };
    });
    layout.margin = { l: 10, r: 10, t: layout.dragmode === "pan" ? 34 : 14, b: 10 };
    layout.legend = Object.assign({ font: { size: 12 } }, layout.legend);
    layout.legend.title = Object.assign({ font: { size: 12, color: soft } }, layout.legend.title);
    if (narrow.matches) {
      layout.legend = Object.assign(layout.legend, { orientation: "h", y: -0.18, yanchor: "top", x: 0 });
    }
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: color("--accent"), orientation: "h" };
    var dark = root.dataset.theme === "dark";
    var data = figure.data.map(function (trace) {
      trace = Object.assign({}, trace);
      if (trace.meta === "diverging") {
        trace.colorscale = dark
          ? [[0, "#5fb4ff"], [0.25, "#2a6aa6"], [0.5, "#222a34"], [0.75, "#a85a1c"], [1, "#ffa25c"]]
          : [[0, "#0b5fa5"], [0.25, "#7db3dd"], [0.5, "#f4f5f7"], [0.75, "#eda973"], [1, "#b8500a"]];
      } else if (trace.meta === "sequential") {
        trace.colorscale = dark
          ? [[0, "#1d242d"], [0.5, "#2a6aa6"], [1, "#8accff"]]
          : [[0, "#f4f5f7"], [0.5, "#7db3dd"], [1, "#0b4f8a"]];
      } else if (trace.meta === "centers") {
        trace.marker = Object.assign({}, trace.marker, {
          color: dark ? "#ffffff" : "#10141a",
          line: Object.assign({}, trace.marker.line, { color: dark ? "#10141a" : "#ffffff" })
        });
      }
      if (trace.colorbar) {
        trace.colorbar = narrow.matches
          ? Object.assign({}, trace.colorbar, { orientation: "h", y: 1.02, yanchor: "bottom", x: 0.5, title: { text: trace.colorbar.title.text.replace("<br>", " "), side: "top" } })
          : Object.assign({}, trace.colorbar);
        trace.colorbar.tickfont = { color: soft };
        trace.colorbar.title = Object.assign({ font: { size: 12, color: soft } }, trace.colorbar.title);
      }
      if (trace.type === "scattergl" && !hasWebGL) { trace.type = "scatter"; }
      return trace;
    });
    return { data: data, layout: layout };
  }

  var figures = [];
  function draw() {
    figures.forEach(function (item) {
      var figure = themed(item.figure);
      Plotly.react(item.node, figure.data, figure.layout, {
        responsive: true, displaylogo: false, scrollZoom: item.figure.layout.dragmode === "pan" && !narrow.matches,
        // named one by one: the default bar offers to send the data to a server
        modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]], plotlyServerURL: "",
        displayModeBar: item.figure.layout.dragmode === "pan",
        toImageButtonOptions: { format: "svg", filename: item.node.id }
      });
    });
    drawImages();
  }

  // A cluster's mean image: dark ink on the card's colour, or light on dark.
  function drawImages() {
    document.querySelectorAll("canvas[data-pixels]").forEach(function (canvas) {
      var pixels = JSON.parse(canvas.dataset.pixels), context = canvas.getContext("2d");
      var image = context.createImageData(canvas.width, canvas.height);
      var dark = root.dataset.theme === "dark";
      pixels.forEach(function (value, i) {
        var level = dark ? 24 + value * 0.9 : 255 - value * 0.92;
        image.data.set([level, level, level, 255], 4 * i);
      });
      context.putImageData(image, 0, 0);
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.querySelector("button.theme");
    function label() { button.textContent = root.dataset.theme === "dark" ? "Light theme" : "Dark theme"; }
    label();
    button.addEventListener("click", function () {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("shoal-theme", root.dataset.theme); } catch (e) { /* private window */ }
      label();
      draw();
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () {
      if (!stored()) { root.dataset.theme = preferred(); label(); draw(); }
    });
    narrow.addEventListener("change", draw);

    document.querySelectorAll(".plot").forEach(function (node) {
      var figure = JSON.parse(document.getElementById(node.id + "-data").textContent);
      node.style.height = (figure.layout.height || 440) + "px";
      figures.push({ node: node, figure: figure });
    });
    draw();

    document.querySelectorAll(".tabs").forEach(function (tabs) {
      tabs.addEventListener("click", function (event) {
        var chosen = event.target.closest("button");
        if (!chosen) { return; }
        tabs.querySelectorAll("button").forEach(function (other) {
          var selected = other === chosen;
          other.setAttribute("aria-selected", selected);
          document.getElementById(other.getAttribute("aria-controls")).hidden = !selected;
        });
      });
    });
  });
})();

// Credentials on paper: each as a code to scan, and as lines to read or type. Made in this page.

import { codeAddress, toCode, toLines } from "./codes.js";
import { every, fromButton, one, showPart } from "./page.js";
import { qrCode, qrPath } from "./qr.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4;

function drawing(code, label) {
  const size = String(code.grid.size + 2 * MARGIN);
  const svg = document.createElementNS(SVG, "svg");
  const ground = document.createElementNS(SVG, "rect");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("shape-rendering", "crispEdges");
  // Dark on light whatever the page's colours: a reader wants it so.
  for (const [name, value] of [["width", size], ["height", size], ["fill", "#fff"]]) {
    ground.setAttribute(name, value);
  }
  path.setAttribute("stroke", "#000");
  path.setAttribute("d", qrPath(code, MARGIN));
  svg.append(ground, path);
  return svg;
}

/** The page and the place after "#" are separate segments: letters alone are packed more densely. */
export function codeOf(circleAddress, letters) {
  return qrCode([codeAddress(circleAddress, ""), letters]);
}

/**
 * One figure for each credential that can cast.
 * @param names what each is called, by its place
 */
export async function drawPaper(box, circleAddress, records, names) {
  box.replaceChildren();
  for (const [i, record] of records.entries()) {
    const letters = await toCode(record);
    const item = one("template[data-paper-code]").content.cloneNode(true).firstElementChild;
    one("h3", item).textContent = names[i] ?? names.at(-1);
    one("[data-picture]", item).append(drawing(codeOf(circleAddress, letters), names[i] ?? ""));
    one("[data-lines]", item).textContent = toLines(letters).join("\n");
    box.append(item);
  }
  return records.length;
}

/**
 * The buttons that show the paper, print what is shown, and go back.
 * @param held gives the credentials that can vote
 */
export function wirePaper(booth, names, held, back) {
  const address = `${location.origin}${booth.base}`;
  for (const button of every("[data-show-paper]")) {
    button.addEventListener("click", async () => {
      const draw = () => drawPaper(one("[data-papers]"), address, held(), names);
      if ((await fromButton(button, draw)) === null) return;
      one("[data-paper-address]").textContent = `${address}/ballot.html`;
      showPart("paper");
    });
  }
  for (const button of every("[data-print]")) {
    button.addEventListener("click", () => window.print());
  }
  one("[data-paper-back]").addEventListener("click", back);
}

// Finds text that overlaps other text, a field, a picture or a mark of a chart; text that is cut; text beside
// the screen. Only the middle of a line's height counts, since the boxes of close lines overlap.
() => {
  const problems = [];
  const say = (kind, ...places) => problems.push(`${kind}: ${places.map(words).join(" × ")}`);
  const words = ({text, left, top}) => `«${text.slice(0, 60)}» at ${Math.round(left)}, ${Math.round(top + scrollY)}`;
  const style = element => getComputedStyle(element);
  const parents = element => element ? [element, ...parents(element.parentElement)] : [];

  function isSeen(element) {
    return element.checkVisibility({visibilityProperty: true, opacityProperty: true})
      && !parents(element).some(each => style(each).clipPath !== "none" || each.matches(".skip"));
  }

  // The box within the nearest parent that hides what overflows it; null if nothing of the box is left.
  function clipped(box, element) {
    const clip = parents(element).find(each => style(each).overflowX !== "visible" && !(each instanceof SVGElement));
    if (!clip || clip === document.documentElement || clip === document.body) return box;
    const edge = clip.getBoundingClientRect(), scrolls = /auto|scroll/.test(style(clip).overflow);
    const clamps = style(clip).webkitLineClamp !== "none";
    if (!scrolls && (box.right > edge.right + 1 || (!clamps && box.bottom > edge.bottom + 1))) say("cut", box);
    const bottom = Math.min(box.bottom, edge.bottom), right = Math.min(box.right, edge.right);
    return bottom - box.top > 1 && right - box.left > 1 ? {...box, bottom, right} : null;
  }

  function lines() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), boxes = [];
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
      if (!text || /script|style|title|desc/i.test(element.tagName) || !isSeen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      for (const {left, top, right, bottom} of range.getClientRects()) {
        const box = right - left > 1 && clipped({left, top, right, bottom, text, element}, element);
        if (box) boxes.push(box);
      }
    }
    return boxes;
  }

  function fields() {
    return [...document.querySelectorAll("input, select, img, svg:not(figure svg)")].filter(isSeen).map(element => {
      const {left, top, right, bottom} = element.getBoundingClientRect();
      return {left, top, right, bottom, text: element.outerHTML, element};
    });
  }

  const middle = ({left, top, right, bottom}) => {
    const third = (bottom - top) / 3;
    return {left: left + 1, right: right - 1, top: top + third, bottom: bottom - third};
  };
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

  function overlaps(boxes) {
    boxes.sort((a, b) => a.top - b.top);
    boxes.forEach((box, at) => {
      for (let next = at + 1; next < boxes.length && boxes[next].top < box.bottom; next++) {
        const other = boxes[next];
        const within = box.element.contains(other.element) || other.element.contains(box.element);
        // A clamped line has two boxes: with its ellipsis and without.
        const same = box.text === other.text && box.top === other.top;
        if (!same && !(within && box.text !== other.text) && meet(middle(box), middle(other))) say("overlap", box, other);
      }
    });
  }

  // Hatches and hairlines may run behind a text.
  function isSolid(mark) {
    const {fill, fillOpacity, stroke, strokeWidth, strokeOpacity} = style(mark);
    const ground = style(document.body).backgroundColor;
    const solid = (color, opacity) => opacity > .5 && !/^none|^url|, 0\)$/.test(color) && color !== ground;
    return {fill: solid(fill, fillOpacity), stroke: solid(stroke, strokeOpacity) && parseFloat(strokeWidth) >= 2};
  }

  function onMarks(boxes) {
    for (const svg of document.querySelectorAll("figure svg")) {
      const marks = [...svg.querySelectorAll("rect, path, line, circle, polygon, polyline")]
        .filter(mark => isSeen(mark) && !mark.closest("defs, pattern, clipPath, mask"));
      for (const box of boxes.filter(each => svg.contains(each.element))) {
        if (marks.some(mark => touches(mark, middle(box)))) say("on a mark", box);
      }
    }
  }

  function touches(mark, {left, top, right, bottom}) {
    const solid = isSolid(mark), place = mark.getScreenCTM().inverse();
    for (let x = left + 1; x < right; x += 3) {
      for (const y of [top, (top + bottom) / 2, bottom]) {
        const point = new DOMPoint(x, y).matrixTransform(place);
        if ((solid.fill && mark.isPointInFill(point)) || (solid.stroke && mark.isPointInStroke(point))) return true;
      }
    }
    return false;
  }

  const boxes = lines(), {clientWidth, scrollWidth} = document.documentElement;
  if (scrollWidth > clientWidth) problems.push(`the page scrolls sideways: ${scrollWidth} > ${clientWidth}`);
  boxes.filter(box => box.left < -1 || box.right > clientWidth + 1).forEach(box => say("beside the screen", box));
  onMarks(boxes);
  overlaps([...boxes, ...fields()]);
  return [...new Set(problems)];
}

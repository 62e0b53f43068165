// Every visible text with its computed colour, the ground behind it, and their contrast ratio (WCAG 2.1).
() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [red, green, blue] = channels(colour).slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const told = (element, text) => {
    const colour = getComputedStyle(element).color, behind = ground(element);
    const [less, more] = [luminance(colour), luminance(behind)].sort((one, other) => one - other);
    return { text, colour, behind, contrast: (more + 0.05) / (less + 0.05) };
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
    if (text && element.checkVisibility() && element.tagName !== "STYLE") found.push(told(element, text));
  }
  for (const image of document.images) found.push(told(image, image.alt));
  return found;
};

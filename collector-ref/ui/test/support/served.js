// What the collector serves of a script: `page.rs` has the same.

/** @param {string} script */
export function withoutComments(script) {
  let isInside = false;
  return script.split(/(?<=\n)/).map(line => {
    const text = line.trimStart();
    if (isInside || text.startsWith('/*')) {
      const end = line.indexOf('*/');
      isInside = end < 0;
      return end < 0 ? '\n' : line.slice(end + 2);
    }
    return text.startsWith('//') ? '\n' : line.replaceAll(/\/\*\* @.*?\*\/ ?/g, '');
  }).join('');
}

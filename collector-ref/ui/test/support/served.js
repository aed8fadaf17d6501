// What the collector serves of the page's scripts and styles: `page/pack.rs` makes the same.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const UI = fileURLToPath(new URL('../..', import.meta.url));
export const read = (/** @type {string} */ file) => readFileSync(UI + file, 'utf8');
const IMPORT = /^import (?:(.*) from )?'(.*)';$/;
const WANTED = /import\('([^']*)'\)/g;
const NAMES = ['first.js', 'parts.js', 'pages.js'];

/** @param {string} script */
export function withoutComments(script) {
  let isInside = false;
  return script.split(/(?<=\n)/).map(line => {
    const text = line.trimStart();
    if (isInside || text.startsWith('/*')) {
      const end = line.indexOf('*/');
      isInside = end < 0;
      return end < 0 ? '' : line.slice(end + 2);
    }
    return text.startsWith('//') ? '' : line.replaceAll(/\/\*\* @.*?\*\/ ?/g, '');
  }).filter(line => line.trim()).join('');
}

const packOf = (/** @type {string} */ root) => (root === 'src/main.js' ? 0 : root.startsWith('src/pages/') ? 2 : 1);
const nameOf = (/** @type {string} */ path) => `$${path.replace(/^src\//, '').replace(/\.js$/, '').replaceAll('/', '_')}`;

/** A script, what it imports, and when that is wanted. @param {string} path */
export function module(path) {
  const at = (/** @type {string} */ target) => posix.join(posix.dirname(path), target);
  const [imports, wanted, exports] = [/** @type {string[]} */ ([]), /** @type {string[]} */ ([]), /** @type {string[]} */ ([])];
  const lines = withoutComments(read(path)).split(/(?<=\n)/).map(line => {
    const [, what, target] = IMPORT.exec(line.trimEnd()) ?? [];
    if (target) {
      imports.push(at(target));
      return what ? `const ${what.replace('* as ', '').replaceAll(' as ', ': ')} = ${nameOf(at(target))};\n` : '\n';
    }
    const [, name] = /^export (?:async )?\S+ (\w+)/.exec(line) ?? [];
    if (name) exports.push(name);
    return line.replace(/^export /, '').replaceAll(WANTED, (_, lazy) => {
      wanted.push(at(lazy));
      return `import('./${NAMES[packOf(at(lazy))]}').then($ => $.${nameOf(at(lazy))})`;
    });
  });
  return { path, text: lines.join(''), imports, wanted, exports };
}

/** @typedef {ReturnType<typeof module>} Module */

/** All modules that the page can reach, by path. */
export function reachable() {
  const modules = /** @type {Map<string, Module>} */ (new Map());
  const visit = (/** @type {string} */ path) => {
    if (modules.has(path) || path.startsWith('vendor/')) return;
    const made = module(path);
    modules.set(path, made);
    for (const next of [...made.imports, ...made.wanted]) visit(next);
  };
  visit('src/main.js');
  return modules;
}

/** Modules of each pack, each behind what it imports. */
export function packed() {
  const modules = reachable();
  const wanted = [...new Set([...modules.values()].flatMap(made => made.wanted))].sort();
  const packOfModule = /** @type {Map<string, number>} */ (new Map());
  const packs = NAMES.map(() => /** @type {Module[]} */ ([]));
  const place = (/** @type {string} */ path, /** @type {number} */ pack) => {
    const made = modules.get(path);
    if (!made || packOfModule.has(path)) return;
    packOfModule.set(path, pack);
    for (const next of made.imports) place(next, pack);
    packs[pack].push(made);
  };
  for (const pack of NAMES.keys()) for (const root of ['src/main.js', ...wanted]) if (packOf(root) === pack) place(root, pack);
  return { packs, packOfModule };
}

/** Everything under `/assets/pack/`, by name. @returns {Record<string, string>} */
export function served() {
  const { packs, packOfModule } = packed();
  const scripts = packs.map((modules, pack) => {
    const foreign = /** @type {Map<string, Set<string>>} */ (new Map());
    for (const path of modules.flatMap(made => made.imports).filter(path => packOfModule.get(path) !== pack)) {
      const other = packOfModule.get(path);
      const file = other === undefined ? `../${path}` : `./${NAMES[other]}`;
      foreign.set(file, (foreign.get(file) ?? new Set()).add(nameOf(path)));
    }
    const imports = [...foreign].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, names]) => (file.startsWith('../')
      ? `import * as ${[...names].sort().join(', ')} from '${file}';\n`
      : `import { ${[...names].sort().join(', ')} } from '${file}';\n`));
    const bodies = modules.map(({ path, text, exports }) => `const ${nameOf(path)}=(()=>{${text}return{${exports.join(',')}};})();\n`);
    return [NAMES[pack], `${imports.join('')}${bodies.join('')}export { ${modules.map(({ path }) => nameOf(path)).join(', ')} };\n`];
  });
  const style = (/** @type {string[]} */ ...names) => withoutComments(names.map(name => read(`style/${name}.css`)).join(''));
  return { ...Object.fromEntries(scripts), 'first.css': style('base', 'parts', 'pages'), 'more.css': style('more') };
}

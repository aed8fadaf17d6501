// Which files a page loads, what they mean and what they weigh as served: without a browser.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import { packed, read, reachable, served, withoutComments } from '../support/served.js';

const FIRST = ['index.html', 'icon.svg', 'vendor/preact.js', 'first.css', 'first.js'];
const MORE = ['more.css', 'parts.js', 'pages.js'];
const packs = served();
const weight = (/** @type {string[]} */ files) => files.reduce((bytes, file) => bytes + gzipSync(packs[file] ?? read(file), { level: 6 }).length, 0);
const own = readdirSync(fileURLToPath(new URL('../../src', import.meta.url)), { recursive: true }).map(file => `src/${file}`).filter(file => file.endsWith('.js'));

test('a script means the same without the comments that are not served', () => {
  const meaning = (/** @type {string} */ script) => transformSync(script, { loader: 'js', minify: true }).code;
  for (const file of own) {
    const script = read(file);
    assert.equal(meaning(withoutComments(script)), meaning(script), file);
  }
});

test('every script can be packed by its lines', () => {
  for (const file of own) {
    // What is not code is not looked at: the same words may stand in a comment.
    for (const line of withoutComments(read(file)).split('\n')) {
      if (/^import\b/.test(line)) assert.match(line, /^import (?:(?:\{ [^}]+ \}|\* as \w+) from )?'\.[^']+\.js';$/, file);
      if (/^\s*export\b/.test(line)) assert.match(line, /^export (?:async )?(?:const|function\*?|class) \w+/, file);
      if (/\bimport\(/.test(line)) assert.match(line, /import\('\.[^']+\.js'\)/, file);
      assert.doesNotMatch(line, /\$(?:core|data|parts|pages|scatter|vendor)_|\bimport\.meta\b|^await /, file);
    }
  }
});

test('no scripts import each other in a circle', () => {
  const modules = reachable();
  const done = new Set();
  const visit = (/** @type {string} */ path, /** @type {string[]} */ way) => {
    assert.ok(!way.includes(path), [...way, path].join(' → '));
    if (done.has(path)) return;
    for (const next of modules.get(path)?.imports ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
});

test('packs are scripts, and each module in them is a function of its own', () => {
  for (const [name, text] of Object.entries(packs).filter(([file]) => file.endsWith('.js'))) {
    assert.doesNotThrow(() => transformSync(text, { loader: 'js' }), name);
    const [begun, ended] = [/^const \$\w+=\(\(\)=>\{/gm, /^return\{[\w,]*\};\}\)\(\);$/gm].map(edge => text.match(edge)?.length);
    assert.ok(begun && begun > 5, name);
    assert.equal(begun, ended, name);
  }
});

test('the shell asks at once for all that the first picture needs, and for nothing else', () => {
  const asked = [...read('index.html').matchAll(/(?:href|src)="\/assets\/([^"]+)"/g)].map(([, file]) => file.replace('pack/', ''));
  assert.deepEqual(['index.html', ...asked].sort(), [...FIRST].sort());
  // What the first pack imports is asked for by the shell, not found after it has come.
  assert.deepEqual([...packs['first.js'].matchAll(/^import .* from '\.\.?\/([^']+)';$/gm)].map(([, file]) => file), ['vendor/preact.js']);
});

test('what / needs first stays below 90 kB as served', () => {
  const sum = weight(FIRST);
  console.log(`first load of /: ${(sum / 1000).toFixed(1)} kB in ${FIRST.length} files`);
  assert.ok(sum < 90_000, `${sum} bytes`);
});

test('every file belongs to a page, and all together stay below 150 kB as served', () => {
  const inPacks = new Set(packed().packs.flat().map(made => made.path));
  assert.deepEqual(own.filter(file => !inPacks.has(file)), [], 'files that no page loads');
  const files = [...FIRST, ...MORE];
  const sum = weight(files);
  console.log(`all pages: ${(sum / 1000).toFixed(1)} kB in ${files.length} files of ${own.length} scripts`);
  assert.ok(sum < 150_000, `${sum} bytes`);
});

// Which files a page loads, and what they weigh as served: read from the imports, without a browser.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { transformSync } from 'esbuild';
import { withoutComments } from '../support/served.js';

const UI = fileURLToPath(new URL('../..', import.meta.url));
const read = (/** @type {string} */ file) => readFileSync(join(UI, file));
const served = (/** @type {string} */ file) => gzipSync(file.startsWith('src/') ? withoutComments(read(file).toString()) : read(file), { level: 6 }).length;

/** All files that these import, themselves included. @param {string[]} from @param {boolean} isWhole also what is imported when it is wanted */
function reached(from, isWhole) {
  const seen = new Set(from);
  const open = [...from];
  for (let file = open.pop(); file; file = open.pop()) {
    const text = read(file).toString();
    const statics = [...text.matchAll(/^(?:import|export) [^;]*?from '(\.[^']+)'/gm), ...text.matchAll(/^import '(\.[^']+)'/gm)];
    const lazies = isWhole ? [...text.matchAll(/import\('(\.[^']+)'\)/g)] : [];
    for (const [, target] of [...statics, ...lazies].filter(([found]) => !found.startsWith('/**'))) {
      const path = normalize(join(dirname(file), target));
      if (!seen.has(path)) {
        seen.add(path);
        open.push(path);
      }
    }
  }
  return seen;
}

const SHELL = ['index.html', 'icon.svg', 'style/base.css', 'style/parts.css', 'style/pages.css'];

test('a script means the same without the comments that are not served', () => {
  const meaning = (/** @type {string} */ script) => transformSync(script, { loader: 'js', minify: true }).code;
  for (const file of reached(['src/main.js'], true)) {
    const script = read(file).toString();
    const bare = withoutComments(script);
    assert.equal(meaning(bare), meaning(script), file);
    assert.equal(bare.split('\n').length, script.split('\n').length, file);
  }
});

test('the shell asks for all scripts of the first load at once, and for no other one', () => {
  // Found one after the other, through what they import, they would come in eight rounds.
  const asked = [...read('index.html').toString().matchAll(/"modulepreload" href="\/assets\/([^"]+)"/g)].map(([, file]) => file);
  assert.deepEqual([...asked, 'src/main.js'].sort(), [...reached(['src/main.js'], false)].sort());
  assert.equal(new Set(asked).size, asked.length);
});

test('what / needs first stays below 90 kB as served', () => {
  const files = [...SHELL, ...reached(['src/main.js'], false)];
  const sum = files.reduce((bytes, file) => bytes + served(file), 0);
  console.log(`first load of /: ${(sum / 1000).toFixed(1)} kB in ${files.length} files`);
  assert.ok(sum < 90_000, `${sum} bytes`);
});

test('every file belongs to a page, and all together stay below 150 kB as served', () => {
  const whole = reached(['src/main.js'], true);
  const own = readdirSync(join(UI, 'src'), { recursive: true }).map(file => `src/${file}`).filter(file => file.endsWith('.js'));
  assert.deepEqual(own.filter(file => !whole.has(file)), [], 'files that no page loads');
  const files = [...SHELL, 'style/more.css', ...whole];
  const sum = files.reduce((bytes, file) => bytes + served(file), 0);
  console.log(`all pages: ${(sum / 1000).toFixed(1)} kB in ${files.length} files`);
  assert.ok(sum < 150_000, `${sum} bytes`);
});

// Builds `vendor/preact.js`: Preact, its hooks, signals and htm as one module with no imports, so
// that the page needs no import map (an inline script, which the CSP forbids) and one request.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = new URL('../../', import.meta.url).pathname;
const PACKAGES = ['preact', 'htm', '@preact/signals', '@preact/signals-core'];
const HOOKS = 'useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState';
const SIGNALS = 'batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect';

const ENTRY = `
import { h } from 'preact';
import htm from 'htm';
export { h, options, render, Fragment, Component } from 'preact';
export { ${HOOKS} } from 'preact/hooks';
export { ${SIGNALS} } from '@preact/signals';
export const html = htm.bind(h);
`;
const TYPES = `// Written by scripts/vendor-ui; only the type checker reads it.
import type { VNode } from 'preact';
export { h, options, render, Fragment, Component } from 'preact';
export type { ComponentChildren, VNode, RefObject } from 'preact';
export { ${HOOKS} } from 'preact/hooks';
export { ${SIGNALS} } from '@preact/signals';
export type { Signal, ReadonlySignal } from '@preact/signals';
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;
`;

/** @param {string} name */
const manifestOf = name => JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'));
/** @param {string} name */
const fileName = name => name.replace('@', '').replace('/', '-');
/** @param {string} path */
const sha256 = path => createHash('sha256').update(readFileSync(path)).digest('hex');

/** @param {string} out */
async function vendor(out) {
  mkdirSync(out, { recursive: true });
  await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'js' },
    outfile: join(out, 'preact.js'),
    bundle: true, minify: true, format: 'esm', target: 'es2022', legalComments: 'none',
    banner: { js: '/* preact, htm, @preact/signals: versions and licences in manifest.json */' },
  });
  writeFileSync(join(out, 'preact.d.ts'), TYPES);
  const packages = PACKAGES.map(name => {
    const { version, license } = manifestOf(name);
    const licenceFile = `${fileName(name)}.LICENSE.txt`;
    copyFileSync(join(ROOT, 'node_modules', name, 'LICENSE'), join(out, licenceFile));
    return { name, version, licence: license, licence_file: licenceFile };
  });
  const files = ['preact.js', 'preact.d.ts', ...packages.map(p => p.licence_file)];
  const manifest = {
    note: 'Written by scripts/vendor-ui. Do not edit: CI rebuilds this folder and compares.',
    esbuild: manifestOf('esbuild').version,
    packages,
    files: files.map(file => ({ file, sha256: sha256(join(out, file)) })),
  };
  writeFileSync(join(out, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
}

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'vendor-ui-'));
  await vendor(fresh);
  const differing = [...new Set([...readdirSync(fresh), ...readdirSync(join(ROOT, 'vendor'))])].filter(file => {
    try {
      return sha256(join(fresh, file)) !== sha256(join(ROOT, 'vendor', file));
    } catch {
      return true; // in one folder only
    }
  });
  rmSync(fresh, { recursive: true });
  if (differing.length > 0) {
    console.error(`vendor/ differs from a fresh build in: ${differing.join(', ')}. Run scripts/vendor-ui and commit.`);
    process.exit(1);
  }
  console.log('vendor/ equals a fresh build');
} else {
  await vendor(join(ROOT, 'vendor'));
  console.log('vendor/ rebuilt');
}

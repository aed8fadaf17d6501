import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MAX_CELLS, pixelRatio } from '../../src/scatter/plot.js';

test('a picture never has more pixels than the collector counts, whatever the screen', () => {
  for (const device of [0.5, 1, 1.25, 1.5, 2, 2.75, 3, 4]) {
    for (const width of [320, 1337, 1920, 3840, 7680]) {
      for (const height of [300, 431, 1080, 2160]) {
        const ratio = pixelRatio(width, height, device);
        assert.ok(Math.round(width * ratio) * (Math.round(height * ratio) + 1) <= MAX_CELLS, `${width} x ${height} at ${device}: ${ratio}`);
        const parts = Math.min(3, device) / ratio;
        assert.ok(Math.abs(parts - Math.round(parts)) < 1e-9, `a pixel is ${parts} of the screen's`);
      }
    }
  }
});

test('usual screens are drawn in their own pixels', () => {
  assert.equal(pixelRatio(1380, 430, 1), 1);
  assert.equal(pixelRatio(1880, 520, 2), 2);
  assert.equal(pixelRatio(1380, 430, 0), 1, 'a browser that does not say');
});

test('the limit is that of the collector', () => {
  const source = readFileSync(new URL('../../../src/store/grid.rs', import.meta.url), 'utf8');
  const [, factor, shift] = /MAX_GRID_CELLS: usize = (\d+) << (\d+);/.exec(source) ?? [];
  assert.equal(MAX_CELLS, Number(factor) * 2 ** Number(shift));
});

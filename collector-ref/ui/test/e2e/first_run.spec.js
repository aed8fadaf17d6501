// The page of a collector that nobody has sent anything to. The socket is a stand-in: the collector
// under test has load. What it says is encoded as the collector does.
import { block, frame, join, jsonPayload, pointsPayload, random } from '../support/points.js';
import { POINTS, HELLO, PULSE } from '../../src/data/points.js';
import { axe, expect, test } from './support.js';

test('an empty collector shows three steps, and the first dot by itself', async ({ page }) => {
  const say = { point: () => {} };
  await page.routeWebSocket('**/api/v1/live', socket => {
    const send = (...frames) => socket.send(Buffer.from(join(...frames)));
    const now = () => Date.now() * 1000;
    const pulse = objects => send(frame(PULSE, 0n, jsonPayload({ unix_us: now(), rate: 0, errors_per_s: 0, active: {}, objects, newest_errors: [], alerts_new: 0 })));
    socket.onMessage(text => {
      const wish = JSON.parse(String(text));
      if (wish.op !== 'subscribe') return;
      if (wish.topic === 'pulse') {
        pulse([]);
        return;
      }
      const hello = { topic: 'points', id: wish.id, now_unix_us: now() };
      send(frame(HELLO, 0n, jsonPayload({ ...hello, phase: 'begin', resumed: false })), frame(HELLO, 0n, jsonPayload({ ...hello, phase: 'live' })));
    });
    say.point = () => {
      pulse([{ id: 1, name: '/host/orders', alive: true }]);
      send(frame(POINTS, 1n, pointsPayload(block(random(1), Date.now() - 1_000, 1))));
    };
  });
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Three steps to the first dot' })).toBeVisible();
  await expect(page.getByText(/Agents connect to/)).toBeVisible();
  await expect(page.locator('pre').first()).toContainText('scouter');
  expect(await axe(page)).toEqual([]);
  say.point();
  await expect(page.getByTestId('in-view')).toHaveText('1');
  await expect(page.locator('.first-run')).toHaveCount(0);
});

// Runs a load again and again, one at a time: after a pause, or at once when there is news.

/** What a test replaces. @typedef {{after: (run: () => void, ms: number) => any, cancel: (timer: any) => void}} Timers */

/** @type {Timers} */
const browserTimers = { after: (run, ms) => setTimeout(run, ms), cancel: timer => clearTimeout(timer) };

export class Reloader {
  /**
   * @param {() => Promise<void>} load must not throw
   * @param {number} everyMs pause between two loads, 0 for none by itself
   * @param {Timers} [timers]
   */
  constructor(load, everyMs, timers = browserTimers) {
    this.load = load;
    this.everyMs = everyMs;
    this.timers = timers;
    this.isLoading = false;
    /** News came while a load was under way: what that brings may be older. */
    this.isWantedAgain = false;
    this.isStopped = false;
    /** @type {any} */
    this.timer = null;
  }

  /**
   * Loads at once, or right after the load under way: however often news comes, each load ends, so
   * that a slow answer is not starved by aborting it.
   */
  now() {
    if (this.isStopped) return;
    if (this.isLoading) {
      this.isWantedAgain = true;
      return;
    }
    this.timers.cancel(this.timer);
    void this.run();
  }

  async run() {
    this.isLoading = true;
    do {
      this.isWantedAgain = false;
      await this.load();
    } while (this.isWantedAgain && !this.isStopped);
    this.isLoading = false;
    if (this.everyMs > 0 && !this.isStopped) this.timer = this.timers.after(() => this.now(), this.everyMs);
  }

  /** No load begins after this. */
  stop() {
    this.isStopped = true;
    this.timers.cancel(this.timer);
  }
}

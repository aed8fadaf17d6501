// A look into one running process: its threads and tasks, where its time and memory go, which values it
// is called with, what it runs in.

import { html, useState } from '../../vendor/preact.js';
import { toolHref } from '../core/links.js';
import { url } from '../core/router.js';
import { CaptureTool } from '../parts/captures.js';
import { EnvironmentTool } from '../parts/environment.js';
import { HeapTool } from '../parts/heap.js';
import { Instances } from '../parts/instances.js';
import { StacksTool } from '../parts/hot_stacks.js';
import { TasksTool } from '../parts/tasks.js';
import { ThreadsTool } from '../parts/threads.js';
import { TOOLS, ToolTabs, useMayAct } from '../parts/tool_tabs.js';

/**
 * @typedef {object} ToolProps
 * @property {string} object
 * @property {string} path the object as a part of an API path
 * @property {{instance?: string}} query which of the processes of this name
 * @property {boolean} mayAct
 * @property {(error: any) => void} onAmbiguous
 */

/** @type {Record<string, (props: ToolProps) => any>} */
const BODIES = { threads: ThreadsTool, tasks: TasksTool, sfa: StacksTool, heap: HeapTool, capture: CaptureTool, env: EnvironmentTool };

/** @param {{object: string, tool: string}} props */
export function ToolPage({ object, tool }) {
  const instance = url.value.searchParams.get('instance') ?? undefined;
  const mayAct = useMayAct();
  const [ambiguous, setAmbiguous] = useState('');
  const body = BODIES[tool];
  if (!body) return html`<section class="panel calm"><h2>There is no such tool</h2><p>Tools are ${TOOLS.map(([name, title], i) => html`${i > 0 && ', '}<a href=${toolHref(object, name)}>${title}</a>`)}.</p></section>`;
  const key = `${tool} ${instance ?? ''}`;
  if (ambiguous === key) return html`<${Instances} object=${object} hrefOf=${(/** @type {string} */ one) => toolHref(object, tool, one)} />`;
  const title = TOOLS.find(([name]) => name === tool)?.[1];
  return html`<section class="panel tool-head" aria-labelledby="tool-title"><header class="panel-head"><h2 id="tool-title">${title} of ${object}</h2>${instance && html`<code class="mut" title="Instance">${instance.slice(0, 8)}…</code>`}</header>
      <${ToolTabs} object=${object} instance=${instance} current=${tool} /></section>
    ${mayAct !== undefined && html`<${body} key=${key} object=${object} path=${encodeURIComponent(object)} query=${{ instance }} mayAct=${mayAct} onAmbiguous=${() => setAmbiguous(key)} />`}`;
}

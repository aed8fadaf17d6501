// Written by scripts/vendor-ui; only the type checker reads it.
import type { VNode } from 'preact';
export { h, options, render, Fragment, Component } from 'preact';
export type { ComponentChildren, VNode, RefObject } from 'preact';
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
export { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } from '@preact/signals';
export type { Signal, ReadonlySignal } from '@preact/signals';
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode;

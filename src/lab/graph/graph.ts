/** Pictures of a lab: one model, one scene, four ways to show it. Pure. */
import type { LabModel } from '../topology/model.ts';
import { dot } from './dot.ts';
import type { Drawing } from './drawing.ts';
import { flat } from './flat.ts';
import { layout } from './layout.ts';
import { mermaid } from './mermaid.ts';
import { sceneOf } from './scene.ts';
import { pixels, svg, type Theme } from './svg.ts';
import { terminal } from './terminal.ts';

export interface GraphOptions {
  readonly format: 'svg' | 'mermaid' | 'dot' | 'text';
  /** Columns of text. */
  readonly width: number;
  readonly theme: Theme;
}

export function graph(model: LabModel, { format, width, theme }: GraphOptions): string {
  const scene = sceneOf(model);
  if (format === 'mermaid') return mermaid(flat(scene));
  if (format === 'dot') return dot(flat(scene), model.name);
  if (format === 'text') return terminal(layout(scene, width));
  return svg(pageOf(model), model.name, theme);
}

/** Columns that are tried, and the shape that is looked for: width by height. */
const widths = [100, 150, 190, 230, 280, 330];
const shape = 1;

/** Of the pages that a lab may be drawn on, the one that a screen shows best. */
export function pageOf(model: LabModel): Drawing {
  const scene = sceneOf(model);
  const pages = widths.map((width) => layout(scene, width));
  const distance = (page: Drawing) => {
    const { width, height } = pixels(page);
    return Math.abs(Math.log(width / height / shape));
  };
  return pages.reduce((best, page) => (distance(page) < distance(best) ? page : best));
}

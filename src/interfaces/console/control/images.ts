/** What the field for an image offers: what nodes have, and what a registry has whose name begins what is typed. Pure. */
import { checkRegistry } from '../../../domain/image.ts';
import type { Effect, Form, Happening, ImageChoice, ImageOption } from '../state.ts';

export const noImages: ImageChoice = { local: [], registries: new Map(), index: -1 };

const fieldOf = ({ fields }: Form, id: 'node' | 'image'): string =>
  fields.find((field) => field.id === id)?.value.trim() ?? '';

const registryKey = (node: string, registry: string): string => `${node} ${registry}`;

/** HOST[:PORT] before the first slash. */
function registryIn(text: string): string | undefined {
  const slash = text.indexOf('/');
  try {
    return slash < 1 ? undefined : checkRegistry(text.slice(0, slash));
  } catch {
    return undefined;
  }
}

/** What is known of the registry that is typed. */
export function shownRegistry(form: Form) {
  const registry = registryIn(fieldOf(form, 'image'));
  if (registry === undefined) return undefined;
  const known = form.images.registries.get(registryKey(fieldOf(form, 'node'), registry));
  return known && { registry, ...known };
}

/** Those that begin with what is typed, then those that have it somewhere. */
export function offeredImages(form: Form): readonly ImageOption[] {
  const typed = fieldOf(form, 'image').toLowerCase();
  const { local } = form.images;
  const there = new Set(local.map(({ name }) => name));
  const names = (shownRegistry(form)?.names ?? []).filter((name) => !there.has(name));
  const all = [...local, ...names.map((name): ImageOption => ({ name, nodes: [] }))];
  const begins = all.filter(({ name }) => name.toLowerCase().startsWith(typed));
  const has = all.filter(({ name }) => !begins.some((one) => one.name === name) && name.toLowerCase().includes(typed));
  return [...begins, ...has].filter(({ name }) => name !== fieldOf(form, 'image'));
}

/** A registry is asked once, when its name is whole. */
export function askingRegistry(form: Form): { readonly form: Form; readonly effects: readonly Effect[] } {
  const registry = registryIn(fieldOf(form, 'image'));
  const node = fieldOf(form, 'node');
  if (registry === undefined || form.images.registries.has(registryKey(node, registry))) return { form, effects: [] };
  const registries = new Map(form.images.registries);
  registries.set(registryKey(node, registry), { state: 'asked', names: [], why: '' });
  return {
    form: { ...form, images: { ...form.images, registries } },
    effects: [{ kind: 'registry', registry, node }],
  };
}

export function withImages(form: Form, images: readonly ImageOption[]): Form {
  return { ...form, images: { ...form.images, local: images } };
}

export function withRegistry(form: Form, heard: Extract<Happening, { kind: 'registry' }>): Form {
  const registries = new Map(form.images.registries);
  registries.set(registryKey(heard.node, heard.registry), heard.known);
  return { ...form, images: { ...form.images, registries } };
}

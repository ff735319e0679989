import { RevisionStore, type RevisionStoreOptions } from '../revision-store.ts';
import type { Store } from '../store.ts';
import { MemoryMedium } from './memory-medium.ts';

/** A store that ends with its process. It does all that the others do, apart from being durable. */
export function createMemoryStore(options: RevisionStoreOptions): Store {
  return new RevisionStore(new MemoryMedium(), options);
}

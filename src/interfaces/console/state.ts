/** All that the console knows, as one value; and what may happen to it. */
import type { MethodName, Params } from '../../protocol/methods.ts';
import type { ContainerView, NetworkView, NodeView, StatsView } from '../../protocol/views.ts';
import type { Glyphs } from './glyphs.ts';
import type { Key } from './keys.ts';
import type { Tell } from './strings/sentences.ts';
import type { Say, StringKey, Values } from './strings/strings.ts';

/** What does not change while the console runs. */
export interface Settings {
  readonly say: Say;
  /** For what servers and agents say. */
  readonly tell: Tell;
  readonly glyphs: Glyphs;
  readonly readOnly: boolean;
  /** By what name the user reaches the cluster. */
  readonly place: string;
}

export interface Data {
  readonly nodes: readonly NodeView[];
  readonly networks: readonly NetworkView[];
  readonly containers: readonly ContainerView[];
  /** All lists have come at least once. */
  readonly complete: boolean;
  readonly cluster: string;
  /** The node that this host is; empty when it is none. */
  readonly host: string;
}

/** Of a node, at one report. Shares 0…1, bytes a second. */
export interface Sample {
  readonly cpu: number;
  readonly memory: number;
  readonly received: number;
  readonly sent: number;
}

/** Of a container, at one look. `cpu` in cores, bytes, bytes a second. */
export interface Use {
  readonly cpu: number;
  readonly memory: number;
  /** What it may have. */
  readonly limit: number;
  readonly received: number;
  readonly sent: number;
}

/** Of the container that was looked at last. */
export interface Used {
  /** Row id. */
  readonly id: string;
  readonly samples: readonly Use[];
  /** Counters of the newest, and when they were read by its node's clock. */
  readonly last?: { readonly time: number; readonly received: number; readonly sent: number };
  /** Why there is nothing new; empty while there is. */
  readonly missing: string;
}

export type Subject = 'nodes' | 'networks' | 'containers' | 'events';

/** Of one list: where one stands in it, and how it is shown. */
export interface ListState {
  readonly subject: Subject;
  /** Only what is there. */
  readonly node?: string;
  readonly network?: string;
  readonly filter: string;
  /** Column id. */
  readonly sort: string;
  readonly descending: boolean;
  /** Column id of the cell that one is on; empty: the first. */
  readonly column: string;
  /** Row id; where it stood, for when it is gone. */
  readonly selected: string;
  readonly index: number;
  /** First visible row. */
  readonly top: number;
}

export type Pick = 'destroy' | 'leave';

export interface ListsView {
  readonly kind: 'lists';
  readonly title: 'overview' | Subject;
  readonly lists: readonly ListState[];
  readonly focus: number;
  /** What Enter does here instead of opening. */
  readonly pick?: Pick;
}

export interface DetailView {
  readonly kind: 'detail';
  readonly subject: 'nodes' | 'networks' | 'containers';
  /** Row id. */
  readonly id: string;
  readonly top: number;
}

/** Milliseconds since the epoch. `text`: as it was asked for. */
export interface LogRange {
  readonly text: string;
  readonly since?: number;
  readonly until?: number;
}

export interface LogLine {
  /** RFC 3339. */
  readonly time: string;
  readonly text: string;
  readonly error: boolean;
}

export interface LogsView {
  readonly kind: 'logs';
  /** Of the stream: what an older one still says is dropped. */
  readonly stream: number;
  /** As the cluster finds it. */
  readonly reference: string;
  readonly name: string;
  readonly node: string;
  readonly lines: readonly LogLine[];
  /** Lines before these were dropped. */
  readonly dropped: boolean;
  readonly follow: boolean;
  readonly wrap: boolean;
  readonly timestamps: boolean;
  readonly range: LogRange;
  readonly search: string;
  /** Index of the first visible line, while it does not follow. */
  readonly top: number;
  readonly ended?: string;
}

export type View = ListsView | DetailView | LogsView;

export interface Field {
  readonly id: 'node' | 'image' | 'network' | 'ports' | 'name' | 'command' | 'subnet';
  /** A choice's value is one of the options; '' is the first. */
  readonly kind: 'text' | 'choice';
  readonly value: string;
}

/** An image that may be chosen, and the nodes that have it already. */
export interface ImageOption {
  readonly name: string;
  readonly nodes: readonly string[];
}

/** What a registry has, as it was asked from a node. */
export interface KnownRegistry {
  readonly state: 'asked' | 'known' | 'failed';
  readonly names: readonly string[];
  /** Why nothing is known. */
  readonly why: string;
}

export interface ImageChoice {
  readonly local: readonly ImageOption[];
  /** By `registryKey`. */
  readonly registries: ReadonlyMap<string, KnownRegistry>;
  /** Which of those that are offered; -1: what is typed. */
  readonly index: number;
}

export interface Form {
  readonly kind: 'form';
  readonly form: 'launch' | 'network';
  /** Nobody asked for it: there is no network yet. */
  readonly first: boolean;
  readonly fields: readonly Field[];
  readonly focus: number;
  readonly problem: string;
  /** Of a launch. */
  readonly images: ImageChoice;
}

export interface Question {
  readonly kind: 'question';
  readonly text: string;
  /** To be typed; absent: y or n. */
  readonly word?: string;
  readonly typed: string;
  /** What else would go, if that is agreed to. */
  readonly others: readonly string[];
  readonly force: boolean;
  readonly effect: (force: boolean) => Effect;
}

export interface Prompt {
  readonly kind: 'prompt';
  readonly prompt: 'filter' | 'palette' | 'search' | 'range' | 'save';
  readonly text: string;
  /** What was there before. */
  readonly before: string;
  /** Which of the suggestions. */
  readonly index: number;
}

export interface Help {
  readonly kind: 'help';
  readonly top: number;
}

export type Overlay = Form | Question | Prompt | Help;

export interface Message {
  readonly text: string;
  readonly bad: boolean;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

export interface State {
  readonly settings: Settings;
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
  readonly data: Data;
  readonly history: ReadonlyMap<string, readonly Sample[]>;
  readonly used?: Used;
  readonly link: { readonly state: 'connecting' | 'up' | 'down'; readonly why: string };
  /** Breadcrumbs; the last is shown. */
  readonly views: readonly [View, ...View[]];
  readonly overlay?: Overlay;
  readonly message?: Message;
  readonly problems: boolean;
  readonly stopped: boolean;
  readonly mouse: boolean;
  /** The first network has been asked for, or there is one. */
  readonly offered: boolean;
  /** Number of the newest stream. */
  readonly streams: number;
}

/** Said in the last line but one. */
export interface Said {
  readonly key: StringKey;
  readonly values?: Values;
}

/** A request that changes the cluster. */
export interface Change<M extends MethodName = MethodName> {
  readonly kind: 'change';
  readonly method: M;
  readonly params: Params<M>;
  readonly deadlineMs?: number;
  readonly done: Said;
}

export type Effect =
  | Change
  | { readonly kind: 'quit' }
  /** Asks which segment is free. */
  | { readonly kind: 'offer' }
  /** Asks which images nodes have. */
  | { readonly kind: 'images' }
  /** Asks what a registry has; from a node, if one is chosen. */
  | { readonly kind: 'registry'; readonly registry: string; readonly node: string }
  | { readonly kind: 'open-logs'; readonly stream: number; readonly reference: string; readonly range: LogRange }
  | { readonly kind: 'close-logs' }
  | {
      readonly kind: 'save-logs';
      readonly reference: string;
      readonly range: LogRange;
      readonly timestamps: boolean;
      readonly path: string;
    }
  | { readonly kind: 'shell'; readonly reference: string; readonly name: string; readonly node: string }
  | { readonly kind: 'copy'; readonly text: string }
  | { readonly kind: 'mouse'; readonly on: boolean }
  | { readonly kind: 'redraw' };

export type Happening =
  | { readonly kind: 'key'; readonly key: Key }
  | { readonly kind: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'data'; readonly data: Partial<Data> }
  | { readonly kind: 'use'; readonly id: string; readonly stats: StatsView }
  | { readonly kind: 'link'; readonly state: 'up' | 'down'; readonly why: string }
  | { readonly kind: 'offered'; readonly subnet: string }
  | { readonly kind: 'images'; readonly images: readonly ImageOption[] }
  | { readonly kind: 'registry'; readonly registry: string; readonly node: string; readonly known: KnownRegistry }
  | { readonly kind: 'log-lines'; readonly stream: number; readonly lines: readonly LogLine[] }
  | { readonly kind: 'log-end'; readonly stream: number; readonly why: string }
  | { readonly kind: 'said'; readonly said: Said; readonly bad: boolean };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Labs of bare namespaces, as the command line needs them; the composition brings them. Each throws Failure. */

/** One step of what would be done. */
export interface LabStep {
  readonly sentence: string;
  /** Lines of shell. */
  readonly commands: readonly string[];
}

export interface LabSummary {
  readonly name: string;
  readonly status: 'up' | 'building' | 'broken';
  readonly nodes: number;
  readonly links: number;
  /** The topology file, a scenario's path, or NxM; empty when nobody knows. */
  readonly file: string;
  /** Milliseconds since the epoch; null when nobody knows. */
  readonly since: number | null;
}

export interface LabNodeView {
  readonly name: string;
  readonly kind: string;
  /** Of a container. */
  readonly host: string | null;
  readonly namespace: string;
  /** Of a host: engine, etcd, server, agent. */
  readonly runs: readonly string[];
  /** Of a container that an engine runs. */
  readonly image: string | null;
  readonly interfaces: readonly {
    readonly name: string;
    readonly cidr: string | null;
    readonly mac: string | null;
    readonly bridge: string | null;
    /** NODE:INTERFACE; null for a bridge. */
    readonly peer: string | null;
  }[];
  readonly routes: readonly string[];
}

export interface LabView {
  readonly name: string;
  readonly status: LabSummary['status'];
  readonly file: string;
  readonly nodes: readonly LabNodeView[];
  readonly links: readonly {
    readonly ends: readonly [string, string];
    readonly up: boolean;
    /** Bits per second; null: any. */
    readonly rate: number | null;
    /** Percent. */
    readonly loss: number;
  }[];
}

export interface LabReport {
  readonly lab: string;
  readonly verdicts: readonly { readonly expected: string; readonly ok: boolean; readonly found: string }[];
  readonly pings: readonly { readonly from: string; readonly to: string; readonly answered: boolean }[];
  /** Milliseconds. */
  readonly took: number;
}

export type LabChange = { readonly rate: string | null } | { readonly loss: number } | { readonly up: boolean };

export const pictureFormats = ['text', 'svg', 'mermaid', 'dot'] as const;
export const pictureThemes = ['auto', 'light', 'dark'] as const;

export interface LabPicture {
  readonly format: (typeof pictureFormats)[number];
  /** Of an SVG; auto: as whoever looks prefers it. */
  readonly theme: (typeof pictureThemes)[number];
  /** Of text: columns. */
  readonly width: number;
}

/** Told of what a file holds and a lab has no use for. */
type Warn = (text: string) => void;

export interface LabTools {
  /** @param source a file, a scenario or NxM. Aborted, it leaves nothing. */
  up(source: string, signal: AbortSignal, warn: Warn): Promise<LabView>;
  upSteps(source: string, warn: Warn): Promise<readonly LabStep[]>;
  down(name?: string): Promise<string>;
  downSteps(name?: string): Promise<readonly LabStep[]>;
  list(): Promise<readonly LabSummary[]>;
  scenarios(): Promise<readonly string[]>;
  inspect(name?: string): Promise<LabView>;
  /** @returns the program's exit code. @param node `[LAB/]NODE` */
  exec(node: string, argv: readonly string[]): Promise<number>;
  /** @param which a lab that is up, or the source of one that somebody built by its script; absent: the only lab */
  test(which: string | undefined, warn: Warn): Promise<LabReport>;
  /** As XML. */
  junit(report: LabReport): Promise<string>;
  /** @param which a lab that is up, a file, a scenario or NxM. @returns paths of what was written */
  script(which: string, directory: string, warn: Warn): Promise<readonly string[]>;
  explain(which: string | undefined, warn: Warn): Promise<readonly LabStep[]>;
  /** @param which a lab that is up, a file, a scenario or NxM; absent: the only lab */
  graph(which: string | undefined, picture: LabPicture, warn: Warn): Promise<string>;
  /** @param link `[LAB/]NODE:INTERFACE` */
  set(link: string, change: LabChange, dryRun: boolean): Promise<readonly LabStep[]>;
  /** @param place `[LAB/]NODE`, or one of its interfaces. @param file where packets are written to; absent: told as text */
  capture(place: string, file: string | undefined): Promise<number>;
}

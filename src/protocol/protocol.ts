/** The door of `protocol`: what travels between processes. */
export * from './api.ts';
export * from './control.ts';
export * from './events.ts';
export * from './feed.ts';
export * from './inbox.ts';
export * from './methods.ts';
export * from './readiness.ts';
export type { ServedApi } from './server-answers.ts';
export * from './stream-methods.ts';
export * from './streams.ts';
export type {
  ContainerStats,
  ContainerView,
  EngineContainer,
  ImagesOfNode,
  NetworkView,
  NodeView,
  StatsView,
  TokenView,
  UserView,
} from './views.ts';

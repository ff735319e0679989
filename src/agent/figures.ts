/** What an agent tells Prometheus of what it does, and counts as it does it. What it has is read by `monitoring.ts`. */
import type { RequestHandler } from '../bus/bus.ts';
import { type QuestionOutcome, questionOutcomes } from '../dns/dns.ts';
import { isFailure } from '../domain/domain.ts';
import { type Pass, subjectOf } from '../kernel/kernel.ts';
import { Metrics, type RequestMeter, requestMeter } from '../platform/platform.ts';
import { methods, streams } from '../protocol/protocol.ts';

/** Seconds: from memory, from a resolver nearby, from one that does not answer at once. */
const answerTimes = [0.0001, 0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5];

/** Of a topic: a delta that fitted, one that had been seen, one that did not fit, and a snapshot taken. */
export type FeedCount = 'applied' | 'seen' | 'gap' | 'snapshot';

export interface Figures {
  readonly metrics: Metrics;
  feed(what: FeedCount): void;
  pass(pass: Pass): void;
  question(outcome: QuestionOutcome, seconds: number): void;
  /** Counts one request of somebody on this host. */
  readonly request: RequestMeter;
  /** Counts what servers ask. */
  over(handler: RequestHandler): RequestHandler;
}

export function createFigures(metrics: Metrics = new Metrics()): Figures {
  const meter = requestMeter(metrics, (error) => (isFailure(error) ? error.code : 'internal'));
  const request: RequestMeter = (method, work) => meter(isKnown(method) ? method : 'unknown', work);
  return {
    metrics,
    feed: feedFigures(metrics),
    pass: kernelFigures(metrics),
    question: questionFigures(metrics),
    request,
    over: (handler) => ({
      call: (method, ...rest) => request(method, () => handler.call(method, ...rest)),
      open: (method, ...rest) => request(method, () => handler.open(method, ...rest)),
    }),
  };
}

const isKnown = (method: string) => Object.hasOwn(methods, method) || Object.hasOwn(streams, method);

function feedFigures(metrics: Metrics): Figures['feed'] {
  const messages = metrics.counter('trama_feed_messages_total', 'Deltas of the feed, by what became of them.');
  const snapshots = metrics.counter('trama_feed_snapshots_total', 'Snapshots of topics taken.').of({});
  const gaps = metrics
    .counter('trama_feed_gaps_total', 'Deltas that did not fit what was known: what is missing is asked for.')
    .of({});
  const mended = metrics.counter('trama_feed_mended_total', 'Times that what was missed could be told.').of({});
  const outcomes = { applied: messages.of({ outcome: 'applied' }), seen: messages.of({ outcome: 'seen' }) };
  const counters = { ...outcomes, gap: gaps, snapshot: snapshots, mended };
  return (what) => counters[what].add();
}

function kernelFigures(metrics: Metrics): Figures['pass'] {
  const seconds = metrics.histogram(
    'trama_reconcile_duration_seconds',
    'Passes that made the kernel as desired, in seconds: full ones look at all of it first.',
  );
  const steps = metrics.counter('trama_kernel_steps_total', 'Steps done in the kernel, by operation.');
  const repairs = metrics.counter('trama_repairs_total', 'What others had changed and was put right, by kind.');
  let failed = 0;
  metrics.read('gauge', 'trama_kernel_failed_steps', 'Steps that failed and are tried again.', () => failed);
  return ({ looked, seconds: took, outcome, repairs: repaired }) => {
    seconds.of({ kind: looked ? 'full' : 'change' }).observe(took);
    for (const { op } of outcome.applied) steps.of({ operation: op }).add();
    for (const step of repaired) repairs.of({ kind: subjectOf(step).kind }).add();
    failed = outcome.failed.length;
  };
}

function questionFigures(metrics: Metrics): Figures['question'] {
  const questions = metrics.counter('trama_dns_questions_total', 'Questions for names, by outcome.');
  const seconds = metrics.histogram('trama_dns_answer_duration_seconds', 'How long answers took.', answerTimes);
  const series = new Map(
    questionOutcomes.map((outcome) => [
      outcome,
      { count: questions.of({ outcome }), seconds: seconds.of({ outcome }) },
    ]),
  );
  return (outcome, took) => {
    const one = series.get(outcome);
    one?.count.add();
    one?.seconds.observe(took);
  };
}

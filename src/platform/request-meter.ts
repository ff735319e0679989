/** Requests, counted by method and outcome, and how long they took: one way for all who answer any. */
import { type Counter, type Histogram, type Metrics, stopwatch } from './metrics.ts';

/** Runs the work of one request. `method` is one of a bounded number. */
export type RequestMeter = <T>(method: string, work: () => Promise<T>) => Promise<T>;

/** @param outcomeOf what to call a failure; one of a bounded number of words */
export function requestMeter(metrics: Metrics, outcomeOf: (error: unknown) => string): RequestMeter {
  const requests = metrics.counter('trama_requests_total', 'Requests answered, by method and outcome.');
  const seconds = metrics.histogram('trama_request_duration_seconds', 'How long requests took, in seconds.');
  // Labels take longer to write than many a request to answer.
  const counted = new Map<string, Counter>();
  const timed = new Map<string, Histogram>();
  return async (method, work) => {
    const since = stopwatch();
    let outcome = 'ok';
    try {
      return await work();
    } catch (error) {
      outcome = outcomeOf(error);
      throw error;
    } finally {
      known(counted, `${method} ${outcome}`, () => requests.of({ method, outcome })).add();
      known(timed, method, () => seconds.of({ method })).observe(since());
    }
  };
}

function known<T>(all: Map<string, T>, key: string, make: () => T): T {
  let one = all.get(key);
  if (one === undefined) {
    one = make();
    all.set(key, one);
  }
  return one;
}

/** Where questions of all addresses and both transports are answered. */
import { type Clock, stopwatch } from '../../platform/platform.ts';
import type { QuestionOutcome, Zone } from '../dns.ts';
import type { Transport } from '../forward/exchange.ts';
import type { Forwarder } from '../forward/forwarder.ts';
import { readUpstream } from '../forward/upstream.ts';
import { bareAnswer, buildAnswer, composeAnswer, mistakeAnswer, type Reply, sizeOver } from '../message/answer.ts';
import { type Question, readQuestion } from '../message/question.ts';
import { datagram, flags, rcodes } from '../message/wire.ts';
import { type Resolved, resolve } from '../resolve.ts';
import { AnswerCache } from './answer-cache.ts';
import type { Asker } from './clients.ts';

/** Questions that are passed on at the same time. */
export interface PassedOn {
  readonly ofClient: number;
  readonly ofAll: number;
}

export interface DeskOptions {
  readonly zone: Zone;
  readonly clock: Clock;
  readonly forwarder: Forwarder;
  readonly passedOn: PassedOn;
  /** Whether that is this server: what were passed on to it would come back for ever. */
  isOwn(address: string, port: number): boolean;
  answered?(outcome: QuestionOutcome, seconds: number): void;
}

type Send = (answer: Buffer) => void;
/** Sends, and says what kind of answer it is. */
type SendAs = (outcome: QuestionOutcome, answer: Buffer) => void;

interface Asked {
  readonly asker: Asker;
  readonly message: Buffer;
  readonly transport: Transport;
  readonly send: SendAs;
  readonly compose: (question: Question, reply: Reply) => Buffer;
}

export class Desk {
  readonly #options: DeskOptions;
  readonly #cache = new AnswerCache();
  /** Answers given, by which addresses take turns. */
  #turn = 0;
  #passedOn = 0;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** @param send is called at most once, maybe later */
  overUdp(asker: Asker, message: Buffer, send: Send): void {
    const sendAs = this.#told(send);
    const asked = message.toString('latin1', 2);
    const kept = this.#cache.get(asker, asked, this.#options.zone.version);
    if (kept !== undefined) {
      kept.turn += 1;
      sendAs('cached', composeAnswer(kept.answer, message.readUInt16BE(0), kept.turn));
      return;
    }
    const compose = (question: Question, reply: Reply) => {
      const answer = buildAnswer(message, question, reply, sizeOver(question));
      this.#cache.keep(asker, asked, { answer, turn: this.#turn });
      return composeAnswer(answer, message.readUInt16BE(0), this.#turn);
    };
    this.#answer({ asker, message, transport: 'udp', send: sendAs, compose });
  }

  /**
   * @param send is called once, maybe later
   * @returns false when it is not: these bytes are no question
   */
  overTcp(asker: Asker, message: Buffer, send: Send): boolean {
    const compose = (question: Question, reply: Reply) => {
      const answer = buildAnswer(message, question, reply, 0xffff);
      return composeAnswer(answer, message.readUInt16BE(0), this.#turn);
    };
    return this.#answer({ asker, message, transport: 'tcp', send: this.#told(send), compose });
  }

  #told(send: Send): SendAs {
    const since = stopwatch();
    return (outcome, answer) => {
      send(answer);
      this.#options.answered?.(outcome, since());
    };
  }

  #answer(asked: Asked): boolean {
    const { asker, message, send } = asked;
    const { zone } = this.#options;
    const question = readQuestion(message);
    if (question === undefined) return false;
    if (question.kind === 'mistake') {
      send('malformed', mistakeAnswer(message, question.rcode));
      return true;
    }
    const resolved = resolve(zone, asker.client, question);
    const known = resolved === 'pass on' && !this.#isBusy(asker) ? zone.untilKnown(asker.client) : undefined;
    if (known === undefined) this.#give(asked, question, resolved);
    else
      void this.#counted(asker, known).then(() => this.#give(asked, question, resolve(zone, asker.client, question)));
    return true;
  }

  #give(asked: Asked, question: Question, resolved: Resolved): void {
    const { message, send, compose } = asked;
    if (resolved === 'refused') send('refused', bareAnswer(message, question, rcodes.refused));
    else if (resolved === 'pass on') this.#passOn(asked, question);
    else {
      this.#turn += 1;
      send('answered', compose(question, resolved));
    }
  }

  #isBusy(asker: Asker): boolean {
    const { passedOn } = this.#options;
    return asker.passedOn >= passedOn.ofClient || this.#passedOn >= passedOn.ofAll;
  }

  /** What is waited for for a question of the asker's counts as long as it lasts. */
  async #counted<T>(asker: Asker, waited: Promise<T>): Promise<T> {
    asker.passedOn += 1;
    this.#passedOn += 1;
    try {
      return await waited;
    } finally {
      asker.passedOn -= 1;
      this.#passedOn -= 1;
    }
  }

  #passOn({ asker, message, transport, send }: Asked, question: Question): void {
    const { zone, clock, forwarder } = this.#options;
    const upstreams = zone.upstreams(asker.client).filter((each) => this.#isOther(each));
    if (upstreams.length === 0 || this.#isBusy(asker) || !asker.allowance.take(clock.now())) {
      // Told at once, since silence would hold up who asks for 5 s.
      send('refused', bareAnswer(message, question, rcodes.refused));
      return;
    }
    const query = withSmallerSize(message, question);
    void this.#counted(asker, forwarder.ask(query, question.end, upstreams, transport)).then((answer) => {
      if (answer === undefined) send('failed', bareAnswer(message, question, rcodes.serverFailure));
      else send('forwarded', this.#relayed(message, question, transport, answer));
    });
  }

  #isOther(text: string): boolean {
    const upstream = readUpstream(text);
    return upstream !== undefined && !this.#options.isOwn(upstream.address, upstream.port);
  }

  #relayed(message: Buffer, question: Question, transport: Transport, answer: Buffer): Buffer {
    if (transport === 'udp' && answer.length > sizeOver(question)) {
      return bareAnswer(message, question, rcodes.noError, flags.truncated);
    }
    const relayed = Buffer.from(answer);
    message.copy(relayed, 0, 0, 2);
    return relayed;
  }
}

/** A question that takes no larger datagrams than this server sends on. */
function withSmallerSize(message: Buffer, question: Question): Buffer {
  if (question.edns === undefined || question.edns.size <= datagram.most) return message;
  const query = Buffer.from(message);
  query.writeUInt16BE(datagram.most, question.edns.at);
  return query;
}

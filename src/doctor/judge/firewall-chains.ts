/** Firewalls as chains, whoever wrote them. Pure: reads what `nft list ruleset` and `iptables -S` print. */

export interface Chain {
  readonly tool: 'nft' | 'iptables';
  /** `inet firewalld`; of iptables `filter`. */
  readonly table: string;
  readonly name: string;
  /** input, forward, output, prerouting …; absent: reached by jumps only. */
  readonly hook?: string;
  /** Only of type filter. */
  readonly policy?: 'accept' | 'drop';
  readonly rules: readonly string[];
}

/** Without Trama's own tables. IPv6's are left out: networks are IPv4. */
export function readNft(text: string): Chain[] {
  const chains: Chain[] = [];
  let table = '';
  let open: { name: string; hook?: string; policy?: 'accept' | 'drop'; rules: string[] } | undefined;
  for (const line of text.split('\n')) {
    const begun = /^table (\S+) (\S+) \{/.exec(line);
    if (begun) table = `${begun[1]} ${begun[2]}`;
    const chain = /^\tchain (\S+) \{/.exec(line);
    if (chain?.[1] !== undefined) open = { name: chain[1], rules: [] };
    else if (open !== undefined && /^\t\}/.test(line)) {
      chains.push({ tool: 'nft', table, ...open });
      open = undefined;
    } else if (open !== undefined) {
      const hook = /^\t\ttype (\w+) hook (\w+).*?(?:policy (\w+))?;?$/.exec(line);
      if (hook === null) open.rules.push(line.trim());
      else if (hook[1] === 'filter') {
        open.hook = hook[2] ?? '';
        open.policy = hook[3] === 'drop' ? 'drop' : 'accept';
      }
    }
  }
  return chains.filter(({ table }) => !table.startsWith('ip6 ') && !table.endsWith(' trama'));
}

const hooks: Readonly<Record<string, string>> = { INPUT: 'input', FORWARD: 'forward', OUTPUT: 'output' };

/** The table `filter`. */
export function readIptables(text: string): Chain[] {
  const chains = new Map<string, { policy?: 'accept' | 'drop'; rules: string[] }>();
  for (const line of text.split('\n')) {
    const [what, name, ...rest] = line.split(' ');
    if (name === undefined) continue;
    if (what === '-P') chains.set(name, { policy: rest[0] === 'DROP' ? 'drop' : 'accept', rules: [] });
    else if (what === '-N') chains.set(name, { rules: [] });
    else if (what === '-A') chains.get(name)?.rules.push(rest.join(' '));
  }
  return [...chains].map(([name, { policy, rules }]) => {
    const hook = hooks[name];
    return {
      ...({ tool: 'iptables', table: 'filter', name, rules } as const),
      ...(hook === undefined ? {} : { hook }),
      ...(policy === undefined ? {} : { policy }),
    };
  });
}

/** Whether what no rule accepts is dropped: by the policy, or by a last rule that everything meets. */
export function isClosed({ policy, rules }: Chain): boolean {
  return policy === 'drop' || rules.some(isDropOfAll);
}

/** Counters, logs and comments do not narrow a rule. */
function isDropOfAll(rule: string): boolean {
  const bare = rule
    .replace(/ comment "[^"]*"/, '')
    .replace(/counter packets \d+ bytes \d+ ?/, '')
    .replace(/^log( prefix "[^"]*")?( level \w+)? ?/, '')
    .trim();
  return /^(drop|reject( with .*)?|-j (DROP|REJECT)( --reject-with \S+)?)$/.test(bare);
}

export const drops = (rule: string): boolean => /\b(drop|reject)\b|-j (DROP|REJECT)\b/.test(rule);
export const accepts = (rule: string): boolean => /\baccept\b|-j ACCEPT\b/.test(rule);

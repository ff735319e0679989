/** Completion scripts for the three shells, from one tree. Names of things are asked of `trama __complete`. */
import type { Completes, Flag, Verb } from './completion-tree.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

const scripts: { readonly [S in Shell]: (tree: readonly Verb[]) => string } = { bash, zsh, fish };

export function completionScript(shell: Shell, tree: readonly Verb[]): string {
  return scripts[shell](tree);
}

/** In single quotes, for all three shells. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const takesValue = (flag: Flag): flag is Flag & { value: Completes } => flag.value !== undefined;

/** One `case` line per verb that can be gone down to. */
const pathCases = (tree: readonly Verb[]): string =>
  tree
    .filter((verb) => verb.path !== '')
    .map((verb) => quote(verb.path))
    .join('|');

/**
 * Finds in the words before the last the verb, and how many arguments are there; the same in bash and zsh, where a
 * variable `path` would be $PATH.
 */
function walk(tree: readonly Verb[], words: string, last: string): string {
  const valued = tree.flatMap((verb) =>
    verb.flags.filter(takesValue).flatMap((flag) => flag.spellings.map((one) => quote(`${verb.path}:${one}`))),
  );
  return `  while (( i < ${last} )); do
    word=\${${words}[i]}
    if [[ $word == '=' || $word == ':' ]]; then skip=1
    elif [[ -n $skip ]]; then skip=
    else
      case "$verb:$word" in
        ${valued.join('|')}) skip=1 ;;
        *:-*) ;;
        *)
          case "\${verb:+$verb }$word" in
            ${pathCases(tree)}) (( args == 0 )) && verb="\${verb:+$verb }$word" || (( ++args )) ;;
            *) (( ++args )) ;;
          esac ;;
      esac
    fi
    (( ++i ))
  done
`;
}

function bash(tree: readonly Verb[]): string {
  const offer = (what: Completes): string => {
    if (what.from === 'names') {
      const beside = what.beside.map((word) => `${word} `).join('');
      return `__trama_offer "${beside}$(__trama_names ${what.kind})"`;
    }
    if (what.from === 'words') return `__trama_offer ${quote(what.words.join(' '))}`;
    return what.from === 'files' ? 'COMPREPLY=($(compgen -f -- "$cur"))' : ':';
  };
  const values = tree.flatMap((verb) =>
    verb.flags
      .filter(takesValue)
      .map(
        (flag) =>
          `    ${flag.spellings.map((one) => quote(`${verb.path}:${one}`)).join('|')}) ${offer(flag.value)}; return ;;\n`,
      ),
  );
  const flags = tree.map(
    (verb) =>
      `      ${quote(verb.path)}) __trama_offer ${quote(verb.flags.flatMap((flag) => flag.spellings).join(' '))} ;;\n`,
  );
  const rest = tree.map((verb) => {
    const what =
      verb.below.length > 0
        ? `__trama_offer ${quote(verb.below.map((one) => one.name).join(' '))}`
        : inTurn(verb, offer);
    const only = verb.passes ? `if (( args > 0 )); then COMPREPLY=($(compgen -f -- "$cur")); else ${what}; fi` : what;
    return `    ${quote(verb.path)}) ${only} ;;\n`;
  });
  return `# bash completion for trama. Load it with: source <(trama completion bash)
# Of the cluster that --context names, if it is on the line.
__trama_names() {
  local -a of=()
  if [[ \${COMP_WORDS[1]} == --context && $1 != context ]]; then
    of=(--context "\${COMP_WORDS[2]}")
    if [[ \${COMP_WORDS[2]} == '=' ]]; then of=(--context "\${COMP_WORDS[3]}"); fi
  fi
  trama "\${of[@]}" __complete "$1" 2>/dev/null
}
# An image's name comes as a word for each side of its colons: they are put together, and what stands before the last is there.
__trama_image() {
  local i=$COMP_CWORD whole=\${COMP_WORDS[COMP_CWORD]} before=
  while (( i > 1 )) && [[ \${COMP_WORDS[i]} == : || \${COMP_WORDS[i-1]} == : ]]; do
    (( --i ))
    whole=\${COMP_WORDS[i]}$whole
  done
  before=\${whole%"\${whole##*:}"}
  COMPREPLY=($(compgen -W "$(__trama_names image)" -- "$whole"))
  COMPREPLY=("\${COMPREPLY[@]#"$before"}")
}
__trama_offer() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
  # More is to come.
  if [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *: ]]; then compopt -o nospace 2>/dev/null; fi
}
_trama() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb= word= skip= i=1 args=0
  COMPREPLY=()
  # container:web comes as three words, and so does --node=h1.
  if [[ $cur == : && $prev == container ]]; then cur= prev=container:
  elif [[ $prev == : && \${COMP_WORDS[COMP_CWORD-2]} == container ]]; then prev=container:; fi
  if [[ $prev == container: ]]; then __trama_offer "$(__trama_names container)"; return; fi
  if [[ $cur == = ]]; then cur=
  elif [[ $prev == = ]] && (( COMP_CWORD > 2 )); then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
${walk(tree, 'COMP_WORDS', 'COMP_CWORD')}  if (( args == 1 )) && [[ $cur == : || $prev == : ]]; then case "$verb" in ${ofImages(tree)}) __trama_image; return ;; esac; fi
${behind(tree, (words) => `__trama_offer ${quote(words)}`)}  if (( args > 0 )); then case "$verb" in ${passing(tree)}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac; fi
  case "$verb:$prev" in
${values.join('')}  esac
  if [[ $cur == -* ]]; then
    case "$verb" in
${flags.join('')}    esac
    return
  fi
  case "$verb" in
${rest.join('')}  esac
}
complete -F _trama trama
`;
}

/** Flags that stand behind the first argument, where the words are another command's otherwise; for bash and zsh alike. */
const behind = (tree: readonly Verb[], offer: (words: string) => string): string =>
  tree
    .filter((verb) => verb.behind.length > 0)
    .map(
      (verb) =>
        `  if [[ $verb == ${quote(verb.path)} && $args == 1 && $cur == -* ]]; then ${offer(verb.behind.flatMap((flag) => flag.spellings).join(' '))}; return; fi\n`,
    )
    .join('');

/** For bash and zsh alike. */
const inTurn = ({ argument, second }: Verb, offer: (what: Completes) => string): string =>
  second === undefined ? offer(argument) : `if (( args > 0 )); then ${offer(second)}; else ${offer(argument)}; fi`;

const ofImages = (tree: readonly Verb[]): string =>
  tree
    .filter(({ argument }) => argument.from === 'names' && argument.kind === 'image')
    .map((verb) => quote(verb.path))
    .join('|');

const passing = (tree: readonly Verb[]): string =>
  tree
    .filter((verb) => verb.passes)
    .map((verb) => quote(verb.path))
    .join('|');

/** To a word that ends in a colon more is to come: no space. */
function zshWords(words: readonly string[]): string {
  const open = words.filter((word) => word.endsWith(':'));
  const whole = words.filter((word) => !word.endsWith(':'));
  return `compadd -- ${whole.join(' ')}${open.length === 0 ? '' : `; compadd -S '' -- ${open.join(' ')}`}`;
}

function zsh(tree: readonly Verb[]): string {
  const offer = (what: Completes): string => {
    if (what.from === 'names') {
      const names = `compadd -- \${(f)"$(__trama_names ${what.kind})"}`;
      return what.beside.length === 0 ? names : `${names}; ${zshWords(what.beside)}`;
    }
    if (what.from === 'words') return zshWords(what.words);
    return what.from === 'files' ? '_files' : ':';
  };
  const described = (entries: readonly (readonly [string, string])[]) =>
    `entries=(${entries.map(([name, says]) => quote(`${name.replaceAll(':', '\\:')}:${says}`)).join(' ')}); _describe trama entries`;
  const values = tree.flatMap((verb) =>
    verb.flags
      .filter(takesValue)
      .map(
        (flag) =>
          `    ${flag.spellings.map((one) => quote(`${verb.path}:${one}`)).join('|')}) ${offer(flag.value)}; return ;;\n`,
      ),
  );
  const flags = tree.map(
    (verb) =>
      `      ${quote(verb.path)}) ${described(verb.flags.flatMap((flag) => flag.spellings.map((one) => [one, flag.says] as const)))} ;;\n`,
  );
  const rest = tree.map(
    (verb) =>
      `    ${quote(verb.path)}) ${verb.below.length > 0 ? described(verb.below.map((one) => [one.name, one.says])) : inTurn(verb, offer)} ;;\n`,
  );
  return `#compdef trama
# zsh completion for trama. Load it with: source <(trama completion zsh)
# Of the cluster that --context names, if it is on the line.
__trama_names() {
  local -a of
  case \${words[2]} in
    --context) of=(--context "\${words[3]}") ;;
    --context=*) of=("\${words[2]}") ;;
  esac
  [[ $1 == context ]] && of=()
  trama "\${of[@]}" __complete $1 2>/dev/null
}
_trama() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} verb= word= skip=
  local -i i=2 args=0
  local -a entries
${walk(tree, 'words', 'CURRENT')}${behind(tree, (words) => `compadd -- ${words}`)}  if (( args > 0 )); then case "$verb" in ${passing(tree)}) _files; return ;; esac; fi
  case "$verb:$prev" in
${values.join('')}  esac
  if [[ $cur == -* ]]; then
    case "$verb" in
${flags.join('')}    esac
    return
  fi
  case "$verb" in
${rest.join('')}  esac
}
# Loaded by itself from $fpath, the file is the function; sourced, it defines it.
if [[ \${funcstack[1]} == _trama ]]; then _trama; else compdef _trama trama; fi
`;
}

function fish(tree: readonly Verb[]): string {
  const offer = (what: Completes): string => {
    if (what.from === 'names') {
      const beside = what.beside.map((word) => `${word} `).join('');
      return ` -f -a '${beside}(__trama_names ${what.kind})'`;
    }
    if (what.from === 'words') return ` -f -a ${quote(what.words.join(' '))}`;
    return what.from === 'files' ? ' -F' : ' -f';
  };
  const lines = tree.flatMap((verb) => {
    const here = `complete -c trama -n "__trama_at ${quote(verb.path)}"`;
    const below = verb.below.map((one) => `${here} -f -a ${one.name} -d ${quote(one.says)}`);
    const argument = verb.below.length === 0 ? fishArguments(verb, offer) : [];
    const behind = verb.behind.map(
      (flag) => `complete -c trama -n "__trama_at ${quote(verb.path)} 1"${fishFlag(flag, offer)}`,
    );
    return [...below, ...argument, ...verb.flags.map((flag) => here + fishFlag(flag, offer)), ...behind];
  });
  const valued = tree.flatMap((verb) =>
    verb.flags.filter(takesValue).flatMap((flag) => flag.spellings.map((one) => quote(`${verb.path}:${one}`))),
  );
  const paths = tree.filter((verb) => verb.path !== '').map((verb) => quote(verb.path));
  return `# fish completion for trama. Load it with: trama completion fish | source
# Of the cluster that --context names, if it is on the line.
function __trama_names
    set -l of
    set -l words (commandline -opc)
    if test "$argv[1]" != context
        switch "$words[2]"
            case --context
                set of --context $words[3]
            case '--context=*'
                set of $words[2]
        end
    end
    trama $of __complete $argv[1] 2>/dev/null
end
function __trama_at
    set -l verb
    set -l skip 0
    set -l args 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- "$verb:$word" ${valued.join(' ')}
            set skip 1
        else if not string match -q -- '-*' $word
            set -l longer (string trim -- "$verb $word")
            if test $args = 0; and contains -- $longer ${paths.join(' ')}
                set verb $longer
            else
                set args 1
                contains -- "$verb" ${tree
                  .filter((verb) => verb.passes)
                  .map((verb) => quote(verb.path))
                  .join(' ')}; and test (count $argv) = 1; and return 1
            end
        end
    end
    test "$verb" = "$argv[1]"; and begin; test (count $argv) = 1; or test $args = $argv[2]; end
end
${lines.join('\n')}
`;
}

/** @param offer as in `fish` */
function fishArguments({ path, argument, second }: Verb, offer: (what: Completes) => string): string[] {
  if (second === undefined) return [`complete -c trama -n "__trama_at ${quote(path)}"${offer(argument)}`];
  return [argument, second].map((what, at) => `complete -c trama -n "__trama_at ${quote(path)} ${at}"${offer(what)}`);
}

function fishFlag(flag: Flag, offer: (what: Completes) => string): string {
  const spellings = flag.spellings
    .map((one) => (one.startsWith('--') ? ` -l ${one.slice(2)}` : ` -s ${one.slice(1)}`))
    .join('');
  return `${spellings} -d ${quote(flag.says)}${flag.value === undefined ? '' : ` -r${offer(flag.value)}`}`;
}

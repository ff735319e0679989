const longest = 60;

/** C0, DEL, C1, line separators and the marks that turn a terminal's text direction. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** What somebody typed, safe to put into a sentence: in quotes, at most 60 characters, nothing that moves a terminal. */
export function quoted(text: string): string {
  const shown = text.length > longest ? `${text.slice(0, longest)}…` : text;
  const escaped = shown
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(unprintable, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
  return `"${escaped}"`;
}

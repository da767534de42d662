/**
 * The pattern with one capturing group only, the `wanted` one, counted as RE2 does: by where they open. Undefined if there is none. What
 * is no pattern stays none: who compiles it says so.
 */
export function onlyGroup(pattern: string, wanted: number): string | undefined {
  let [text, at, groups, isFound] = ['', 0, 0, false]
  while (at < pattern.length) {
    const [whole, isGroup] = partAt(pattern, at)
    at += whole.length
    if (isGroup) groups++
    isFound ||= isGroup && groups === wanted
    text += isGroup && groups !== wanted ? '(?:' : whole
  }
  return isFound ? text : undefined
}

/** An escape, a class, what is quoted, what opens a group, or one character. */
const part = /\\Q[^]*?(?:\\E|$)|\\[^]|\[\^?\]?(?:\[:\^?\w+:\]|\\[^]|[^\]\\])*\]?|\((?:\?P?<\w+>|(?!\?))|[^]/y

function partAt(pattern: string, at: number): [whole: string, isGroup: boolean] {
  part.lastIndex = at
  const whole = part.exec(pattern)?.[0] ?? pattern.slice(at)
  return [whole, whole.startsWith('(') && (whole === '(' ? pattern[at + 1] !== '?' : true)]
}

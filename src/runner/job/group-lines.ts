/** What a step may not do to the group that its lines are shown in. */
export interface GroupLines {
  /** One line of the step without its end, as it is to be shown: lines in front of it, another text, or nothing. */
  line(text: string): { readonly before?: string; readonly text?: string } | undefined
  /** Closes what the step has left open. */
  end(): string
}

const maxOpen = 100

/**
 * GitHub: a command stands at the start of a line, as its runner reads them (actions/runner, ActionCommand.cs: white space before
 * it is left out, upper and lower case are one), in the old form `##[...]` anywhere. Groups are not nested there: the step's own
 * ends ours, so ours goes on after it. An end of a group that is not the step's is left out. `::stop-commands::` is a tool's
 * protection against what it prints; it is taken back at the end of the step, since it would hold for all that follows.
 */
export function githubLines(title: string): GroupLines {
  const tokens = new Set<string>()
  let inOwn = false
  let isOutside = false
  return {
    line(said) {
      const [name, data] = commandIn(said)
      // The old form has its name up to white space or the bracket.
      const text = said.replaceAll(/##\[(?=\s*(?:end-?group|group|stop-commands)(?:[\s\]]|$))/gi, '## [')
      if (name === 'endgroup') {
        if (!inOwn) return { text: '' }
        inOwn = false
        isOutside = true
        return { text }
      }
      const before = isOutside && name !== 'group' ? `::group::${title} (goes on)\n` : ''
      isOutside = false
      if (name === 'group') inOwn = true
      if (name === 'stop-commands') {
        // Only by a token that is one word, read alike by all, can we begin them again.
        if (tokens.size >= maxOpen || !/^[A-Za-z0-9_-]{1,200}$/.test(data)) return { before, text: '' }
        tokens.add(data)
      }
      return { before, text }
    },
    end: () => [...tokens].map((token) => `::${token}::\n`).join(''),
  }
}

function commandIn(text: string): [name: string, data: string] {
  const found = /^[\s\u0085]*::(.*?)::(.*)$/s.exec(text)
  const [name = ''] = (found?.[1] ?? '').split(' ')
  return [name.toLowerCase(), found?.[2] ?? '']
}

/** GitLab: sections are nested and closed by name. Ours has a name that no step can guess; what a step leaves open we close. */
export function gitlabLines(): GroupLines {
  const open = new Set<string>()
  return {
    line(text) {
      for (const [, kind, name = ''] of text.matchAll(/section_(start|end):\d+:([a-zA-Z0-9_.-]+)/g)) {
        if (kind === 'end') open.delete(name)
        else if (open.size < maxOpen) open.add(name)
        else return { text: '' }
      }
      return undefined
    },
    end: () =>
      [...open]
        .toReversed()
        .map((name) => `\x1b[0Ksection_end:${Math.floor(Date.now() / 1000)}:${name}\r\x1b[0K\n`)
        .join(''),
  }
}

/** A line of a step that begins as ours do, whatever a terminal does not show before it, gets a mark in front. */
export function marked(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const seen = text.replaceAll(/\x1b\[[0-9;:?]*[A-Za-z]|[\s\p{Cc}\p{Cf}]/gu, '')
  return seen.startsWith('mayfly:') ? `> ${text}` : text
}

/** A longer line is shown in parts, each a line: a command in the middle of it would else be one that we do not look for. */
const maxKeptBytes = 65_536
const lineEnd = Buffer.from('\n')

/** Passes a step's output on by whole lines, each as `lines` has it; bytes of all others stay as they are. */
export function createStepLines(lines: GroupLines): { add(chunk: Buffer): Buffer; end(): Buffer } {
  let kept: Buffer = Buffer.alloc(0)

  function shown(line: Buffer, end: Buffer): Buffer[] {
    const text = line.toString()
    const { before = '', text: other = text } = lines.line(text) ?? {}
    if (other === '' && text !== '') return [Buffer.from(before)]
    const plain = marked(other)
    return [Buffer.from(before), plain === text ? line : Buffer.from(plain), end]
  }

  return {
    add(chunk) {
      const all = Buffer.concat([kept, chunk])
      const out: Buffer[] = []
      let at = 0
      for (let i = 0; i < all.length; i++) {
        if (all[i] !== 0x0a && all[i] !== 0x0d) continue
        out.push(...shown(all.subarray(at, i), all.subarray(i, i + 1)))
        at = i + 1
      }
      kept = Buffer.from(all.subarray(at))
      if (kept.length > maxKeptBytes) {
        out.push(...shown(kept, lineEnd))
        kept = Buffer.alloc(0)
      }
      return Buffer.concat(out)
    },
    end() {
      const last = kept.length === 0 ? [] : shown(kept, lineEnd)
      return Buffer.concat([...last, Buffer.from(lines.end())])
    },
  }
}
